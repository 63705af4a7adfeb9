"""The model in the sidebar, and models beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

import explainers as ex
from pages.common.sidebar.model_picker import load_with_progress
from tests.support.app import give, map_code, opened, refusal, run_code, words


def test_a_model_beside_the_sidebars_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    load_model = ex.load_model

    def load(spec: str, **rest: object) -> ex.Model:
        calls.append(spec)
        return load_model("demo:signs-cnn", **rest)

    monkeypatch.setattr(ex, "load_model", load)
    assert load_with_progress("demo:of-a-test") is load_with_progress("demo:of-a-test")
    assert calls == ["demo:of-a-test"]


def test_weights_are_chosen_where_there_are_several_and_stand_in_the_code() -> None:
    app = opened("overview", model="demo:signs-vit")
    assert "weights" not in [box.key for box in app.selectbox]
    assert 'model = ex.load_model("demo:signs-vit")' in map_code(app)
    app = opened("overview", model="torchvision:squeezenet1_1", weights="random", input="photo:coffee")
    assert app.selectbox(key="weights").options[-1] == "random"
    assert 'model = ex.load_model("torchvision:squeezenet1_1@random")' in map_code(app)


SCENE = "scene:1000050"
BUNDLED = Path(ex.__file__).parent / "demo/weights"


def test_a_bundled_model_takes_weights_from_a_file_too() -> None:
    app = opened("overview", model="demo:signs-cnn", input=SCENE)
    give(app, "weights", "mine.safetensors", (BUNDLED / "signs-shortcut.safetensors").read_bytes())
    box = app.selectbox(key="weights")
    assert (box.value, box.options) == ("mine.safetensors", ["the bundled ones", "mine.safetensors"])
    assert "model = ex.load_model(\"demo:signs-cnn\", weights='mine.safetensors')" in map_code(app)
    box.set_value("the bundled ones").run()
    assert 'model = ex.load_model("demo:signs-cnn")' in map_code(app)


def test_names_from_a_file_stand_on_every_page_and_in_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"sign {number}" for number in range(12)]
    app = opened("overview", model="demo:signs-cnn", input=SCENE)
    own = words(app)
    give(app, "labels", "names.txt", "\n".join(names).encode())
    assert refusal(app) == ""
    assert "sign 0" in words(app)
    assert app.selectbox(key="target").options[2:] == names
    files = app.text_input(key="files").value
    app.switch_page("pages/grad_cam.py").run()
    assert "the score of sign 0" in words(app)
    monkeypatch.chdir(tmp_path)
    Path("names.txt").write_text("\n".join(names))
    assert "labels='names.txt'" in map_code(app)
    assert run_code(map_code(app))["model"].label(3) == "sign 3"
    followed = opened("overview", model="demo:signs-cnn", input=SCENE, labels="names.txt", files=files)
    assert "sign 0" in words(followed)
    followed.button(key="_open_labels").click().run()
    followed.button(key="_own_labels").click().run()
    assert words(followed) == own
    assert "labels=" not in map_code(followed)


def test_names_that_do_not_fit_are_refused_and_those_of_another_architecture_left_out() -> None:
    app = opened("overview", model="demo:signs-cnn", input=SCENE)
    give(app, "labels", "two.json", b'["a", "b"]')
    assert refusal(app) == "two.json has 2 labels, but the model has 12 outputs."
    assert app.text_input(key="labels").value == ""
    give(app, "labels", "twelve.csv", "\n".join(f"{n},sign {n}" for n in range(12)).encode())
    assert "sign 0" in words(app)
    app.selectbox(key="model").set_value("demo:signs-vit").run()
    assert "sign 0" not in words(app)
    assert not app.warning
    app.selectbox(key="model").set_value("demo:signs-cnn").run()
    assert "sign 0" in words(app)
    gone = opened("overview", model="demo:signs-cnn", input=SCENE, labels="mine.txt")
    assert "no longer kept" in gone.warning[0].value
    assert "First answer" in words(gone)
