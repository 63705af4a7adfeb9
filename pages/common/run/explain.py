"""Calling explainers from a page: cached by content, with progress, abandoned when a control is moved."""

from __future__ import annotations

from typing import Any

import streamlit as st

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection, short_hash

PATIENCE = 20.0  # seconds of predicted work that starts by itself


PATIENCE_WITH_A_PICTURE = 120.0  # where the map shows from the first second on, and can be stopped


def explain_with_progress(selection: Selection, method: ex.Method, options: dict[str, Any]) -> Any:
    """`ex.explain` for what the sidebar chose: an Attribution, or a list of them where options hold several layers."""
    key = (*selection.key, method.name, repr(sorted(options.items())))
    with progress_bar(method.title) as bar:
        return result_cache().get(
            key,
            lambda: ex.explain(
                selection.model, selection.image, method.name, selection.target, progress=bar, **options
            ),
        )


def agreed(selection: Selection, method: ex.Method, options: dict[str, Any]) -> bool:
    """Whether the work may start: at once where it is predicted to be short, else at a click that says what it takes."""
    key = ("price", *selection.key[:2], method.name, repr(sorted(options.items())))
    price: ex.Cost = result_cache().get(
        key, lambda: ex.estimate(selection.model, selection.image, method.name, **options)
    )
    passes = passes_in_words(price.forward, price.backward)
    time = f"about {duration(price.seconds)}"
    name = f"_agreed_{short_hash(key)}"
    patience = PATIENCE_WITH_A_PICTURE if method.anytime else PATIENCE
    if price.seconds <= patience or st.session_state.get(name):
        st.caption(f"Predicted: {passes}, {time}.")
        return True
    # What kind of passes stands below it: a narrow screen cuts long buttons off.
    start = f"Start: {price.forward + price.backward:,} passes, {time}"
    st.button(start, icon=":material/play_arrow:", type="primary", on_click=_agree, args=(name,))
    st.caption(f"{passes}.")
    return False


def _agree(name: str) -> None:
    st.session_state[name] = True


def passes_in_words(forward: int, backward: int) -> str:
    """How many passes of which kind."""
    return f"{forward:,} forward and {backward:,} backward passes"


def duration(seconds: float) -> str:
    """Seconds in words."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def layers_of(selection: Selection) -> list[ex.Layer]:
    """The layers that a CAM of the target can be read off, from early to late."""
    key = ("layers", selection.model.fingerprint, selection.target_code)
    found: list[ex.Layer] = result_cache().get(key, lambda: ex.layers(selection.model, selection.target))
    return found


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as text and code have them: choices by their names."""
    return {name: getattr(value, "value", value) for name, value in options.items()}


def in_words(options: dict[str, Any]) -> str:
    """The options that were chosen, but for the layer, which is always named."""
    return ", ".join(f"{name}={value}" for name, value in plain(options).items() if name != "layer")


def code_for(selection: Selection, method: ex.Method, options: dict[str, Any]) -> str:
    """Python that computes the same array when run as it stands."""
    given = plain(options)
    arguments = [f'method="{method.name}"']
    arguments += [f"target={selection.target_code}"] if selection.target_code else []
    arguments += [f"{name}={value!r}" for name, value in given.items()]
    result = "maps" if isinstance(given.get("layer"), list) else "a"
    values = "values = [a.values for a in maps]" if result == "maps" else "values = a.values"
    return "\n".join(
        [
            "import explainers as ex",
            "",
            selection.model_code,
            selection.image_code,
            f"{result} = ex.explain(model, image, {', '.join(arguments)})",
            values,
        ]
    )
