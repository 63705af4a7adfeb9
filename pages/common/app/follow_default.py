"""What a control holds when the model or the picture changes under it."""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def follow_default(key: str, default: object, options: Collection[object] | None = None) -> str:
    """The key of a control whose default depends on the model or the picture, once what it holds is right for them.

    Streamlit keeps what a control with a key holds whatever its default becomes, and takes away those of several values that are
    no longer among the options, down to none. The address leaves defaults out, so that it would then open another view. Here a
    control that was left at its default follows it, and one of whose values nothing remains begins anew.

    Args:
        default: a list for a control of several values.
        options: what several values are chosen from.
    """
    held, before = st.session_state.get(key), st.session_state.get(f"_first_{key}", default)
    st.session_state[f"_first_{key}"] = default
    gone = isinstance(held, list) and bool(held) and options is not None and not set(held) & set(options)
    if gone or (held is not None and held == before != default):
        st.session_state[key] = default
    return key
