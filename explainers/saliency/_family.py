"""What the methods of the saliency family share: how they are registered, baselines, and what they promise to sum up to."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.inputs.baselines import Baseline, baseline_for
from explainers.registry import explainer

saliency_method = functools.partial(explainer, family="saliency", needs=Needs.GRADIENTS, signed=True)
BASELINE_CAVEAT = "It is measured against the baseline: another baseline gives another map, and what looks like the baseline gets no attribution."


class BaselineOptions(Options):
    baseline: Baseline = Field(Baseline.ZERO, description="The input that stands for nothing to see.")


def one_pass(shape: Sequence[int], options: Options) -> Cost:
    return Cost(shape[0], shape[0])


def score_difference(run: Run, inputs: Tensor, target: Target, options: BaselineOptions) -> Tensor:
    """Score of the input minus score of its baseline, (N,)."""
    target = run.resolve(inputs, target)
    return run.scores(inputs, target) - run.scores(baseline_for(run.model, inputs, options.baseline), target)
