"""Maps of several layers as one: fine detail of the early ones, meaning of the late ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.attribution import Attribution, min_max_scaled
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError

How = Literal["mean", "max", "product"]


def fuse(maps: Sequence[Attribution], how: How = "mean") -> Attribution:
    """One map from those of several layers, each scaled to its own range first.

    TorchCAM takes the maximum, pytorch-grad-cam the mean; Refine-CAM (arXiv:2605.14641) the product, which keeps the fine
    detail of early layers where late ones agree.

    Args:
        maps: of the same inputs and target, such as `explain` makes of a list of layers.
        how: "mean", "max" or "product", place by place; of signed maps the maximum is the value farthest from zero, and
            they have no product.

    Returns:
        Values from 0 to 1, or -1 to 1 where signed, at the resolution of the finest map; a map that is constant counts
        as zero.

    Raises:
        VitrineError: there is no map, or they explain different things.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> maps = ex.explain(model, image, "grad-cam", layer=["layer1", "layer4"])
        >>> [tuple(a.values.shape) for a in maps]
        [(1, 48, 48), (1, 12, 12)]
        >>> fused = ex.fuse(maps, "max")
        >>> tuple(fused.values.shape), fused.layer
        ((1, 48, 48), 'layer1 + layer4')
    """
    _check_alike(maps, how)
    first = maps[0]
    size = (
        max(attribution.values.shape[1] for attribution in maps),
        max(attribution.values.shape[2] for attribution in maps),
    )
    scaled = torch.stack([_resized(_scaled(attribution.values, attribution.signed), size) for attribution in maps])
    if how == "mean":
        values = scaled.mean(0)
    elif how == "product":
        values = scaled.prod(0)
    else:
        values = scaled.gather(0, scaled.abs().argmax(0, keepdim=True))[0]
    return replace(
        first,
        values=values,
        layer=" + ".join(dict.fromkeys(attribution.layer or attribution.method for attribution in maps)),
        method=" + ".join(dict.fromkeys(attribution.method for attribution in maps)),
        options=first.options | {"fused": how},
        cost=sum((attribution.cost for attribution in maps), Cost()),
        completeness=None,
        error=None,
    )


def _check_alike(maps: Sequence[Attribution], how: str) -> None:
    if not maps:
        raise VitrineError("There is nothing to fuse: give at least one map.")
    if how not in get_args(How):
        raise VitrineError(f'Maps can be fused by "mean", "max" or "product", not {how!r}.')
    if how == "product" and maps[0].signed:
        raise VitrineError(
            f"Maps with a sign, as {maps[0].method} makes them, have no product: two places against the score would count as "
            'one for it; fuse them by "mean" or "max".'
        )
    subjects = {
        (attribution.input_fingerprint, attribution.model_fingerprint, attribution.target, attribution.signed)
        for attribution in maps
    }
    if len(subjects) > 1 or any(attribution.values.ndim != 3 for attribution in maps):
        raise VitrineError(
            "Only maps (N, h, w) of the same model, inputs, target and kind can be fused; explain them in one call, with a "
            "list of layers."
        )


def _scaled(values: Tensor, signed: bool) -> Tensor:
    """Each map (N, h, w) over its own range: from 0 to 1, or by its largest absolute value."""
    if signed:
        largest = values.abs().amax((1, 2), keepdim=True)
        return values / torch.where(largest > 0, largest, 1)
    return min_max_scaled(values)


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    resized: Tensor = F.interpolate(maps.unsqueeze(1), size, mode="bilinear", align_corners=False)
    return resized.squeeze(1)
