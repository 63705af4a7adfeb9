"""Maps from a page: cached by content, by the one rule for what takes long, abandoned when a control is moved."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from PIL import Image

import explainers as ex
from pages.common.app.selection import Selection
from pages.common.run import confirm
from pages.common.run.long_work import FEW, result_of


def explain_with_progress(selection: Selection, method: ex.Method, options: dict[str, Any]) -> Any:
    """`ex.explain` for what the sidebar chose: an Attribution, or a list of them where options hold several layers."""
    return result_of(
        method.title,
        (*selection.key, method.name, repr(sorted(options.items()))),
        lambda bar: ex.explain(
            selection.model, selection.image, method.name, selection.target, progress=bar, **options
        ),
        lambda: price_of(selection.model, selection.image, method, options),
    )


def price_of(model: ex.Model, image: Image.Image, method: ex.Method, options: dict[str, Any]) -> ex.Cost:
    """What a map is predicted to take. No pass is made to find out where it takes few, or is known to be short.

    What cannot be priced, for its options or its network, costs nothing here: the work itself says what is wrong.
    """
    with suppress(ex.VitrineError):
        few = few_passes(model, method, options)
        return few if few is not None else ex.estimate(model, image, method.name, within=confirm.PATIENCE, **options)
    return ex.Cost()


def few_passes(model: ex.Model, method: ex.Method, options: dict[str, Any]) -> ex.Cost | None:
    """The passes of a method that takes few, as can be told before its network is looked at; else None."""
    if method.anytime or method.cost_at is not None:  # how many may depend on the layer
        return None
    layer = options.get("layer")
    layers = layer if isinstance(layer, list) else [layer]
    own = {name: value for name, value in options.items() if name != "layer"}
    passes = method.cost((1, *model.input_shape), method.options.read(method.name, own)) * len(layers)
    return passes if passes.forward + passes.backward <= FEW else None
