"""The panel of a result: its scale, and the picture that is handed on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import explainers as ex
from explainers.inputs.images import BYTES_LIMIT
from explainers.render.overlay import Scale, figure
from pages.common.result.downloads import figure_png
from pages.common.result.view import View
from pages.common.sections.story import scene
from pages.common.sidebar.uploads import LARGEST
from tests.support.app import opened

SCENE = "scene:1000050"


def test_a_fixed_scale_begins_with_that_of_the_map_and_stays_for_the_next() -> None:
    app = opened("grad_cam", input=SCENE)
    app.toggle(key="cam_fixed").set_value(True).run()
    attribution = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), "grad-cam")
    own = Scale.of(attribution.heatmap().numpy(), signed=False, percentile=100).high
    assert app.number_input(key="cam_limit").value == pytest.approx(own, rel=1e-3)
    app.selectbox(key="cam_method").set_value("LayerCAM").run()
    assert app.number_input(key="cam_limit").value == pytest.approx(own, rel=1e-3)
    app.toggle(key="cam_fixed").set_value(False).run()
    app.toggle(key="cam_fixed").set_value(True).run()
    assert app.number_input(key="cam_limit").value != pytest.approx(own, rel=1e-3), "another map, another beginning"


def test_a_link_that_fixes_no_value_shows_the_maps_own_scale() -> None:
    bars = [[bar.proto.body for bar in app.get("html")] for app in (
        opened("grad_cam", input=SCENE), opened("grad_cam", input=SCENE, cam_fixed="true"),
    )]  # fmt: skip
    assert bars[0] == bars[1]


def test_the_heads_keep_their_own_scale() -> None:
    bars = [[bar.proto.body for bar in app.get("html")] for app in (
        opened("attention", input=SCENE, model="demo:signs-vit"),
        opened("attention", input=SCENE, model="demo:signs-vit", attention_fixed="true", attention_limit="7"),
    )]  # fmt: skip
    assert bars[0][0] != bars[1][0]
    assert bars[0][-1] == bars[1][-1]


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


def test_no_picture_is_sent_that_would_not_be_read() -> None:
    app = opened("overview", input=SCENE)
    assert app.file_uploader(key="_picture_file").proto.max_upload_size_mb == LARGEST == BYTES_LIMIT // 10**6
