"""What a control holds when the model or the picture changes under it."""

from __future__ import annotations

from collections.abc import Collection

from pages.common.app import session


def follow_default(key: str, default: object, options: Collection[object] | None = None) -> str:
    """The key of a control whose default depends on the model or the picture, once what it holds is right for them.

    Streamlit keeps what a control with a key holds whatever its default becomes, and takes away those of several values that are
    no longer among the options, down to none. The address leaves defaults out, so that it would then open another view. Here a
    control that was left at its default follows it, and one of whose values nothing remains begins anew.

    Args:
        default: a list for a control of several values.
        options: what several values are chosen from.
    """
    value, slot = session.widget_value(key), session.default_of(key, default)
    before = slot.get()
    slot.set(default)
    gone = isinstance(value, list) and bool(value) and options is not None and not set(value) & set(options)
    if gone or (value is not None and value == before != default):
        session.set_widget(key, default)
    return key
