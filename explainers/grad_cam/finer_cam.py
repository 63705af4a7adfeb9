"""Finer-CAM: what tells a class from those that look most like it.

Zhang et al. 2025 (arXiv:2501.11309)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.target import ClassTarget, Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, VIEWS, SmoothOptions, cam_map, cam_method
from explainers.grad_cam.grad_cam import grad_cam_terms


class FinerOptions(SmoothOptions):
    compared: int = Field(3, ge=1, le=10, description="With how many of the classes of nearest score to compare.")
    strength: float = Field(1.0, ge=0, le=1, description="How much of the other classes' score is taken away.")


@dataclass(frozen=True)
class FinerTarget:
    """Mean of (score of a class - strength * score of another) over the others, weighted by their probabilities.

    Attributes:
        classes: one per input.
        others: those it is compared with, one tuple per input.
    """

    classes: tuple[int, ...]
    others: tuple[tuple[int, ...], ...]
    strength: float

    def __call__(self, outputs: Tensor) -> Tensor:
        others = torch.tensor(self.others, device=outputs.device)
        own = outputs.gather(1, torch.tensor(self.classes, device=outputs.device).unsqueeze(1))
        compared = outputs.gather(1, others)
        # Probabilities divided by their sum are the softmax over these classes alone.
        return (compared.softmax(1) * (own - self.strength * compared)).sum(1)

    def take(self, rows: Sequence[int]) -> FinerTarget:
        return FinerTarget(
            tuple(self.classes[row] for row in rows), tuple(self.others[row] for row in rows), self.strength
        )

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return f"{ClassTarget(self.classes).describe(labels)} rather than the classes nearest to it"


def nearest_target(outputs: Tensor, target: ClassTarget, options: FinerOptions) -> FinerTarget:
    """`target` compared with the classes whose outputs (N, K) are nearest to its own."""
    count, classes = outputs.shape
    index = (target.index,) * count if isinstance(target.index, int) else target.index
    distance = (outputs - target(outputs).unsqueeze(1)).abs()
    distance[torch.arange(count), list(index)] = -1  # itself, whatever else has the same score
    nearest = distance.argsort(dim=1, stable=True)[:, 1 : 1 + min(options.compared, classes - 1)]
    return FinerTarget(index, tuple(tuple(row) for row in nearest.tolist()), options.strength)


def _cost(shape: Sequence[int], options: FinerOptions) -> Cost:
    views = VIEWS if options.aug_smooth else 1
    return Cost(shape[0] * (views + 1), shape[0] * views)


@cam_method(
    "finer-cam",
    options=FinerOptions,
    title="Finer-CAM",
    cost=_cost,
    citation="Zhang et al. 2025, arXiv:2501.11309",
    shows="Grad-CAM of the difference between a class and those of nearest score: what tells it from its look-alikes.",
    caveat=COARSE_CAVEAT + " What the look-alikes share with the class does not show.",
)
def finer_cam(run: Run, inputs: Tensor, target: Target, options: FinerOptions) -> Tensor:
    """Grad-CAM, ReLU(sum_c mean(G_c) A_c), of the `FinerTarget`, (N, h, w)."""
    resolved = run.resolve(inputs, target)
    outputs = run.outputs(inputs)
    if not isinstance(resolved, ClassTarget) or outputs.ndim != 2 or outputs.shape[1] < 2:
        raise VitrineError(
            "Finer-CAM compares a class with others by itself, so it needs a class as its target and a model with at least "
            "two; for a contrast of your own choose grad-cam."
        )
    finer = nearest_target(outputs, resolved, options)
    return cam_map(run, inputs, finer, options, grad_cam_terms)
