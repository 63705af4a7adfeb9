"""Models and maps made for each other, so that what a check must say is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import explainers as ex
from explainers.core.attribution import Attribution
from explainers.core.model import Model
from explainers.core.target import ClassTarget, Target
from tests.support.models.networks import Formula, random_inputs

SIDE = 16
PATCH = (slice(4, 8), slice(8, 12))


def patch_mask() -> Tensor:
    """A square of 4 x 4 pixels, (SIDE, SIDE) bool."""
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[PATCH] = True
    return mask


def patch_model() -> Model:
    """Class 0 is certain while the whole square is there, and out of the question as soon as a quarter of it is not."""

    def answer(inputs: Tensor) -> Tensor:
        seen = inputs[:, :, PATCH[0], PATCH[1]].mean((1, 2, 3))
        return torch.stack([200 * (seen - 0.75), torch.zeros_like(seen)], 1)

    return Model("square", Formula(answer), (3, SIDE, SIDE), labels=("square", "none"))


def picture() -> Tensor:
    """White where the square is, black elsewhere, (1, 3, SIDE, SIDE) float64."""
    return patch_mask().double().expand(1, 3, SIDE, SIDE).clone()


def attribution_of(values: Tensor, inputs: Tensor, target: Target | None = None, **more: Any) -> Attribution:
    """A map that no method made."""
    return Attribution(
        values=values.float(), method="made-up", target=target or ClassTarget(0), score=torch.zeros(len(inputs)),
        inputs=inputs, signed=True, **more,
    )  # fmt: skip


def random_map(seed: int = 0, side: int = SIDE) -> Tensor:
    return random_inputs(1, (side, side), seed=seed)[0]


def verdict_of(values: Tensor, *checks: str, **options: Any) -> ex.Verdict:
    """What the checks say of these values as a map of `picture`, as `patch_model` sees it."""
    return ex.verify(patch_model(), picture(), attribution_of(values, picture()), checks, **options)


def explained(model: Model, image: Tensor, method: str = "grad-cam", **options: Any) -> Attribution:
    """A real map of class 1."""
    return ex.explain(model, image, method, 1, **options)


def probability_of(model: Model, inputs: Tensor, label: int) -> float:
    """Of the first input, by a plain pass through the network."""
    with torch.no_grad():
        return float(model.network.eval()(inputs).softmax(1)[0, label])
