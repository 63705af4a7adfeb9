"""Target sensitivity: a map that answers for one class must not be the map of every class.

The class whose map is compared is the least probable one: what is likely to be in the picture as well may rightly lie in the same place.
Sixt, Granz & Landgraf 2020 (arXiv:1912.09818) saw by this that maps of several methods ignore the class."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from explainers.core.target import ChannelTarget, ClassTarget, RegressionTarget, Target, layer_of
from explainers.trust.context import CheckContext, heatmaps_of, registered_method
from explainers.trust.finding import Finding
from explainers.trust.ranking import centred_ranks, spearman
from explainers.trust.registry import Asks, CheckOptions, check
from explainers.trust.thresholds import OTHER_CLASS, REPRODUCED, SECOND_RUN


@check(
    "target-sensitivity",
    options=CheckOptions,
    title="Target sensitivity",
    citation="Sixt, Granz & Landgraf 2020, arXiv:1912.09818",
    says="Rank correlation of the map with the same method's map of the least probable class (or of another output): a map that hardly differs "
    "is not this class's own. It must also be more like a second run of itself.",
    better="lower",
    low=0,
    high=1,
    needs=Asks.RERUNS,
    quick=True,
    cost=lambda attribution, options, rerun: rerun * 2,
)
def target_sensitivity(context: CheckContext, options: CheckOptions) -> Finding:
    """Size of the rank correlation with the other class's map: 0 where that map is constant, None where this one is.

    Its sign does not count: a map that is only turned into its negative shows the same places for every class.
    """
    name, heat = "target-sensitivity", context.heat
    if centred_ranks(heat) is None:
        return Finding(name, None, None, "The map is constant, so it has no ranks to compare.")
    target = context.run.resolve(context.input, context.target).take([0])
    other_target = another_target(target, context.run.outputs(context.input, layer_of(target)))
    if other_target is None:
        return Finding(name, None, None, "Not checked: there is no other class or output to ask the method for.")
    second_run = _map(context, target, options, other_draws=True)
    other = _map(context, other_target, options, other_draws=False)
    again, value = spearman(heat, second_run) or 0.0, abs(spearman(heat, other) or 0.0)
    return _finding(name, value, again, other_target.describe(context.model.labels))


def another_target(target: Target, outputs: Tensor) -> Target | None:
    """What the method is asked for instead: the least probable class, another channel; None where there is no other.

    Args:
        outputs: of the network, or of the layer that the target reads, for one input: (1, K, ...).
    """
    if isinstance(target, ChannelTarget):
        # As the target reads them: tokens have their channels last.
        count = outputs.shape[-1 if outputs.ndim == 3 else 1]
        return ChannelTarget(target.layer, (target.channel + count // 2) % count, target.place) if count > 1 else None
    if isinstance(target, RegressionTarget):
        count = outputs[0].numel()
        return RegressionTarget((target.output + 1) % count) if count > 1 else None
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return None
    scores = outputs[0].clone()
    if isinstance(target, ClassTarget):
        scores[target.index if isinstance(target.index, int) else target.index[0]] = torch.inf
    return ClassTarget(int(scores.argmin()))


def _map(context: CheckContext, target: Target, options: CheckOptions, other_draws: bool) -> Tensor:
    """The map of a target; with `other_draws`, from another seed where the method draws at random."""
    method = registered_method(context.attribution)
    draws = other_draws and method is not None and "seed" in method.options.model_fields
    seed: dict[str, Any] = {"seed": int(context.attribution.options.get("seed", 0)) + 1} if draws else {}
    return heatmaps_of(context.rerun(context.input, target=target, share=0.5, **seed), options.reduce)[0]


def _finding(name: str, value: float, again: float, label: str) -> Finding:
    details = {"other class": label, "second run": again}
    words = f"its rank correlation with that of {label} is {value:.2f}, with a second run of itself {again:.2f}."
    if again < REPRODUCED:
        clause = f"made a second time it is another map (rank correlation {again:.2f})"
        return Finding(name, value, False, f"Made a second time, it is another map: {words}", clause, None, details)
    if value >= OTHER_CLASS or again - value <= SECOND_RUN:
        clause = f"asked for {label} the method gives nearly the same map (rank correlation {value:.2f})"
        return Finding(name, value, False, f"The map hardly depends on the class: {words}", clause, None, details)
    return Finding(
        name, value, True, f"The map depends on the class: {words}", "another class has another map", None, details
    )
