"""What a curve is drawn of: the probability of the class, or the score."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from explainers.core.run import Run
from explainers.core.target import ClassTarget, Target, are_probabilities


class Quantity(enum.StrEnum):
    """What is recorded while pixels are covered."""

    AUTO = "auto"  # the probability where there is one
    PROBABILITY = "probability"
    SCORE = "score"


@dataclass(frozen=True)
class ProbabilityTarget:
    """The probability of a class.

    Attributes:
        of: the class.
        normal: whether the network puts out probabilities already.
    """

    of: ClassTarget
    normal: bool

    def __call__(self, outputs: Tensor) -> Tensor:
        return self.of(outputs if self.normal else outputs.flatten(1).softmax(1))

    def take(self, rows: Sequence[int]) -> ProbabilityTarget:
        return ProbabilityTarget(self.of.take(rows), self.normal)

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return f"probability of {self.of.describe(labels)}"


def recorded(run: Run, one: Tensor, target: Target, quantity: Quantity) -> tuple[Target, str]:
    """What is recorded of versions of an input, and its name: "probability" or "score".

    Only one class of several has a probability; everything else is recorded as it is scored.
    """
    if quantity is Quantity.SCORE or run.model.task != "classification" or not isinstance(target, ClassTarget):
        return target, "score"
    outputs = run.outputs(one)
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return target, "score"
    return ProbabilityTarget(target, are_probabilities(outputs)), "probability"
