"""How maps are shown: the scale of the colour bar."""

from __future__ import annotations

import pytest

import explainers as ex
from explainers.render.scale import Scale
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
