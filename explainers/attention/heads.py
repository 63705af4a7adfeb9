"""Every head of every attention layer for one picture, and how far it looks.

Mean attention distance: Dosovitskiy et al. 2020 (arXiv:2010.11929)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from explainers.attention._family import head_maps, is_global_attention, readout_weights, require_layout
from explainers.core.target import Target
from explainers.engine.attention_capture import AttentionCapture, AttentionGradients
from explainers.engine.run import Run
from explainers.graph.layout import Layout, Windows


@dataclass(frozen=True, eq=False)
class AttentionHeads:
    """Every head of every attention layer, for one image.

    Attributes:
        names: of the layers' modules, from the first to the last.
        maps: for each layer (heads, h, w), float32 on the CPU, as the method "attention" gives them; `torch.stack` makes
            one array of layers x heads x h x w of them where all layers have the same grid.
        distances: columns layer, name, head and distance: mean distance in pixels of the model's input between a token of
            the image and those it attends to, weighted by attention (Dosovitskiy et al. 2020, arXiv:2010.11929).
        whole: whether all layers attend over the same tokens of the whole image, so that attention can be followed
            through all of them.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-vit")
        >>> image = ex.sample("scene:1000050").load()
        >>> heads = ex.attention_heads(model, image)
        >>> len(heads.names), [tuple(maps.shape) for maps in heads.maps][:2]
        (4, [(4, 12, 12), (4, 12, 12)])
        >>> heads.distances.shape, list(heads.distances.columns)
        ((16, 4), ['layer', 'name', 'head', 'distance'])
    """

    names: tuple[str, ...]
    maps: tuple[Tensor, ...]
    distances: pd.DataFrame
    whole: bool


def heads_of(run: Run, inputs: Tensor, target: Target) -> AttentionHeads:
    """Maps and attention distances of every head for one input (1, C, H, W)."""
    captures = run.attention(inputs, target, AttentionGradients.LAST)
    readout = readout_weights(captures)
    size = (inputs.shape[-2], inputs.shape[-1])
    records = [
        {"layer": layer_index, "name": capture.name, "head": head, "distance": distance}
        for layer_index, capture in enumerate(captures)
        for head, distance in enumerate(attention_distance(capture, size).tolist())
    ]
    maps = tuple(head_maps(capture, readout)[0].float().cpu() for capture in captures)
    names = tuple(capture.name for capture in captures)
    return AttentionHeads(names, maps, pd.DataFrame(records), is_global_attention(captures))


def attention_distance(capture: AttentionCapture, image_size: tuple[int, int]) -> Tensor:
    """Mean distance in pixels between a token and what it attends to, per head: (heads,).

    Tokens that are no part of the image are left out, and the weights of the others scaled to sum up to 1.

    Args:
        image_size: height and width of the input in pixels.
    """
    layout = require_layout(capture)
    prefix = layout.prefix if isinstance(layout, Layout) else 0
    rows, columns = layout.window if isinstance(layout, Windows) else (layout.height, layout.width)
    y = torch.arange(rows) * (image_size[0] / layout.height)
    x = torch.arange(columns) * (image_size[1] / layout.width)
    positions = torch.cartesian_prod(y, x).to(capture.weights)
    distances: Tensor = torch.linalg.vector_norm(positions[:, None] - positions[None], dim=2)
    weights = capture.weights[:, :, prefix:, prefix:]
    means: Tensor = (weights * distances).sum(-1) / weights.sum(-1).clamp_min(torch.finfo(weights.dtype).tiny)
    return means.mean((0, 2))
