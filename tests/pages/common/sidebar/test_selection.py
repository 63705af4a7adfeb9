"""The sidebar: what no page can show, or must warn of."""

from __future__ import annotations

from tests.support.app import opened, run_code


def test_an_untrained_model_is_labelled_on_every_page() -> None:
    app = opened("", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee")
    for page in ("overview", "saliency", "grad_cam", "weight_stats"):
        app.switch_page(f"pages/{page}.py").run()
        assert any("untrained" in warning.value for warning in app.warning), page


def test_a_vector_model_says_what_it_takes_and_still_shows_its_weights() -> None:
    app = opened("", model="demo:diabetes-mlp")
    assert any("10 numbers" in info.value for info in app.info)
    space = run_code(app.code[0].value)
    assert space["a"].values.shape == (1, 10)
    app.switch_page("pages/weight_stats.py").run()
    assert not app.exception
    assert list(app.dataframe[0].value["tensor"]) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
