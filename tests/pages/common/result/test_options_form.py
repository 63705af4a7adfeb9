"""Forms made from options: every option of every method has a control, made from what the option says of itself."""

from __future__ import annotations

import enum

import pytest
from annotated_types import Ge, Gt, Le, Lt
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.result.options_form import SELDOM, option_key, option_names
from tests.support.app import opened


def every_form() -> None:
    """A script with the options of every method and every check, but for those that no form has (`reduce`) or a model has to tell."""
    import streamlit as st

    import explainers as ex
    from pages.common.result.options_form import control, option_key, option_names

    for described in (*ex.methods(), *ex.checks()):
        for name in option_names(described, ("layer", "reduce")):
            key = option_key("form", described.name, name)
            st.session_state[f"default of {key}"] = control(key, name, described.options.model_fields[name])


@pytest.fixture(scope="module")
def forms() -> AppTest:
    app = AppTest.from_function(every_form, default_timeout=60).run()
    assert not app.exception
    return app


def bound(field: object, *kinds: type) -> float | None:
    for rule in field.metadata:  # type: ignore[attr-defined]
        for kind in kinds:
            if isinstance(rule, kind):
                return float(getattr(rule, kind.__name__.lower()))
    return None


@pytest.mark.parametrize("method", ex.methods(), ids=lambda method: method.name)
def test_every_option_has_a_control_that_begins_with_its_default_and_keeps_its_bounds(
    method: ex.Method, forms: AppTest
) -> None:
    for name in option_names(method, ("layer",)):
        key, field = option_key("form", method.name, name), method.options.model_fields[name]
        assert forms.session_state[f"default of {key}"] == field.default, name
        (control,) = (
            c
            for kind in (forms.selectbox, forms.toggle, forms.slider, forms.number_input)
            for c in kind
            if c.key == key
        )
        if isinstance(field.default, enum.Enum):
            assert set(control.options) <= {member.value for member in type(field.default)}
        elif field.annotation in (int, float):
            low, high = bound(field, Ge, Gt), bound(field, Le, Lt)
            assert low is not None, f"{name} needs a lower bound for its control"
            assert low <= control.min < low + (1.0 if high is None else (high - low) / 50)
            assert high is None or control.max == pytest.approx(high)


def test_options_that_are_seldom_changed_come_last() -> None:
    for method in ex.methods():
        seldom = [name in SELDOM for name in option_names(method)]
        assert seldom == sorted(seldom)


def test_one_picture_is_not_offered_other_inputs_to_be_compared_with() -> None:
    app = opened("saliency")
    app.selectbox(key="saliency_method").set_value("Expected gradients").run()
    assert app.selectbox(key="saliency_expected_gradients_references").options == ["colours", "noise"]
