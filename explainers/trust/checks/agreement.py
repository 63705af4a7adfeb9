"""Agreement: do other maps of the same input show the same places.

Without maps to compare with, a fixed set of other methods is asked, so that the same question always gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch.nn.functional as F
from torch import Tensor

from explainers.api import explain
from explainers.core.attribution import Attribution
from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.registry import find_method
from explainers.trust.context import CheckContext, heatmap_of, registered_method
from explainers.trust.finding import Finding, percent
from explainers.trust.ranking import spearman, top_overlap
from explainers.trust.registry import Asks, CheckOptions, check

COMPANIONS = ("grad-cam", "layer-cam", "input-x-gradient")
OF_TRANSFORMERS = ("attn-lrp", "transformer-attribution", "input-x-gradient")
"""Methods of different families that take a pass or two each; those that fit the model are asked, but for the map's own."""

AGREES, DIFFERS = 0.35, 0.12  # overlap of the strongest tenths; of two maps that know nothing of each other it is 0.05


@check(
    "agreement",
    options=CheckOptions,
    title="Agreement",
    citation="Krishna et al. 2022, arXiv:2202.01602",
    says="Mean rank correlation with other maps of this input, each pair at the coarser one's resolution. Methods that agree may still all be wrong.",
    better=None,
    low=-1,
    high=1,
    needs=Asks.NOTHING,
    quick=True,
    cost=lambda attribution, options, rerun: Cost(len(COMPANIONS), len(COMPANIONS)),
)
def agreement(context: CheckContext, options: CheckOptions) -> Finding:
    """Mean over the other maps; in the table also the intersection over union of the strongest tenth."""
    others = context.others or companion_maps(context)
    rows = []
    for other in others:
        heat, other_heat = at_the_same_resolution(context, other, options)
        rows.append(
            {
                "method": other.method,
                "layer": other.layer,
                "rank correlation": spearman(heat, other_heat),
                "overlap of the top 10 %": top_overlap(heat, other_heat),
            }
        )
    if not rows:
        return Finding("agreement", None, None, "Not checked: there is no other quick method for this model.")
    table = pd.DataFrame(rows)
    known = table["rank correlation"].dropna()
    if known.empty:
        return Finding("agreement", None, None, "A constant map has no ranks to compare.", "", table)
    return _finding(float(known.mean()), table, [_title(other) for other in others])


def _title(attribution: Attribution) -> str:
    """Of the method; its name where it is not registered."""
    method = registered_method(attribution)
    return attribution.method if method is None else method.title


def companions(model: Model, attribution: Attribution) -> list[str]:
    """The methods that a map of this model is compared with."""
    names = OF_TRANSFORMERS if Needs.ATTENTION in model.capabilities else COMPANIONS
    return [name for name in names if find_method(name).fits(model) and name != attribution.method]


def companion_maps(context: CheckContext) -> list[Attribution]:
    """Their maps; a method that refuses the model or the target is left out."""
    maps = []
    for name in companions(context.model, context.attribution):
        try:
            maps.append(
                explain(
                    context.model, context.input, name, context.target, engine=context.engine, cancel=context.cancel
                )
            )
        except VitrineError:
            continue
        context.spend(maps[-1].cost)
    return maps


def at_the_same_resolution(context: CheckContext, other: Attribution, options: CheckOptions) -> tuple[Tensor, Tensor]:
    """Both maps at the coarser one's resolution: where one has seven cells a side, the other's pixels say no more."""
    heat, other_heat = context.heat, heatmap_of(other, options.reduce)
    if heat.shape != other_heat.shape:
        raise VitrineError(
            f"The map by {other.method} has the shape {tuple(other_heat.shape)} and this one {tuple(heat.shape)}; compare maps of one input."
        )
    if heat.ndim == 1:
        return heat, other_heat
    (height, width), (other_height, other_width) = (a.values.shape[-2:] for a in (context.attribution, other))
    size = (min(height, other_height), min(width, other_width))
    pooled = [F.adaptive_avg_pool2d(values[None, None], size)[0, 0] for values in (heat, other_heat)]
    return pooled[0], pooled[1]


def _finding(value: float, table: pd.DataFrame, titles: Sequence[str]) -> Finding:
    shared = float(table["overlap of the top 10 %"].mean())
    listed = f"the map by {titles[0]}" if len(titles) == 1 else f"the maps by {', '.join(titles[:-1])} and {titles[-1]}"
    verb = "agrees" if shared >= AGREES else "does not agree" if shared < DIFFERS else "agrees only in part"
    numbers = f"the strongest tenths overlap by {percent(shared)}"
    sentence = f"It {verb} with {listed}: {numbers} on average, and the rank correlation is {value:.2f}."
    clause, details = f"it {verb} with {listed} ({numbers})", {"overlap of the top 10 %": shared}
    return Finding("agreement", value, False if shared < DIFFERS else None, sentence, clause, table, details)
