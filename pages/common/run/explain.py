"""Maps from a page: cached by content, with progress, abandoned when a control is moved."""

from __future__ import annotations

from typing import Any

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.progress import progress_bar
from pages.common.app.selection import Selection


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
