"""The Grad-CAM page: the map of a layer, and the strip from early to late."""

from __future__ import annotations

from tests.support.app import opened

SCENE = "scene:1000050"


def test_a_method_that_fits_one_layer_only_has_no_strip() -> None:
    app = opened("grad_cam", cam_method="CAM", input=SCENE)
    assert not app.error
    assert "cam_strip" not in [element.key for element in app.multiselect]
    assert "cam_strip_of_many" not in [element.key for element in app.multiselect]
    assert len(app.get("image")) == 2
