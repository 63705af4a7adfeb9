"""The question of every cell, asked once where layers make no difference."""

from __future__ import annotations

import explainers as ex
from tests.support.app import CAMS, grid_code, grid_numbers, opened, run_code

SCENE = "scene:1000050"


def test_a_map_of_no_layer_is_shown_once_and_not_called_by_one() -> None:
    app = opened(
        "compare",
        model="demo:signs-cnn",
        input=SCENE,
        **CAMS | {"compare_methods": ["grad-cam", "integrated-gradients"]},
    )
    layers = ex.stages(ex.layers(ex.load_model("demo:signs-cnn")))[-3:]
    assert grid_numbers(app)["map"].tolist() == [f"grad-cam · {name}" for name in layers] + [
        "integrated-gradients · no layer"
    ]
    sentence = "Integrated gradients looks at no layer: its one map stands in the first of these places."
    assert [info.value for info in app.info] == [sentence] * 2
    assert any(caption.value.endswith("Looking at no layer: integrated-gradients.") for caption in app.caption)
    assert len(run_code(grid_code(app))["maps"]) == 4
    beside = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows="layers", compare_columns_beside_layers="models",
        compare_method="integrated-gradients", compare_models=["demo:signs-cnn", "demo:signs-shortcut"],
    )  # fmt: skip
    assert grid_numbers(beside)["map"].tolist() == ["no layer · demo:signs-cnn", "no layer · demo:signs-shortcut"]
