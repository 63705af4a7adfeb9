"""Page logic without a browser: what a run of the app puts on the page."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

import explainers as ex
from pages.common.app.caches import BoundedCache, size_of
from pages.common.result.options_form import _bound, option_key
from pages.common.result.tables import strongest
from pages.common.sidebar.uploads import PICTURES
from tests.support.app import opened, words


def test_the_opening_page_says_what_predict_says() -> None:
    app = opened()
    model = ex.load_model("demo:signs-cnn")
    label, _, probability = ex.predict(model, ex.sample(ex.samples()[0].id).load()).top(1)[0]
    assert f"**{label}**" in words(app)
    assert f"**{probability:.1%}**" in words(app)
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert spec["height"] > 0
    count = len([method for method in ex.methods(model) if method.family == "saliency"])
    assert f"by {count} methods, and whether the map adds up" in words(app)
    assert len(app.get("imgs")) == 2 or len(app.get("image")) == 2


@pytest.mark.parametrize(("page", "family"), [("saliency", "saliency"), ("grad_cam", "cam")])
def test_options_of_every_method_are_on_its_page(page: str, family: str) -> None:
    """The form comes from the registry: nothing in the library is missing on the page."""
    app = opened(page)
    for method in (m for m in ex.methods() if m.family == family):
        app.selectbox(key=f"{family}_method").set_value(method.title).run()
        assert not app.exception
        keys = {w.key for kind in (app.selectbox, app.slider, app.number_input, app.toggle) for w in kind if w.key}
        assert {option_key(family, method.name, name) for name in method.options.model_fields} <= keys


def test_a_value_of_the_form_reaches_the_explainer() -> None:
    app = opened("saliency")
    app.slider(key="saliency_integrated_gradients_steps").set_value(7).run()
    assert [m.value for m in app.metric if m.label == "Passes"] == ["9 + 7"]
    code = next(block.value for block in app.code if "= ex.explain(" in block.value)
    assert "steps=7" in code


def test_a_layer_of_the_form_reaches_the_explainer() -> None:
    app = opened("saliency")
    app.selectbox(key="saliency_method").set_value("Layer conductance").run()
    layers = app.selectbox(key="saliency_layer")
    assert layers.value == ex.default_layer(ex.layers(ex.load_model("demo:signs-cnn"))).name
    assert "layer=" not in next(block.value for block in app.code if "= ex.explain(" in block.value)
    layers.set_value("layer2").run()
    assert "layer='layer2'" in next(block.value for block in app.code if "= ex.explain(" in block.value)
    assert "at layer2" in words(app)


def test_one_picture_is_not_offered_other_inputs_to_be_compared_with() -> None:
    app = opened("saliency")
    app.selectbox(key="saliency_method").set_value("Expected gradients").run()
    assert app.selectbox(key="saliency_expected_gradients_references").options == ["colours", "noise"]


@pytest.mark.parametrize("page", ["saliency", "grad_cam"])
def test_the_code_on_the_page_gives_the_array_on_the_page(page: str) -> None:
    app = opened(page, target="stop", input="scene:1000051")
    code = next(block.value for block in app.code if "= ex.explain(" in block.value)
    space: dict[str, Any] = {}
    exec(code, space)  # the page promises that it runs as it stands
    score = float(next(m.value for m in app.metric if m.label == "Score"))
    assert float(space["a"].score[0]) == pytest.approx(score, abs=6e-4)
    assert space["a"].target == ex.ClassTarget(ex.class_index("stop", space["model"]))


def test_the_selection_is_the_same_on_every_page_and_unknown_values_fall_back() -> None:
    app = opened("", model="demo:signs-vit", input="photo:rocket", target="stop")
    for page in ("saliency", "grad_cam"):
        app.switch_page(f"pages/{page}.py").run()
        assert app.selectbox(key="model").value == "demo:signs-vit"
        assert app.selectbox(key="input").value == "photo:rocket"
        assert app.selectbox(key="target").value == "stop"
    strange = opened("", model="demo:of-nobody", input="picture:of-nobody", target="unicorn")
    assert strange.selectbox(key="model").value == "demo:signs-cnn"
    assert strange.selectbox(key="target").value == "top class"


@pytest.mark.parametrize(("model", "says"), [("demo:signs-cnn", "Grad-CAM at layer4"), ("demo:signs-vit", "AttnLRP")])
def test_the_opening_page_shows_a_map_that_suits_the_network(model: str, says: str) -> None:
    app = opened("", model=model, target="stop")
    assert f"{says}: the map highlights what raises the score of stop." in words(app)


def test_why_this_rather_than_itself_is_a_sentence() -> None:
    app = opened("", target="stop", against="stop")
    assert any("rather than itself" in error.value for error in app.error)
    app.selectbox(key="against").set_value("give way").run()
    assert not app.error
    assert "stop rather than give way" in words(app)


def test_an_untrained_model_is_labelled_on_every_page() -> None:
    app = opened("", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee")
    for page in ("overview", "saliency", "grad_cam", "weight_stats"):
        app.switch_page(f"pages/{page}.py").run()
        assert any("untrained" in warning.value for warning in app.warning), page


def test_a_vector_model_says_what_it_takes_and_still_shows_its_weights() -> None:
    app = opened("", model="demo:diabetes-mlp")
    assert any("10 numbers" in info.value for info in app.info)
    space: dict[str, Any] = {}
    exec(app.code[0].value, space)  # the page promises that it runs as it stands
    assert space["a"].values.shape == (1, 10)
    app.switch_page("pages/weight_stats.py").run()
    assert not app.exception
    assert list(app.dataframe[0].value["tensor"]) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]


def test_a_shelf_computes_once_and_is_bounded() -> None:
    calls: list[int] = []
    shelf: BoundedCache[bytes] = BoundedCache(limit=10, size=len)

    def make() -> bytes:
        calls.append(1)
        return b"12345678"

    assert shelf.get("a", make) is shelf.get("a", make)
    assert len(calls) == 1
    shelf.get("b", make)
    assert shelf.find("a") is None
    assert shelf.get("too large", lambda: b"x" * 11) == b"x" * 11
    assert shelf.find("too large") is None


def test_size_of_a_result_counts_its_array() -> None:
    a = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load(), "gradient")
    assert size_of(a) >= 2 * 4 * 3 * 96 * 96  # with the input, which it keeps
    assert size_of([a, a]) == 2 * size_of(a)


def test_strongest_cells_come_first_whatever_their_sign() -> None:
    table = strongest(np.array([[0.0, -5.0], [3.0, 1.0]]), 3)
    assert table.to_dict("list") == {"row": [0, 1, 1], "column": [1, 0, 1], "value": [-5.0, 3.0, 1.0]}


def test_every_option_of_every_method_has_a_control() -> None:
    """Bounds are read off the options; an option without a control would be missing from the pages."""
    for method in ex.methods():
        for name, field in method.options.model_fields.items():
            low = _bound(field, *_lower())
            if field.annotation in (int, float):
                assert low is not None, f"{method.name}: {name} needs a lower bound for its control"


def _lower() -> tuple[type, type]:
    from annotated_types import Ge, Gt

    return Ge, Gt


def test_uploadable_pictures_can_be_read() -> None:
    from PIL import Image

    for suffix in PICTURES:
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), "red").save(buffer, Image.registered_extensions()[f".{suffix}"])
        assert ex.read_image(buffer.getvalue()).size == (8, 8)
