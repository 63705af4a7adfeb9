"""The app opened page by page without a browser, and what stands on it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torchvision
from streamlit.testing.v1 import AppTest

import explainers as ex

CAMS: dict[str, str | list[str]] = {
    "compare_methods": ["grad-cam", "layer-cam", "hires-cam"],
    "compare_columns_beside_methods": "layers",
}
"""A comparison of nine maps that share their passes: soon made."""

APP = str(Path(__file__).parents[2] / "main.py")  # what app.py serves


def opened(page: str = "", **query: str | list[str]) -> AppTest:
    """The app at an address; a page by the name of its script, "" for the opening one."""
    app = AppTest.from_file(APP, default_timeout=600)
    for name, value in query.items():
        app.query_params[name] = value
    if page:
        app.switch_page(f"pages/{page}.py")  # as for a visitor who follows a link: the opening page is never run
    app.run()
    assert not app.exception
    return app


def give(app: AppTest, kind: str, name: str, content: bytes) -> None:
    """Upload a file in the dialog of a kind: "upload" (a picture), "weights" or "labels"."""
    app.button(key=f"_open_{kind}").click().run()
    (uploader,) = [uploader for uploader in app.file_uploader if str(uploader.key).startswith("_")]
    uploader.set_value((name, content, "application/octet-stream")).run()
    assert not app.exception


def take_picture(app: AppTest, name: str) -> None:
    """What pressing a picture of the gallery does."""
    app.text_input(key="input").set_value(name).run()


def refusal(app: AppTest) -> str:
    """What the dialog says of the file that was uploaded last; the dialog itself stands in the browser alone."""
    return str(app.session_state["_refused"])


def words(app: AppTest) -> str:
    """The running text and the captions of the page."""
    return "\n".join(str(element.value) for element in (*app.main.markdown, *app.main.caption, *app.title))


def metrics(app: AppTest) -> dict[str, str]:
    """The numbers below a map, by their labels."""
    return {metric.label: str(metric.value) for metric in app.metric}


def map_code(app: AppTest) -> str:
    """The code on the page that makes its map; on the opening page it is made once its box is opened."""
    if not app.code:
        app.session_state["_overview_code"] = True
        app.run()
    return next(str(block.value) for block in app.code if "= ex.explain(" in block.value)


def grid_code(app: AppTest) -> str:
    """The code on the page that makes the maps of a comparison."""
    return next(str(block.value) for block in app.code if "explain_all" in block.value)


def run_code(code: str) -> dict[str, Any]:
    """What code from a page makes: the page promises that it runs as it stands."""
    space: dict[str, Any] = {}
    exec(code, space)
    return space


def grid_numbers(app: AppTest) -> pd.DataFrame:
    """The table of all maps of a comparison."""
    return next(frame.value for frame in app.dataframe if "seconds" in frame.value)


def badges(app: AppTest) -> str:
    """What the checks of a map say, in badges."""
    labels = [popover.proto.popover.label for popover in app.get("popover")]
    return "\n".join(label for label in labels if "-badge[" in label)


def viewers(app: AppTest) -> int:
    """How many pictures the page shows, to be looked at closely."""
    return sum("vitrine_viewer" in str(component.proto) for component in app.get("bidi_component"))


def picture(colour: str) -> bytes:
    """A drawn scene, with a corner of its own."""
    buffer = io.BytesIO()
    image = ex.sample("scene:1000003").load()
    image.paste(colour, (0, 0, 20, 20))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def checkpoint(name: str, seed: int) -> bytes:
    torch.manual_seed(seed)
    buffer = io.BytesIO()
    torch.save(getattr(torchvision.models, name)().state_dict(), buffer)
    return buffer.getvalue()
