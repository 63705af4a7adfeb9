"""The target in the sidebar: a class, a contrast of two, or a channel of a layer."""

from __future__ import annotations

import re

import streamlit as st

import explainers as ex
from pages.common.app.address import bound
from pages.common.app.caches import result_cache
from pages.common.app.follow_default import follow_default

TOP = "top class"
CHANNEL = "a channel of a layer"
NOTHING = "nothing else"


def target_form(model: ex.Model, answer: ex.Prediction) -> tuple[ex.Target | None, str]:
    """Choose what is explained; returns the target, None for the top class, and the Python that makes it."""
    names = [label if answer.labels.count(label) == 1 else f"{label} ({i})" for i, label in enumerate(answer.labels)]
    scored = bound(st.selectbox, "Explain the score of", [TOP, CHANNEL, *names], key="target", persist_state="session")
    if scored == CHANNEL:
        return _channel(model)
    other = bound(
        st.selectbox,
        "rather than",
        [NOTHING, *names],
        key="against",
        persist_state="session",
        help="Explains the difference of two scores: what speaks for the one and not for the other.",
    )
    if other == NOTHING and scored == TOP:
        return None, ""
    index = answer.top(1)[0][1] if scored == TOP else names.index(scored)
    if other == NOTHING:
        return ex.ClassTarget(index), str(index)
    against = names.index(other)
    if against == index:
        raise ex.VitrineError(
            f"A score cannot be explained rather than itself: choose another class than {other!r} in one of the two."
        )
    return ex.ContrastTarget(index, against), f"ex.ContrastTarget({index}, {against})"


def _channel(model: ex.Model) -> tuple[ex.Target, str]:
    """Choose a layer, one of its channels or units, and one place or all of them."""
    layers: dict[str, ex.Layer] = result_cache().get(
        ("channels", model.fingerprint), lambda: {layer.name: layer for layer in ex.channel_layers(model)}
    )
    if not layers:
        raise ex.VitrineError(f"{model.name} has no layer with channels of its own; choose a class.")
    names = list(layers)
    start = next((layer.name for layer in reversed(layers.values()) if layer.explains), names[-1])
    name = bound(
        st.selectbox, "Layer of the channel", names, index=names.index(start), key=follow_default("target_layer", start), persist_state="session",
        help="Every layer that runs once in a pass, from early to late. What comes after it has no part in the map.",
    )  # fmt: skip
    last, places = layers[name].channels - 1, len(layers[name].shape) - 1
    left, right = st.columns(2)
    channel = bound(
        left.number_input, "Channel" if places else "Unit", 0, last, 0, 1, key="channel", persist_state="session",
        help=f"0 to {last}. The score is its {'mean over all places' if places else 'value'}.",
    )  # fmt: skip
    place: tuple[int, ...] = ()
    if places:
        words = "row, column" if places == 2 else "number of the token" if places == 1 else f"{places} numbers"
        place = _place(bound(
            right.text_input, "at", key="channel_place", persist_state="session", placeholder="all places",
            help=f"One place of the layer's output of {' × '.join(map(str, layers[name].shape))}: {words}, from 0. "
            "Empty for the mean over all.",
        ))  # fmt: skip
    code = f'ex.ChannelTarget("{name}", {channel}{f", {place}" if place else ""})'
    return ex.ChannelTarget(name, int(channel), place), code


def _place(text: str) -> tuple[int, ...]:
    """The numbers of a place as somebody types them: "3, 4"."""
    if not text.strip():
        return ()
    if not re.fullmatch(r"\s*\d+(\s*[, ]\s*\d+)*\s*", text):
        raise ex.VitrineError(f"A place is a row and a column such as 3, 4, or one token's number, not {text!r}.")
    return tuple(int(number) for number in re.findall(r"\d+", text))
