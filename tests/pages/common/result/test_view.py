"""How maps are shown: the scale of the colour bar."""

from __future__ import annotations

import pytest

import explainers as ex
from explainers.render.scale import own_maps
from pages.common.result.view import View
from tests.support.app import opened

SCENE = "scene:1000050"


def test_a_fixed_scale_begins_with_that_of_the_map_and_stays_for_the_next() -> None:
    app = opened("grad_cam", input=SCENE)
    app.toggle(key="cam_fixed").set_value(True).run()
    attribution = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), "grad-cam")
    own = float(own_maps(attribution).max())
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


def test_how_a_map_is_shown_stands_in_the_address_and_changes_its_legend() -> None:
    plain = opened("grad_cam", input=SCENE)
    app = opened("grad_cam", input=SCENE, cam_shown="contours", cam_grey="true")
    assert app.get_by_key("cam_shown").value == "contours"
    assert app.toggle(key="cam_grey").value
    legends = ["".join(bar.proto.body for bar in at.get("html")) for at in (plain, app)]
    assert ["Lines at 25 %" in legend for legend in legends] == [False, True]


@pytest.mark.parametrize("method", ["grad-cam", "integrated-gradients", "gradient"])
@pytest.mark.parametrize("view", [View(), View(fold="abs"), View(limit=0.001), View(limit=100.0)])
def test_the_largest_value_and_the_colour_bar_never_contradict_each_other(method: str, view: View) -> None:
    a = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), method)
    scale, largest = view.scale(a), view.largest(a)
    clipping = scale.clipping(view.map(a))
    assert abs(largest) == pytest.approx(float(abs(view.map(a)).max() if view.signed(a) else view.map(a).max()))
    said = clipping.largest if largest > 0 else clipping.least
    assert said == largest if abs(largest) > scale.high * 1.001 else said is None
