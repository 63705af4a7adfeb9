"""The Compare page: what stands in the grid, and what is said below it, is what the library gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

import explainers as ex
from tests.support.app import checkpoint, opened, picture

SCENE = "scene:1000050"


METHODS = ["grad-cam", "layer-cam", "hires-cam"]


def code(app: AppTest) -> str:
    return next(str(block.value) for block in app.code if "explain_all" in block.value)


def run_code(app: AppTest) -> dict[str, Any]:
    """What the code on the page makes, when run as it stands."""
    space: dict[str, Any] = {}
    exec(code(app), space)
    return space


def numbers(app: AppTest):  # type: ignore[no-untyped-def]
    return next(frame.value for frame in app.dataframe if "seconds" in frame.value)


def test_methods_by_layers_stand_at_once() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE)
    model = ex.load_model("demo:signs-cnn")
    layers = ex.stages(ex.layers(model))[-3:]
    table = numbers(app)
    assert table["map"].tolist() == [f"{method} · {layer}" for method in METHODS for layer in layers]
    assert table["forward passes"].sum() == 1
    assert table["backward passes"].sum() == 1
    maps = ex.explain(model, ex.sample(SCENE).load(), METHODS, layer=layers)
    expected = [ex.likeness(attribution, maps[0])[0] for attribution in maps]
    assert table["rank correlation with reference"].tolist() == pytest.approx(expected, abs=1e-4)


def test_options_of_a_method_reach_its_maps_its_code_and_its_table() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE)
    before = numbers(app)["rank correlation with reference"]
    assert "compare_layer" not in [box.key for box in app.selectbox]  # an axis here
    app.toggle(key="compare_layer_cam_eigen_smooth").set_value(True).run()
    assert not app.exception
    table = numbers(app)
    assert table["options"].tolist() == [""] * 3 + ["eigen_smooth=True"] * 3 + [""] * 3
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
    first = ex.explain(model, image, "grad-cam", layer=table["layer"][0])
    smooth = ex.explain(model, image, "layer-cam", layer=table["layer"][4], eigen_smooth=True)
    assert table["rank correlation with reference"][4] == pytest.approx(ex.likeness(smooth, first)[0], abs=1e-4)
    assert table["rank correlation with reference"][4] != pytest.approx(before[4], abs=1e-3)
    assert table["rank correlation with reference"][8] == pytest.approx(before[8], abs=1e-4)
    space = run_code(app)
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
    assert set(numbers(app)["options"]) == {"steps=7"}
    assert "'steps': 7" in code(app)


def test_the_pinned_cell_is_the_reference() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE)
    app.button(key="compare_pin_1_2").click().run()
    pinned = numbers(app)["map"][5]
    assert app.selectbox(key="compare_reference").value == pinned
    assert numbers(app)["rank correlation with reference"][5] == pytest.approx(1)
    assert app.button(key="compare_pin_1_2").disabled


@pytest.mark.parametrize(
    ("rows", "columns"), [("methods", "models"), ("models", "targets"), ("targets", "inputs"), ("inputs", "layers")]
)
def test_every_axis(rows: str, columns: str) -> None:
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows=rows, **{f"compare_columns_beside_{rows}": columns}
    )
    assert not app.error
    assert len(numbers(app)) >= 6
    assert not numbers(app)["score"].isna().any()


def test_a_cell_that_cannot_be_says_why_and_the_others_stand() -> None:
    app = opened(
        "compare", model="demo:signs-vit", input=SCENE, compare_methods=["grad-cam", "rollout"],
        compare_columns_beside_methods="models", compare_models=["demo:signs-cnn", "demo:signs-vit"],
    )  # fmt: skip
    assert len(numbers(app)) == 3
    assert any("Attention rollout needs attention" in info.value for info in app.info)


def test_a_map_of_no_layer_is_shown_once_and_not_called_by_one() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, compare_methods=["grad-cam", "integrated-gradients"])
    layers = ex.stages(ex.layers(ex.load_model("demo:signs-cnn")))[-3:]
    assert numbers(app)["map"].tolist() == [f"grad-cam · {name}" for name in layers] + [
        "integrated-gradients · no layer"
    ]
    sentence = "Integrated gradients looks at no layer: its one map stands in the first of these places."
    assert [info.value for info in app.info] == [sentence] * 2
    assert any(caption.value.endswith("Looking at no layer: integrated-gradients.") for caption in app.caption)
    assert len(run_code(app)["maps"]) == 4
    beside = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows="layers", compare_columns_beside_layers="models",
        compare_method="integrated-gradients", compare_models=["demo:signs-cnn", "demo:signs-shortcut"],
    )  # fmt: skip
    assert numbers(beside)["map"].tolist() == ["no layer · demo:signs-cnn", "no layer · demo:signs-shortcut"]


def test_uploaded_pictures_stand_on_an_axis_and_in_the_address() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs")
    for name, colour in (("red one.png", "red"), ("blue(1).png", "blue")):
        app.file_uploader(key="_picture_file").set_value((name, picture(colour), "image/png")).run()
        assert not app.exception
    axis = app.multiselect(key="compare_inputs")
    uploaded = axis.options[1:3]
    assert [text.rpartition(" · ")[0] for text in uploaded] == ["red one.png", "blue_1_.png"]
    axis.set_value([*uploaded, SCENE]).run()
    assert not app.exception
    layers = ex.stages(ex.layers(ex.load_model("demo:signs-cnn")))[-3:]
    names = [f"{row} · {layer}" for row in ("red one.png", "blue_1_.png", SCENE) for layer in layers]
    assert numbers(app)["map"].tolist() == names
    model = ex.load_model("demo:signs-cnn")
    scores = [float(ex.predict(model, ex.read_image(picture(c))).outputs.max()) for c in ("red", "blue")]
    assert numbers(app)["score"].tolist()[::3][:2] == pytest.approx(scores, abs=1e-4)
    assert "image_2 = ex.read_image('red one.png')" in code(app)
    assert "image_3 = ex.read_image('blue(1).png')" in code(app)
    # Another visitor follows the link: the server still has the files, and nothing but the address names them.
    followed = opened("compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs", compare_inputs=axis.value)
    assert numbers(followed)["map"].tolist() == names
    gone = uploaded[0][:-12] + "0" * 12
    fewer = opened("compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs", compare_inputs=[gone, SCENE])
    assert not fewer.error
    assert set(numbers(fewer)["map"]) == {f"{SCENE} · {layer}" for layer in layers}


def test_uploaded_checkpoints_stand_on_an_axis_and_one_that_does_not_fit_says_so_in_its_cells() -> None:
    app = opened(
        "compare", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee", compare_rows="models",
        compare_columns_beside_models="methods", compare_methods=["grad-cam", "layer-cam"], compare_models=["the sidebar's"],
    )  # fmt: skip
    for name, architecture in (
        ("one.pt", "squeezenet1_1"),
        ("two.pt", "squeezenet1_1"),
        ("other.pt", "shufflenet_v2_x0_5"),
    ):
        content = checkpoint(architecture, seed=len(name) + ord(name[0]))
        app.file_uploader(key="_weights_file").set_value((name, content, "application/octet-stream")).run()
        assert not app.exception
    app.selectbox(key="weights").set_value("random").run()  # the last one does not fit the sidebar's network either
    axis = app.multiselect(key="compare_models")
    uploaded = axis.options[1:4]
    assert [text.rpartition(" · ")[0] for text in uploaded] == [
        f"torchvision:squeezenet1_1 · {name}.pt" for name in ("one", "two", "other")
    ]
    axis.set_value(uploaded).run()
    assert not app.exception
    assert not app.error
    maps = numbers(app)["map"].tolist()
    assert maps == [
        f"torchvision:squeezenet1_1 · {name}.pt · {method}" for name in ("one", "two") for method in ("grad-cam", "layer-cam")
    ]  # fmt: skip
    refused = [info.value for info in app.info if "other.pt" in info.value]
    assert len(refused) == 2
    assert "does not fit" in refused[0]
    assert "model_2 = ex.load_model(\"torchvision:squeezenet1_1\", weights='one.pt')" in code(app)
    assert "# torchvision:squeezenet1_1 · other.pt, grad-cam: other.pt" in code(app)


def test_checks_come_at_a_click_for_every_map() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE)
    assert "Deletion" not in numbers(app)
    app.button(key="compare_check").click().run()
    table = numbers(app)
    model, image = ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()
    attribution = ex.explain(model, image, "layer-cam", layer=table["layer"][5])
    assert table["Deletion"][5] == pytest.approx(
        ex.verify(model, image, attribution, "deletion")["deletion"].value, abs=1e-4
    )
    assert "compare_check" not in [button.key for button in app.button]


def test_a_map_that_could_not_be_checked_stands_without_a_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    verify = ex.verify

    def unchecked(model: ex.Model, image: Any, attribution: ex.Attribution, *rest: Any, **more: Any) -> ex.Verdict:
        broken = (
            replace(attribution, values=attribution.values * float("nan"))
            if attribution.method == "layer-cam"
            else attribution
        )
        return verify(model, image, broken, *rest, **more)

    monkeypatch.setattr(ex, "verify", unchecked)
    app = opened("compare", model="demo:signs-cnn", input="scene:1000051")
    app.button(key="compare_check").click().run()
    assert not app.exception
    assert not app.error
    table = numbers(app)
    assert table["Deletion"].isna().tolist() == table["map"].str.startswith("layer-cam").tolist()


def test_who_agreed_to_the_checks_of_one_picture_is_asked_again_for_the_next() -> None:
    app = opened("compare", model="demo:signs-cnn", input="scene:1000044", compare_layers=["layer4"])
    app.button(key="compare_check").click().run()
    assert "Deletion" in numbers(app)
    app.selectbox(key="input").set_value("scene:1000031").run()
    assert "Deletion" not in numbers(app)
    assert "compare_check" in [button.key for button in app.button]
    app.selectbox(key="input").set_value("scene:1000044").run()
    assert "Deletion" in numbers(app), "what was found stays"


def test_long_work_waits_for_a_click_that_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    priced: list[tuple[str, object]] = []

    def price(model: ex.Model, image: object, method: str, **options: object) -> ex.Cost:
        priced.append((method, options.get("regions")))
        return ex.Cost(65537, 0, 45.0)

    monkeypatch.setattr(ex, "estimate", price)
    app = opened("compare", model="demo:signs-cnn", input=SCENE)
    assert not priced, "captures start by themselves"
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_methods=["grad-cam", "shapley"], compare_shapley_regions="15",
        compare_columns_beside_methods="models", compare_models=["demo:signs-cnn", "demo:signs-shortcut"],
    )  # fmt: skip
    assert priced == [("shapley", 15)] * 2
    assert app.button(key="compare_start").label == "Start: about 90 s"
    assert "131,074 forward and 0 backward passes." in [caption.value for caption in app.caption]
    assert not app.get("image")
    app.slider(key="compare_shapley_regions").set_value(4).run()
    assert not app.error
    assert "compare_start" not in [button.key for button in app.button], "33 passes are soon made"
    assert len(numbers(app)) == 4


def test_a_shared_scale_says_so() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, compare_scale="shared")
    sentence = "One scale for all: the same colour is the same number. The numbers are units of the score."
    assert sentence in [caption.value for caption in app.caption]


def test_more_cells_than_fit_are_paged() -> None:
    names = [
        method.name
        for method in ex.methods(ex.load_model("demo:signs-cnn"))
        if method.family == "cam" and not method.anytime and not method.only_layer
    ]
    app = opened("compare", model="demo:signs-cnn", input=SCENE, compare_methods=names[:9])
    assert len(numbers(app)) == 27
    pins = [button.key for button in app.button if (button.key or "").startswith("compare_pin")]
    assert len(pins) == 24
    app.number_input(key="compare_page").set_value(2).run()
    pins = [button.key for button in app.button if (button.key or "").startswith("compare_pin")]
    assert pins == ["compare_pin_8_0", "compare_pin_8_1", "compare_pin_8_2"]
