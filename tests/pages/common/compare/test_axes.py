"""What can stand along a side of the grid, uploaded files too."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import checkpoint, grid_code, grid_numbers, opened, picture

SCENE = "scene:1000050"


@pytest.mark.parametrize(
    ("rows", "columns"), [("methods", "models"), ("models", "targets"), ("targets", "inputs"), ("inputs", "layers")]
)
def test_every_axis(rows: str, columns: str) -> None:
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows=rows, **{f"compare_columns_beside_{rows}": columns}
    )
    assert not app.error
    assert len(grid_numbers(app)) >= 6
    assert not grid_numbers(app)["score"].isna().any()


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
    assert grid_numbers(app)["map"].tolist() == names
    model = ex.load_model("demo:signs-cnn")
    scores = [float(ex.predict(model, ex.read_image(picture(c))).outputs.max()) for c in ("red", "blue")]
    assert grid_numbers(app)["score"].tolist()[::3][:2] == pytest.approx(scores, abs=1e-4)
    assert "image_2 = ex.read_image('red one.png')" in grid_code(app)
    assert "image_3 = ex.read_image('blue(1).png')" in grid_code(app)
    # Another visitor follows the link: the server still has the files, and nothing but the address names them.
    followed = opened("compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs", compare_inputs=axis.value)
    assert grid_numbers(followed)["map"].tolist() == names
    gone = uploaded[0][:-12] + "0" * 12
    fewer = opened("compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs", compare_inputs=[gone, SCENE])
    assert not fewer.error
    assert set(grid_numbers(fewer)["map"]) == {f"{SCENE} · {layer}" for layer in layers}


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
    maps = grid_numbers(app)["map"].tolist()
    assert maps == [
        f"torchvision:squeezenet1_1 · {name}.pt · {method}" for name in ("one", "two") for method in ("grad-cam", "layer-cam")
    ]  # fmt: skip
    refused = [info.value for info in app.info if "other.pt" in info.value]
    assert len(refused) == 2
    assert "does not fit" in refused[0]
    assert "model_2 = ex.load_model(\"torchvision:squeezenet1_1\", weights='one.pt')" in grid_code(app)
    assert "# torchvision:squeezenet1_1 · other.pt, grad-cam: other.pt" in grid_code(app)
