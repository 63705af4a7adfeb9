"""A result to take away."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

import explainers as ex
from explainers.render.figure import figure
from pages.common.result.downloads import figure_png
from pages.common.result.view import View
from pages.common.sections.story import scene

SCENE = "scene:1000050"


def test_the_picture_that_is_handed_on_names_the_unit_of_its_colour_bar() -> None:
    selection = scene("demo:signs-cnn", SCENE)
    attribution = ex.explain(selection.model, selection.image, "grad-cam")
    view = View("viridis", 0.6)
    scale = view.scale(attribution)
    drawn = Image.open(io.BytesIO(figure_png(selection, attribution, view, scale, "Grad-CAM")))
    caption = f"demo:signs-cnn: {attribution.target.describe(selection.model.labels)}, score {attribution.score[0]:.3f}"
    parts = (selection.enlarged(560), view.maps(attribution)[0], scale, "viridis", 0.6, "Grad-CAM", caption)
    named, bare = (figure(*parts, unit=unit) for unit in (ex.find_method("grad-cam").unit, ""))
    assert np.array_equal(np.asarray(drawn.convert("RGB")), np.asarray(named))
    assert named.size != bare.size or not np.array_equal(np.asarray(named), np.asarray(bare))
