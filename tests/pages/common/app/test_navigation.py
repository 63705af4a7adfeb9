"""The pages and their order, and the way in for somebody who opens one of them directly."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pages.common.app import navigation
from tests.support.app import APP, opened


def test_the_logos_stand_with_the_code_that_shows_them() -> None:
    for name in ("icon.png", "logo.png"):
        with Image.open(navigation.ART / name) as picture:
            assert picture.format == "PNG"
    assert navigation.ART.is_relative_to(Path(APP).parent / "pages")


def test_every_page_has_a_script_and_every_script_a_page() -> None:
    declared = Path(navigation.__file__).read_text(encoding="utf-8")
    scripts = [path.name for path in (Path(APP).parent / "pages").glob("*.py") if path.name != "__init__.py"]
    assert len(scripts) == declared.count("st.Page(")
    assert all(f'"pages/{name}"' in declared for name in scripts)


def test_the_selection_is_the_same_on_every_page_and_unknown_values_fall_back() -> None:
    app = opened("", model="demo:signs-vit", input="photo:rocket", target="stop")
    for page in ("saliency", "grad_cam"):
        app.switch_page(f"pages/{page}.py").run()
        assert app.selectbox(key="model").value == "demo:signs-vit"
        assert app.text_input(key="input").value == "photo:rocket"
        assert app.selectbox(key="target").value == "stop"
    strange = opened("", model="demo:of-nobody", target="unicorn")
    assert strange.selectbox(key="model").value == "demo:signs-cnn"
    assert strange.selectbox(key="target").value == "top class"


def test_a_page_without_a_sidebar_leaves_the_choice_as_it_was() -> None:
    app = opened("overview", model="demo:signs-vit", input="photo:rocket", target="stop", against="give way")
    app.switch_page("pages/story.py").run()
    assert not app.sidebar.selectbox
    app.switch_page("pages/saliency.py").run()
    assert [app.selectbox(key=key).value for key in ("model", "target", "against")] == [
        "demo:signs-vit",
        "stop",
        "give way",
    ]
    assert app.text_input(key="input").value == "photo:rocket"
