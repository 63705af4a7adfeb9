"""The grid on the page: its reference, its scale, its parts."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import CAMS, grid_numbers, opened

SCENE = "scene:1000050"


def test_the_pinned_cell_is_the_reference() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    app.button(key="compare_pin_1_2").click().run()
    pinned = grid_numbers(app)["map"][5]
    assert app.selectbox(key="compare_reference").value == pinned
    assert grid_numbers(app)["rank correlation with reference"][5] == pytest.approx(1)
    assert app.button(key="compare_pin_1_2").disabled


def test_a_shared_scale_says_so() -> None:
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS, compare_scale="shared")
    sentence = "One scale for all: the same colour is the same number. The numbers are units of the score."
    assert sentence in [caption.value for caption in app.caption]


def test_more_cells_than_fit_are_paged() -> None:
    names = [
        method.name
        for method in ex.methods(ex.load_model("demo:signs-cnn"))
        if method.family == "cam" and not method.anytime and not method.only_layer
    ]
    app = opened("compare", model="demo:signs-cnn", input=SCENE, **CAMS | {"compare_methods": names[:9]})
    assert len(grid_numbers(app)) == 27
    pins = [button.key for button in app.button if (button.key or "").startswith("compare_pin")]
    assert len(pins) == 24
    app.number_input(key="compare_page").set_value(2).run()
    pins = [button.key for button in app.button if (button.key or "").startswith("compare_pin")]
    assert pins == ["compare_pin_8_0", "compare_pin_8_1", "compare_pin_8_2"]
