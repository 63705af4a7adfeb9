"""ShapleyCAM: Grad-CAM whose weights know the score's curvature.

Cai 2025 (arXiv:2501.06261)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import ClassTarget, Target, TopTarget
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method, gradient_cost


class ShapleyCamOptions(SmoothOptions):
    residual: bool = Field(
        True,
        description="Of a class, explain the score plus the log-probability (ReST), as published; of other targets, the target.",
    )


@dataclass(frozen=True)
class ResidualTarget:
    """Residual softmax target-class (ReST, arXiv:2501.06261): raw output of a class plus the logarithm of its probability."""

    target: ClassTarget | TopTarget

    def __call__(self, outputs: Tensor) -> Tensor:
        return 2 * self.target(outputs) - outputs.logsumexp(1)

    def take(self, rows: Sequence[int]) -> ResidualTarget:
        return ResidualTarget(self.target.take(rows))

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return f"{self.target.describe(labels)}, score plus log-probability"


def _cost(shape: Sequence[int], options: ShapleyCamOptions) -> Cost:
    cost = gradient_cost(shape, options)
    return Cost(cost.forward, 2 * cost.backward)


@cam_method(
    "shapley-cam",
    options=ShapleyCamOptions,
    title="ShapleyCAM",
    cost=_cost,
    citation="Cai 2025, arXiv:2501.06261",
    shows="Like Grad-CAM, with weights that approximate Shapley values to second order: slope less half the curvature.",
    caveat=COARSE_CAVEAT
    + " A raw score of a network of ReLUs has no curvature above its last ReLU: there only the log-probability bends it.",
)
def shapley_cam(run: Run, inputs: Tensor, target: Target, options: ShapleyCamOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c = mean(G_c - (H A)_c / 2), H the Hessian of the score by the activations, (N, h, w)."""
    if options.aug_smooth:  # all views of an input explain the same class
        target = run.resolve(inputs, target)
    if options.residual and isinstance(target, ClassTarget | TopTarget):
        target = ResidualTarget(target)

    def terms(capture: LayerCapture) -> Tensor:
        assert capture.curvature is not None
        return (capture.gradients - capture.curvature / 2).mean((2, 3), keepdim=True) * capture.activations

    return cam_map(run, inputs, target, options, terms, curvature=True)
