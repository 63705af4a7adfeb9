"""The layers that a page can ask about."""

from __future__ import annotations

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection


def layers_of(selection: Selection) -> list[ex.Layer]:
    """The layers that a CAM of the target can be read off, from early to late."""
    key = ("layers", selection.model.fingerprint, selection.target_code)
    layers: list[ex.Layer] = result_cache().get(key, lambda: ex.layers(selection.model, selection.target))
    return layers
