"""What the relevance page asks of the library besides the map, kept between reruns."""

from __future__ import annotations

from typing import Any

import pandas as pd

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection


def notes_of(model: ex.Model) -> list[str]:
    """`ex.relevance_notes` of the model, computed once."""
    notes: list[str] = result_cache().get(("relevance notes", model.fingerprint), lambda: ex.relevance_notes(model))
    return notes


def flow_with_progress(selection: Selection, method: ex.Method, options: dict[str, Any]) -> pd.DataFrame:
    """`ex.relevance_flow` for what the sidebar chose."""
    key = ("flow", *selection.key, method.name, repr(sorted(options.items())))
    with progress_bar("Conservation") as bar:
        flow: pd.DataFrame = result_cache().get(
            key,
            lambda: ex.relevance_flow(
                selection.model, selection.image, selection.target, method.name, progress=bar, **options
            ),
        )
    return flow
