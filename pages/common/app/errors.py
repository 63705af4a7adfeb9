"""Errors on a page: one sentence each; what was not expected also goes to the log, under an id."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

import explainers as ex

log = logging.getLogger("vitrine")


class Waiting(Exception):  # noqa: N818, it is no error
    """Raised to leave a part of the page that waits for the visitor, who has been told so there."""


@contextmanager
def sentences() -> Iterator[list[str]]:
    """Show an error inside as one sentence, and let the page go on after it; the sentence is then in the list.

    The page also goes on after a part that waits for the visitor.
    """
    messages: list[str] = []
    try:
        yield messages
    except Waiting:
        pass
    except ex.VitrineError as error:
        messages.append(str(error))
    except Exception:
        reference = uuid.uuid4().hex[:8]
        log.exception("reference %s", reference)
        messages.append(
            f"Something went wrong that Vitrine did not expect. Your choices are kept; the log has the details under {reference}."
        )
    for sentence in messages:
        complain(sentence)


def complain(sentence: str) -> None:
    """Show a sentence as an error."""
    st.error(sentence, icon=":material/error:")
