"""The app opened page by page without a browser, and what stands on it."""

from __future__ import annotations

import io
from pathlib import Path

import torch
import torchvision
from streamlit.testing.v1 import AppTest

import explainers as ex

APP = str(Path(__file__).parents[2] / "app.py")


def opened(page: str = "", **query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    if page:
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in (*app.main.markdown, *app.main.caption, *app.title))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in app.metric}


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
