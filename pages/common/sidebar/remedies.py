"""What a page offers beside an error of the sidebar's: the uploader of a file that was lost, or another model at a click."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

import explainers as ex
from explainers.models import DownloadError
from pages.common.app import session
from pages.common.app.errors import complain
from pages.common.sidebar.uploads import (
    BETWEEN,
    CHECKPOINTS,
    LARGEST,
    PICTURES,
    LostUploadError,
    Upload,
    fitting,
    forget_refusal,
    keep_upload,
    register,
)

BUNDLED = ("demo:signs-cnn", "demo:signs-vit")
"""Models that are always there: the one convolves, the other attends."""

UNTRAINED = "random"  # of the weights

Choice = Mapping[str, str]
"""What controls of the sidebar are to hold, by their keys."""


@contextmanager
def remembered() -> Iterator[None]:
    """Keep what can be done about an error inside, for the page to offer it: a narrow screen hides the sidebar."""
    session.REMEDY.set(None)
    try:
        yield
    except ex.VitrineError as error:
        session.REMEDY.set(_remedy(error))
        raise


def _remedy(error: ex.VitrineError) -> session.Remedy | None:
    if isinstance(error, LostUploadError):
        of_weights = Path(error.name).suffix.lower()[1:] in CHECKPOINTS
        spec = session.widget_value("model")
        return session.Remedy(lost=("weights", spec, error.name) if of_weights else ("input", "", error.name))
    if weights := fitting(error, Upload.read(str(session.widget_value("weights") or ""))):
        return session.Remedy(switches=(_switch(weights),))
    if isinstance(error, DownloadError):
        untrained = ("Use untrained weights", {"weights": UNTRAINED})
        return session.Remedy(switches=(untrained, *((f"Use {name}", {"model": name}) for name in BUNDLED)))
    return None


def _switch(weights: str) -> tuple[str, dict[str, str]]:
    """The button that takes weights to the architecture that they fit.

    Args:
        weights: an upload, written out whole.
    """
    spec = weights.partition(BETWEEN)[0]
    return f"Switch to {spec}", {"model": spec, "weights": weights}


def offer_switch() -> None:
    """Draw the button that takes the weights that were refused last to the architecture that they look like, if it is known."""
    if weights := session.FITTING.get():
        offer_choices([_switch(weights)])


def offer_remedy() -> None:
    """Draw what can be done about the sidebar's error, if it is known."""
    remedy = session.REMEDY.get()
    if remedy is None:
        return
    if remedy.lost is not None:
        _uploader(*remedy.lost)
    offer_choices(remedy.switches)


def _uploader(choice: str, spec: str, name: str) -> None:
    """The place for a file that was lost; what comes is chosen in the sidebar, as if it had been uploaded there."""
    picture = choice == "input"
    st.file_uploader(
        f"{name} once more, or another {'picture' if picture else 'checkpoint'}", PICTURES if picture else CHECKPOINTS,
        key="_lost_file", max_upload_size=LARGEST if picture else None, on_change=keep_upload,
        args=("_lost_file", choice, spec, Upload.picture if picture else Upload.model),
    )  # fmt: skip
    if refusal := session.REFUSED.get():
        complain(refusal)
        offer_switch()


def offer_choices(choices: Sequence[tuple[str, Choice]]) -> None:
    """A button for every choice, under its words."""
    with st.container(horizontal=True):
        for place, (words, choice) in enumerate(choices):
            st.button(words, key=f"_choose_{place}", icon=":material/swap_horiz:", on_click=_choose, args=(choice,))


def offer_models(names: Sequence[str]) -> None:
    """A button for every model, for a page that cannot serve the one that is chosen."""
    offer_choices([(f"Use {name}", {"model": name}) for name in names])


def _choose(choice: Choice) -> None:
    """Callback of a button."""
    forget_refusal()
    for control, value in choice.items():
        upload = register(value)
        session.set_widget(control, value if upload is None else upload.name)
    session.TAKEN.set(True)  # a dialog in which the button stood closes
