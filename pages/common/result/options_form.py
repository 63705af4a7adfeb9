"""Forms made from a method's options: what the registry knows is what can be chosen."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Sequence
from typing import Any

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

import explainers as ex
from pages.common.app.address import About, bound, quoted
from pages.common.app.follow_default import follow_default
from pages.common.app.selection import Selection
from pages.common.run.layers import layers_of

SELDOM = ("precision", "seed", "reliability")  # options at the end of a form
SHARED = ("layer",)  # options whose choice is kept when the method changes


def method_form(
    family: str, selection: Selection, key: str, default: str, box: str = "method"
) -> tuple[ex.Method, dict[str, Any]]:
    """Choose one of a family's methods and its options.

    Args:
        key: prefix of the widgets' keys, and so of the URL's parameters.
        box: the rest of the key of the methods; one per kind of network where each has methods of its own.

    Returns:
        The method, and the options that differ from their defaults.
    """
    methods = {method.title: method for method in ex.methods(selection.model) if method.family == family}
    titles = list(methods)
    start = next((i for i, method in enumerate(methods.values()) if method.name == default), 0)
    name = follow_default(f"{key}_{box}", titles[start])
    method = methods[
        bound(st.selectbox, "Method", titles, index=start, key=name, about=_unavailable(family, selection))
    ]
    return method, options_form(method, selection, key)


def _unavailable(family: str, selection: Selection) -> About:
    """Why a method of the family is not offered for this model."""

    def about(title: str) -> str | None:
        known = any(method.title == title for method in ex.methods() if method.family == family)
        return f"{quoted(title)}, which {quoted(selection.model.name)} cannot be asked by" if known else None

    return about


def options_form(method: ex.Method, selection: Selection, key: str, without: Sequence[str] = ()) -> dict[str, Any]:
    """Choose the options of one method; returns those that differ from their defaults.

    Args:
        without: options that are chosen elsewhere.
    """
    fields = {name: method.options.model_fields[name] for name in option_names(method, without)}
    values = {
        name: _choice(option_key(key, method.name, name), name, field, selection) for name, field in fields.items()
    }
    return {name: value for name, value in values.items() if value != fields[name].default}


def option_names(method: ex.Method, without: Sequence[str] = ()) -> list[str]:
    """The options that a form has, those seldom changed last."""
    fields = method.options.model_fields
    names = [name for name in fields if name not in without and _extra(fields[name], "choices") != "page"]
    return sorted(names, key=lambda name: name in SELDOM)


def option_key(key: str, method: str, option: str) -> str:
    """The key of an option's widget. Each method has its own, because elsewhere an option of the same name may have other
    bounds and another default; but one looks at a layer by several methods."""
    own = re.sub(r"\W", "_", method)  # "grad-cam++": neither addresses nor style sheets take every character
    return f"{key}_{option}" if option in SHARED else f"{key}_{own}_{option}"


def method_notes(method: ex.Method) -> None:
    """What a method shows, what it does not, and where it was published."""
    with st.expander(f"What {method.title} shows, and what it does not", icon=":material/menu_book:"):
        st.markdown(
            f"**It shows.** {method.shows}\n\n**It does not show.** {method.caveat}\n\n**Source.** {method.citation}"
        )


def _extra(field: FieldInfo, name: str) -> Any:
    """What an option says about its control beyond its type, if anything."""
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def _choice(key: str, name: str, field: FieldInfo, selection: Selection) -> Any:
    return _layer(key, selection) if _extra(field, "choices") == "layers" else control(key, name, field)


def _layer(key: str, selection: Selection) -> str | None:
    """A layer of the model, or None for the one that is taken by itself."""
    layers = layers_of(selection)
    names, last = [layer.name for layer in layers], ex.default_layer(layers).name
    name = bound(
        st.selectbox, "Layer", names, index=names.index(last), key=follow_default(key, last),
        help=f"Layers with a map over the picture, from early to late. {last} is the last of them, chosen by itself.",
    )  # fmt: skip
    return None if name == last else name


def control(key: str, name: str, field: FieldInfo) -> Any:
    """The control that fits a field's type and bounds."""
    label, help_text, kind = name.replace("_", " ").capitalize(), field.description, field.annotation
    low, high = _bound(field, Ge, Gt), _bound(field, Le, Lt)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        needs_several = _extra(field, "several inputs") or ()  # a page has one
        values = [member.value for member in kind if member.value not in needs_several]
        value = bound(st.selectbox, label, values, index=values.index(field.default.value), key=key, help=help_text)
        return kind(value)
    if kind is bool:
        return bound(st.toggle, label, field.default, key=key, help=help_text)
    if kind is int and low is not None and high is not None:
        return bound(st.slider, label, int(low), int(high), field.default, key=key, help=help_text)
    if kind is float and low is not None and high is not None:
        step = (high - low) / 100
        start = low if low > 0 or field.default == low else step
        return bound(st.slider, label, start, float(high), field.default, step, key=key, help=help_text)
    if kind is int:
        return bound(
            st.number_input, label, min_value=int(low or 0), value=field.default, step=1, key=key, help=help_text
        )
    raise TypeError(f"There is no control for {name}: {typing.cast(Any, kind)}.")


def _bound(field: FieldInfo, *kinds: type) -> float | None:
    for rule in field.metadata:
        if isinstance(rule, kinds):
            return float(getattr(rule, kinds[kinds.index(type(rule))].__name__.lower()))
    return None
