"""What the relevance page asks of the library besides the map, kept between reruns."""

from __future__ import annotations

from typing import Any

import pandas as pd

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection
from pages.common.run.long_work import result_of


def notes_of(model: ex.Model) -> list[str]:
    """`ex.relevance_notes` of the model, computed once."""
    notes: list[str] = result_cache().get(("relevance notes", model.fingerprint), lambda: ex.relevance_notes(model))
    return notes


def flow_with_progress(selection: Selection, method: ex.Method, options: dict[str, Any]) -> pd.DataFrame:
    """`ex.relevance_flow` for what the sidebar chose."""
    key = ("flow", *selection.key, method.name, repr(sorted(options.items())))
    # Two passes, and one back: nothing to wait for by itself.
    return result_of(
        "Conservation",
        key,
        lambda bar: ex.relevance_flow(
            selection.model, selection.image, selection.target, method.name, progress=bar, **options
        ),
    )
