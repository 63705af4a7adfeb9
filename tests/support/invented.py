"""Methods that exist for the time of a test, so that what a check must say of them is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor

import explainers as ex
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.registry import explainer, forget_method

Formula = Callable[[Run, Tensor, Target], Tensor]


@contextmanager
def invented(formula: Formula, cost: ex.Cost | None = None) -> Iterator[str]:
    """The name of a method whose maps are `formula(run, inputs, target)`."""

    @explainer(
        "invented", title="Invented", family="saliency", needs=ex.Needs.SCORES, options=NoOptions, signed=True,
        cost=lambda shape, options: cost or ex.Cost(), citation="", shows="", caveat="",
    )  # fmt: skip
    def compute(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
        return formula(run, inputs, target)

    try:
        yield "invented"
    finally:
        forget_method("invented")


def edges(run: Run, inputs: Tensor, target: Target) -> Tensor:
    """Sobel's edges, (N, 1, H, W): a map that never looks at the network."""
    grey = F.pad(inputs.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    kernel = inputs.new_tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    return F.conv2d(grey, kernel[None, None]).square().add(F.conv2d(grey, kernel.T[None, None]).square()).sqrt()
