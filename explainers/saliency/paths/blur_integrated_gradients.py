"""Blur integrated gradients: gradients added up while the picture comes out of a blur.

Xu, Venugopalan & Sundararajan 2020 (arXiv:2004.03383)."""

from __future__ import annotations

import math

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.saliency._family import saliency_method


class BlurPathOptions(Options):
    steps: int = Field(50, ge=2, le=500, description="Steps from the blurred picture to the sharp one.")
    blur: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Standard deviation of the strongest blur, as a share of the picture's longer side.",
    )


def _score_above_blur(run: Run, inputs: Tensor, target: Target, options: BlurPathOptions) -> Tensor:
    target = run.resolve(inputs, target)
    strongest = torch.full((len(inputs),), options.blur * max(inputs.shape[-2:])).to(inputs)
    blurred = Blurs(inputs).blurred(torch.arange(len(inputs), device=inputs.device), strongest)
    return run.scores(inputs, target) - run.scores(blurred, target)


@saliency_method(
    "blur-integrated-gradients",
    options=BlurPathOptions,
    title="Blur integrated gradients",
    needs=Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (options.steps + 3), shape[0] * (options.steps + 1)),
    citation="Xu, Venugopalan & Sundararajan 2020, arXiv:2004.03383",
    shows="How the change of the score from a strongly blurred picture to this one is shared out among the pixels, as detail "
    "comes back step by step.",
    caveat="It is measured against the picture's own blur: what the blur keeps, such as large areas of one colour, gets no "
    "attribution. A pixel's share includes what its colour lends to its neighbours on the way.",
    expected_sum=_score_above_blur,
)
def blur_integrated_gradients(run: Run, inputs: Tensor, target: Target, options: BlurPathOptions) -> Tensor:
    """Integral of the gradient times the change of the pixel along a path of ever weaker Gaussian blurs, (N, C, H, W).

    By the trapezoidal rule: every gradient times half the way between its two neighbours. Steps are short where
    the blur is weak, because that is where most of the detail comes back.
    """
    steps = options.steps
    blurs = Blurs(inputs)
    deviations = (torch.linspace(1, 0, steps + 1) ** 2 * options.blur * max(inputs.shape[-2:])).to(inputs)

    def blur(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return blurs.blurred(input_index, deviations[variant_index])

    def times_change(gradient: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        before, after = (variant_index - 1).clamp_min(0), (variant_index + 1).clamp_max(steps)
        return gradient * blurs.change(input_index, deviations[before], deviations[after])

    path = Variants(steps + 1, blur, torch.full((steps + 1,), 0.5), times_change)
    return summed_gradients(run, inputs, target, path)


class Blurs:
    """Gaussian blurs of any strength, edges mirrored, as products with cosine tables: heat flow without loss at the edges.

    Args:
        images: (N, C, H, W).
    """

    def __init__(self, images: Tensor) -> None:
        self._rows, self._columns = (_cosine_table(side).to(images) for side in images.shape[-2:])
        self._frequencies = self._rows @ images @ self._columns.T
        self._rates = [
            (torch.arange(side, device=images.device).to(images) * math.pi / side).square() / 2
            for side in images.shape[-2:]
        ]

    def blurred(self, index: Tensor, deviations: Tensor) -> Tensor:
        """The images of these indices (m,) or (1,), blurred with these standard deviations in pixels (m,): (m, C, H, W)."""
        return self._image(index, self._damping(deviations))

    def change(self, index: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """`blurred(index, after) - blurred(index, before)`, for the price of one of them."""
        return self._image(index, self._damping(after) - self._damping(before))

    def _damping(self, deviations: Tensor) -> Tensor:
        rows, columns = (torch.exp(-deviations.square().view(-1, 1) * rate) for rate in self._rates)
        return rows[:, None, :, None] * columns[:, None, None]

    def _image(self, index: Tensor, damping: Tensor) -> Tensor:
        return self._rows.T @ (self._frequencies[index] * damping) @ self._columns


def _cosine_table(side: int) -> Tensor:
    """The orthonormal cosine transform (DCT-II) as a matrix, (side, side), float64."""
    position, frequency = torch.arange(side, dtype=torch.float64) + 0.5, torch.arange(side, dtype=torch.float64)
    table = torch.cos(math.pi / side * frequency[:, None] * position) * math.sqrt(2 / side)
    table[0] /= math.sqrt(2)
    return table
