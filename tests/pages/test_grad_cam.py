"""The Grad-CAM page: the map of a layer, and the strip from early to late."""

from __future__ import annotations

import torch

import explainers as ex
from tests.support.app import map_code, opened, run_code, viewers

SCENE = "scene:1000050"


def test_a_method_that_fits_one_layer_only_has_no_strip() -> None:
    app = opened("grad_cam", cam_method="CAM", input=SCENE)
    assert not app.error
    assert "cam_strip" not in [element.key for element in app.multiselect]
    assert "cam_strip_of_many" not in [element.key for element in app.multiselect]
    assert viewers(app) == 2


def test_the_code_of_the_strip_makes_its_maps_and_their_fusion() -> None:
    app = opened("grad_cam", input=SCENE, cam_method="LayerCAM", cam_strip=["layer3", "layer1"], cam_fused="product")
    assert [label for label in (box.label for box in app.expander) if "strip" in label] == [
        "The code that makes the strip"
    ]
    space = run_code(next(block.value for block in app.code if "fuse" in block.value))
    maps = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load(), "layer-cam", layer=["layer1", "layer3"])
    assert [attribution.layer for attribution in space["maps"]] == ["layer1", "layer3"], "from early to late"
    assert torch.equal(space["fused"].values, ex.fuse(maps, "product").values)
    assert "maps" not in map_code(app), "the map above the strip has code of its own"
