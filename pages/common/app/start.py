"""What the server does before its first visitor comes: all that is heavy is imported, and the opening page tried out once."""

from __future__ import annotations

import gc
import importlib
import logging
import pkgutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.cli_util import open_browser
from streamlit.runtime import Runtime
from streamlit.web.server.server_util import get_url

APP = Path(__file__).parents[3] / "app.py"

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Warm the server, then let visitors in. The port is bound before that: a browser that comes early waits, and is served then."""
    started = time.monotonic()
    print("  Getting ready: importing, and trying out the opening page.", flush=True)
    await anyio.to_thread.run_sync(_import)
    await _visit()
    # What is alive now stays. Freezing it keeps it out of the collection that Streamlit runs after every run of the script, which
    # would cost a fifth of a second each time with torch loaded.
    gc.collect()
    gc.freeze()
    print(f"  Ready after {time.monotonic() - started:.1f} s.\n", flush=True)
    if _started_by_streamlit() and not st.get_option("server.headless"):
        open_browser(get_url(st.get_option("browser.serverAddress")))
    yield


async def _ready(request: Request) -> JSONResponse:
    return JSONResponse({"ready": True})


ROUTES = [Route("/readyz", _ready)]
"""For whoever sends visitors: nothing is answered before the server is warm."""


def _import() -> None:
    """Everything that takes seconds to import, for every page, and what is set and tidied up once per process."""
    import explainers as ex
    import pages.common
    from pages.common.app.caches import upload_store

    for module in pkgutil.walk_packages(pages.common.__path__, "pages.common."):
        importlib.import_module(module.name)
    ex.configure_process()
    upload_store()  # what a crashed server left goes now, not at the first upload


async def _visit() -> None:
    """Run the script as it runs for a visitor: through the same caches, with the first passes, pictures and charts of the process.

    It also tells Streamlit, by its call of st.navigation, that the folder called pages is none of its older kind of app. Otherwise
    the first to follow a link to a page would get the script of that page alone.
    """
    well, words = await Runtime.instance().does_script_run_without_error()
    if not well:
        log.warning("The opening page did not run to its end before the first visit: %s.", words)


def _started_by_streamlit() -> bool:
    """Whether by `streamlit run`, which opens the browser for a script, but not for an app that starts itself."""
    return Path(sys.argv[0]).resolve() == APP
