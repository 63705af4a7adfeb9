"""What the server has done when its first visitor comes."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from benchmarks.visitors import visitor
from tests.support.browser.server import ROOT, serve

# In a process of its own: what is alive there is frozen for good, and Streamlit knows one server per process.
START = """
import asyncio, gc, json, sys, warnings

import app

async def start():
    said, told = asyncio.Queue(), asyncio.Queue()
    serving = asyncio.create_task(app.app({"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    answer = (await said.get())["type"]
    frozen = gc.get_freeze_count()
    import explainers as ex
    from pages.common.app.caches import model_cache
    from pages.common.app.selection import predicted
    from streamlit.runtime.pages_manager import PagesManager
    model = model_cache().find((ex.list_models()[0].spec, None))
    picture = None  # what it shows is known already
    answer_kept = predicted(model, picture, ex.samples()[0].id).top(1)[0][0]
    filters = len(warnings.filters)
    ex.configure_process()
    await told.put({"type": "lifespan.shutdown"})
    await serving
    return {
        "answer": answer, "frozen": frozen, "label": answer_kept,
        "older_kind": PagesManager.uses_pages_directory, "configured": len(warnings.filters) == filters,
        "charts": "altair" in sys.modules,
    }

print("RESULT" + json.dumps(asyncio.run(start())))
"""


def test_a_server_that_starts_imports_and_tries_out_the_opening_page() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, timeout=600, check=True
    )
    result = json.loads(done.stdout.split("RESULT")[1])
    assert result["answer"] == "lifespan.startup.complete"
    assert result["frozen"] > 100_000  # torch alone brings more
    assert result["label"]
    assert result["older_kind"] is False
    assert result["configured"]
    assert result["charts"]  # which the opening page does without, and the others need
    assert "did not run to its end" not in done.stderr


def test_the_real_server_is_warm_when_it_answers_and_serves_a_link_to_a_page(tmp_path: Path) -> None:
    process, address = serve(tmp_path / "log")
    try:
        assert "Ready after" in (tmp_path / "log").read_text()
        with urllib.request.urlopen(f"{address}/readyz") as answer:
            assert json.load(answer) == {"ready": True}
        with visitor(address, "saliency", "model") as first:
            assert first.run()  # the whole app, whose sidebar has the model, and not the script of the page alone
    finally:
        process.terminate()
        process.wait(30)
