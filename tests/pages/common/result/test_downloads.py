"""A result to take away: every picture says what it is, to the eye and in its file."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
from PIL import Image

import explainers as ex
from explainers.export import provenance
from explainers.render.figure import figure
from explainers.render.overlay import overlay
from pages.common.result.downloads import figure_png, overlay_png
from pages.common.result.view import View
from pages.common.sections.story import scene
from tests.support.app import opened

SCENE = "scene:1000050"


def test_the_picture_that_is_handed_on_names_its_origin_and_the_unit_of_its_colour_bar() -> None:
    selection = scene("demo:signs-cnn", SCENE)
    attribution = ex.explain(selection.model, selection.image, "grad-cam")
    view = View(shown="contours")
    scale, unit = view.scale(attribution), ex.find_method("grad-cam").unit
    about = provenance(
        selection.model, attribution, "street.png", "Supported.", "http://127.0.0.1/x", date(2026, 11, 27)
    )
    drawn = Image.open(io.BytesIO(figure_png(selection, attribution, view, scale, "Grad-CAM at layer4", about)))
    expected = figure(
        selection.enlarged(560),
        view.map(attribution),
        scale,
        view.style,
        "Grad-CAM at layer4",
        "\n".join(about.lines()),
        unit,
    )
    assert np.array_equal(np.asarray(drawn.convert("RGB")), np.asarray(expected))
    words = drawn.text
    assert words["Title"] == "Grad-CAM at layer4"
    assert words["Model"] == "demo:signs-cnn"
    assert words["Picture"] == "street.png"
    assert words["Target"] == attribution.target.describe(selection.model.labels)
    assert words["Creation Time"] == "2026-11-27"
    assert (words["Verdict"], words["Source"]) == ("Supported.", "http://127.0.0.1/x")


def test_the_map_alone_is_the_overlay_with_its_region_and_says_in_its_file_what_it_is() -> None:
    selection = scene("demo:signs-cnn", SCENE)
    attribution = ex.explain(selection.model, selection.image, "integrated-gradients", steps=8)
    view = View()
    region = np.zeros((96, 96), bool)
    region[20:40, 30:60] = True
    scale, about = view.scale(attribution), provenance(selection.model, attribution, "street.png")
    drawn = Image.open(io.BytesIO(overlay_png(selection, attribution, view, scale, about, region)))
    expected = overlay(selection.enlarged(560), view.map(attribution), scale, view.style, region)
    assert np.array_equal(np.asarray(drawn.convert("RGB")), np.asarray(expected))
    assert drawn.text["Options"] == "steps=8"


def test_all_files_are_in_one_menu() -> None:
    app = opened("grad_cam", input=SCENE)
    labels = [button.label for button in app.get("download_button")]
    assert labels[:4] == ["Picture, map and words (PNG)", "Map over the picture (PNG)", "Array (NPY)", "Table (CSV)"]
    assert [menu.proto.popover.label for menu in app.get("popover") if menu.proto.popover.label == "Download"]
