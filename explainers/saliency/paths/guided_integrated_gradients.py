"""Guided integrated gradients: a path that moves the values with the smallest gradients first.

Kapishnikov et al. 2021 (arXiv:2106.09788)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.mixed_precision import at_least_float32
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.inputs.baselines import baseline_for
from explainers.saliency._family import BASELINE_CAVEAT, BaselineOptions, saliency_method, score_difference


class GuidedPathOptions(BaselineOptions):
    steps: int = Field(50, ge=2, le=500, description="Steps from the baseline to the input, one after the other.")
    fraction: float = Field(
        0.25,
        ge=0.01,
        le=1,
        description="Share of the values that move together, those with the smallest gradients first.",
    )
    stray: float = Field(
        0.02,
        ge=0,
        le=1,
        description="How far a value may run ahead of the straight path, or fall behind it, as a share of it.",
    )


def _cost(shape: Sequence[int], options: GuidedPathOptions) -> Cost:
    return Cost(shape[0] * (options.steps + 3), shape[0] * (options.steps + 1))


@saliency_method(
    "guided-integrated-gradients",
    options=GuidedPathOptions,
    title="Guided integrated gradients",
    cost=_cost,
    citation="Kapishnikov et al. 2021, arXiv:2106.09788",
    shows="Integrated gradients along a path that moves the values with the smallest gradients first, so that noise from "
    "steep and irrelevant places on the way is avoided.",
    caveat=BASELINE_CAVEAT + " The path itself is chosen by the "
    "gradients on the way, so that the same difference from the baseline may be shared out otherwise in another picture.",
    expected_sum=score_difference,
)
def guided_integrated_gradients(run: Run, inputs: Tensor, target: Target, options: GuidedPathOptions) -> Tensor:
    """Sum over the steps of the mean gradient at both ends times the way between them, (N, ...).

    The path is the published one. There every step has the gradient at its beginning alone; with the mean of both ends
    the same number of steps leaves a much smaller completeness gap, for one gradient more.
    """
    target = run.resolve(inputs, target)
    # Half the bits hold neither the length of the whole path nor one step of many.
    exact_inputs, baseline = (
        at_least_float32(inputs),
        at_least_float32(baseline_for(run.model, inputs, options.baseline)),
    )
    itself = Variants(1, lambda rows, input_index, variant_index: rows, torch.ones(1))  # passes that are not remembered
    point, total = baseline, torch.zeros_like(exact_inputs)
    gradient = summed_gradients(run, point.to(inputs), target, itself)
    for step in range(1, options.steps + 1):
        next_point = next_on_guided_path(point, gradient, exact_inputs, baseline, step, options)
        next_gradient = summed_gradients(run, next_point.to(inputs), target, itself)
        total += (gradient + next_gradient) / 2 * (next_point - point)
        point, gradient = next_point, next_gradient
    return total


def next_on_guided_path(
    point: Tensor, gradient: Tensor, inputs: Tensor, baseline: Tensor, step: int, options: GuidedPathOptions
) -> Tensor:
    """Where guided integrated gradients go in one step, (N, ...): a share 1 / steps of the L1 distance nearer to the input.

    The published loop moves a group of values at a time, the smallest gradients first, until the distance is
    covered. Sorting once and adding up the room of the groups says how far each of them goes.
    """
    alphas = [min(1.0, max(0.0, step / options.steps + stray)) for stray in (-options.stray, options.stray)]
    lowest, highest = (torch.lerp(baseline, inputs, alpha).flatten(1) for alpha in alphas)
    start, goal, whole = point.flatten(1), inputs.flatten(1), (inputs - baseline).flatten(1).abs()
    behind = (goal - start).abs() > (goal - lowest).abs()
    start = torch.where(behind, lowest, start)
    remaining = (goal - start).abs().sum(1, keepdim=True) - whole.sum(1, keepdim=True) * (1 - step / options.steps)

    room = (highest - start).abs()
    strength = torch.where(room > 0, gradient.flatten(1).abs(), torch.inf)
    order = strength.argsort(1)
    size = math.floor((whole.shape[1] - 1) * options.fraction) + 1
    sorted_room = room.gather(1, order)
    group = torch.arange(whole.shape[1], device=point.device) // size
    groups = point.new_zeros(len(point), int(group[-1]) + 1).index_add_(1, group, sorted_room)
    covered = groups.cumsum(1) - groups
    part = ((remaining - covered) / groups.clamp_min(1e-30)).clamp(0, 1)[:, group]
    moved = torch.lerp(start, highest, torch.empty_like(room).scatter_(1, order, part))
    return moved.view_as(point)
