"""The Compare page: what stands in the grid is what the library gives, and what its forms hold reaches it."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from tests.support.app import CAMS, grid_code, grid_numbers, opened, run_code, words

SCENE = "scene:1000050"
METHODS = CAMS["compare_methods"]


@pytest.mark.parametrize(
    ("spec", "methods"),
    [
        ("demo:signs-cnn", ["grad-cam", "integrated-gradients", "occlusion"]),
        ("demo:signs-vit", ["attn-lrp", "integrated-gradients", "occlusion"]),
    ],
)
def test_it_opens_on_three_families_asked_for_the_first_two_answers(spec: str, methods: list[str]) -> None:
    app = opened("compare", model=spec, input=SCENE)
    model, image = ex.load_model(spec), ex.sample(SCENE).load()
    second = ex.predict(model, image).top(2)[1][0]
    table = grid_numbers(app)
    assert table["map"].tolist() == [f"{method} · {target}" for method in methods for target in ("top class", second)]
    assert len({ex.find_method(method).family for method in methods}) == 3
    alike = ex.rank_correlations([ex.explain(model, image, method) for method in methods], methods)
    between = alike[alike["row"] != alike["column"]]["correlation"]
    assert between.max() < 0.9, "cells that look the same teach nothing"


def test_what_the_sidebar_chose_is_called_by_its_name() -> None:
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows="models", compare_columns_beside_models="inputs",
        compare_models=["the sidebar's", "demo:signs-cnn"], compare_inputs=["the sidebar's"],
    )  # fmt: skip
    assert grid_numbers(app)["map"].tolist() == [
        f"demo:signs-cnn (in the sidebar) · {SCENE}", f"demo:signs-cnn · {SCENE}"
    ]  # fmt: skip
    said = words(app)
    assert "*The sidebar's* is demo:signs-cnn." in said
    assert f"*The sidebar's* is {SCENE}." in said
    assert app.multiselect(key="compare_models").value[0] == "the sidebar's", "links stay as they are"


def test_methods_by_layers_stand_at_once() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    model = ex.load_model("demo:signs-cnn")
    layers = ex.stages(ex.layers(model))[-3:]
    table = grid_numbers(app)
    assert table["map"].tolist() == [f"{method} · {layer}" for method in METHODS for layer in layers]
    assert table["forward passes"].sum() == 1
    assert table["backward passes"].sum() == 1
    maps = ex.explain(model, ex.sample(SCENE).load(), METHODS, layer=layers)
    expected = [ex.likeness(attribution, maps[0])[0] for attribution in maps]
    assert table["rank correlation with reference"].tolist() == pytest.approx(expected, abs=1e-4)


def test_options_of_a_method_reach_its_maps_its_code_and_its_table() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    before = grid_numbers(app)["rank correlation with reference"]
    assert "compare_layer" not in [box.key for box in app.selectbox]  # an axis here
    app.toggle(key="compare_layer_cam_eigen_smooth").set_value(True).run()
    assert not app.exception
    table = grid_numbers(app)
    assert table["options"].tolist() == [""] * 3 + ["eigen_smooth=True"] * 3 + [""] * 3
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
    first = ex.explain(model, image, "grad-cam", layer=table["layer"][0])
    smooth = ex.explain(model, image, "layer-cam", layer=table["layer"][4], eigen_smooth=True)
    assert table["rank correlation with reference"][4] == pytest.approx(ex.likeness(smooth, first)[0], abs=1e-4)
    assert table["rank correlation with reference"][4] != pytest.approx(before[4], abs=1e-3)
    assert table["rank correlation with reference"][8] == pytest.approx(before[8], abs=1e-4)
    space = run_code(grid_code(app))
    assert [question.options for question in space["questions"][3:5]] == [
        {"eigen_smooth": True, "layer": layer} for layer in table["layer"][3:5]
    ]
    assert torch.equal(space["maps"][4].values, smooth.values)


def test_a_method_on_no_axis_has_its_form_as_well_and_the_address_opens_it() -> None:
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows="targets", compare_columns_beside_targets="inputs",
        compare_method="integrated-gradients", compare_integrated_gradients_steps="7",
    )  # fmt: skip
    assert app.slider(key="compare_integrated_gradients_steps").value == 7
    assert set(grid_numbers(app)["options"]) == {"steps=7"}
    assert "'steps': 7" in grid_code(app)
