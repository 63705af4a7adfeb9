"""Model randomisation: forget what the network learnt, from the top layer down, and see whether the map notices.

A map that stays the same when the weights are drawn anew shows the picture, not the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import pandas as pd
import torch
from pydantic import Field
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from explainers.core.attribution import min_max_scaled
from explainers.core.rng import seeded_generator
from explainers.graph.layers import Layer
from explainers.graph.redraw import redraw
from explainers.graph.rewrite import copy_network
from explainers.trust.context import CheckContext, heatmap_of
from explainers.trust.finding import Finding
from explainers.trust.ranking import centred_ranks, spearman
from explainers.trust.registry import Asks, SeedOptions, check
from explainers.trust.thresholds import SAME_SIZES


class RandomisationOptions(SeedOptions):
    steps: int = Field(
        5,
        ge=1,
        le=100,
        description="Groups of layers, redrawn one after the other from the top; each takes a run of the method.",
    )


def layer_groups(network: nn.Module, layers: Sequence[Layer], steps: int) -> list[list[str]]:
    """Names of all modules that hold weights themselves, in up to `steps` groups from the top layer down.

    The top layer is a group of its own; the others are as even as can be. A module that no forward pass finishes (the part of an
    attention that is read, not called) goes with the one around it that a pass does finish; what the network itself holds goes last.
    """
    finished = {layer.name: position for position, layer in enumerate(layers)}

    def position(name: str) -> int:
        around = list(accumulate(name.split("."), lambda a, b: f"{a}.{b}"))
        return next((finished[module] for module in reversed(around) if module in finished), -1)

    holding = [
        name for name, module in network.named_modules() if next(module.parameters(recurse=False), None) is not None
    ]
    holding.sort(key=position, reverse=True)
    if steps == 1 or len(holding) == 1:
        return [holding]
    lower = holding[1:]
    count = min(steps - 1, len(lower))
    cuts = [round(group * len(lower) / count) for group in range(count + 1)]
    return [holding[:1], *(lower[a:b] for a, b in pairwise(cuts))]


def similarity(a: Tensor, b: Tensor) -> float | None:
    """SSIM of two maps, each stretched from 0 to 1; None for vectors, and maps of fewer than 3 pixels a side."""
    if a.ndim != 2 or min(a.shape) < 3:
        return None
    window = min(7, min(a.shape) - (1 - min(a.shape) % 2))
    return float(
        structural_similarity(min_max_scaled(a).numpy(), min_max_scaled(b).numpy(), win_size=window, data_range=1.0)
    )


@check(
    "randomisation",
    options=RandomisationOptions,
    title="Model randomisation",
    citation="Adebayo et al. 2018, arXiv:1810.03292",
    says="Rank correlation of the values' sizes with those of a network whose weights were all drawn anew: a map that does not change shows "
    "the picture, not the network.",
    better="lower",
    low=-1,
    high=1,
    needs=Asks.RERUNS | Asks.WEIGHTS,
    cost=lambda attribution, options, rerun: rerun * options.steps,
)
def randomisation(context: CheckContext, options: RandomisationOptions) -> Finding:
    """Rank correlation of absolute values once every layer is redrawn; 0 where nothing is left of the map, None for a constant map.

    A map whose signs alone are random still shows edges, so their sizes are judged; the table has the signed values as well.
    """
    first = context.heat
    if centred_ranks(first) is None:
        return Finding("randomisation", None, None, "The map is constant, so it has no ranks to compare.")
    network = copy_network(context.model.network).cpu()
    model = replace(context.model, network=network, fingerprint=f"{context.model.fingerprint} redrawn")
    groups = layer_groups(network, context.run.layers(), options.steps)
    source = seeded_generator("cpu", options.seed)
    rows = []
    for step, names in enumerate(groups):
        for name in names:
            redraw(network.get_submodule(name), source)
        heat = heatmap_of(context.rerun(context.input, model, share=1 / len(groups)), options.reduce)
        is_finite = bool(torch.isfinite(heat).all())
        rows.append(
            {
                "step": step + 1,
                "redrawn from the top down to": names[-1] or "the network itself",
                "rank correlation": (spearman(first, heat) or 0.0) if is_finite else 0.0,
                "rank correlation of sizes": (spearman(first.abs(), heat.abs()) or 0.0) if is_finite else 0.0,
                "SSIM": similarity(first, heat) if is_finite else None,
            }
        )
    table = pd.DataFrame(rows)
    value = float(table["rank correlation of sizes"].iloc[-1])
    return _finding(value, table)


def _finding(value: float, table: pd.DataFrame) -> Finding:
    good = value < SAME_SIZES
    last = table["SSIM"].iloc[-1]
    details = {
        "SSIM": None if pd.isna(last) else float(last),
        "first step": float(table["rank correlation of sizes"].iloc[0]),
    }
    if good:
        sentence = f"The map changes with the network: the rank correlation of its sizes with those of redrawn weights is {value:.2f}."
        clause = "it changes when the network's weights are redrawn"
    else:
        sentence = (
            f"The map hardly depends on the network: with all weights redrawn the rank correlation of its sizes is still {value:.2f}. "
            "Read it as an edge detector."
        )
        clause = f"it hardly changes when the network's weights are redrawn (rank correlation {value:.2f}): an edge detector does as much"
    return Finding("randomisation", value, good, sentence, clause, table, details)
