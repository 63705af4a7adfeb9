"""What a curve is drawn of: the probability of the class, or the score."""

from __future__ import annotations

import enum

from torch import Tensor

from explainers.core.target import ClassTarget, ProbabilityTarget, Target, are_probabilities
from explainers.engine.run import Run


class RecordedQuantity(enum.StrEnum):
    """What is recorded while pixels are covered."""

    AUTO = "auto"  # the probability where there is one
    PROBABILITY = "probability"
    SCORE = "score"


def recorded_target(run: Run, input: Tensor, target: Target, quantity: RecordedQuantity) -> tuple[Target, str]:
    """What is recorded of versions of an input, and its name: "probability" or "score".

    Only one class of several has a probability; everything else is recorded as it is scored.
    """
    if quantity is RecordedQuantity.SCORE or run.model.task != "classification" or not isinstance(target, ClassTarget):
        return target, "score"
    outputs = run.outputs(input)
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return target, "score"
    return ProbabilityTarget(target, are_probabilities(outputs)), "probability"
