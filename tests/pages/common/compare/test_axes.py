"""What can stand along a side of the grid, uploaded files too."""

from __future__ import annotations

from hashlib import sha256

import pytest

import explainers as ex
from pages.common.sidebar.hidden_fields import APART
from tests.support.app import checkpoint, give, grid_code, grid_numbers, opened, picture, refusal

SCENE = "scene:1000050"
BY_LAYERS = {"compare_rows": "inputs", "compare_columns_beside_inputs": "layers"}


@pytest.mark.parametrize(
    ("rows", "columns"), [("methods", "models"), ("models", "targets"), ("targets", "inputs"), ("inputs", "layers")]
)
def test_every_axis(rows: str, columns: str) -> None:
    app = opened(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows=rows, **{f"compare_columns_beside_{rows}": columns}
    )
    assert not app.error
    assert len(grid_numbers(app)) >= 4
    assert not grid_numbers(app)["score"].isna().any()


def test_uploaded_pictures_stand_on_an_axis_and_in_the_address() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **BY_LAYERS)
    for name, colour in (("red one.png", "red"), ("blue(1).png", "blue")):
        give(app, "upload", name, picture(colour))
    axis = app.multiselect(key="compare_inputs")
    uploaded = axis.options[1:3]
    assert uploaded == ["red one.png", "blue(1).png"]
    axis.set_value([*uploaded, SCENE]).run()
    assert not app.exception
    layers = ex.stages(ex.layers(ex.load_model("demo:signs-cnn")))[-3:]
    names = [f"{row} · {layer}" for row in ("red one.png", "blue(1).png", SCENE) for layer in layers]
    assert grid_numbers(app)["map"].tolist() == names
    model = ex.load_model("demo:signs-cnn")
    scores = [float(ex.predict(model, ex.read_image(picture(c))).outputs.max()) for c in ("red", "blue")]
    assert grid_numbers(app)["score"].tolist()[::3][:2] == pytest.approx(scores, abs=1e-4)
    assert "image_2 = ex.read_image('red one.png')" in grid_code(app)
    assert "image_3 = ex.read_image('blue(1).png')" in grid_code(app)
    # Another visitor follows the link: the server still has the files, and nothing but the address names them.
    address = {"model": "demo:signs-cnn", "input": SCENE, **BY_LAYERS}
    files = app.text_input(key="files").value
    followed = opened("compare", **address, compare_inputs=axis.value, files=files)
    assert grid_numbers(followed)["map"].tolist() == names
    older = opened("compare", **address, compare_inputs=[*files.split(APART)[:2], SCENE])
    assert grid_numbers(older)["map"].tolist() == names, "links of old have name and hash in one"
    gone = files.split(APART)[0][:-12] + "0" * 12
    fewer = opened("compare", model="demo:signs-cnn", input=SCENE, **BY_LAYERS, compare_inputs=[gone, SCENE])
    assert not fewer.error
    assert set(grid_numbers(fewer)["map"]) == {f"{SCENE} · {layer}" for layer in layers}


def test_uploaded_checkpoints_stand_on_an_axis_and_one_that_does_not_fit_says_so_in_its_cells() -> None:
    app = opened(
        "compare", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee", compare_rows="models",
        compare_columns_beside_models="methods", compare_methods=["grad-cam", "layer-cam"], compare_models=["the sidebar's"],
    )  # fmt: skip
    written = []
    for name, architecture in (
        ("one.pt", "squeezenet1_1"),
        ("two.pt", "squeezenet1_1"),
        ("other.pt", "shufflenet_v2_x0_5"),
    ):
        content = checkpoint(architecture, seed=len(name) + ord(name[0]))
        give(app, "weights", name, content)
        written.append(f"torchvision:squeezenet1_1 · {name} · {sha256(content).hexdigest()[:12]}")
    assert refusal(app).startswith("other.pt does not fit")
    uploaded = app.multiselect(key="compare_models").options[1:3]
    assert uploaded == [f"torchvision:squeezenet1_1 · {name}.pt" for name in ("one", "two")]
    app = opened(
        "compare", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee", compare_rows="models",
        compare_columns_beside_models="methods", compare_methods=["grad-cam", "layer-cam"], compare_models=[*uploaded, written[2]],
        files=APART.join(written[:2]),
    )  # fmt: skip
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
