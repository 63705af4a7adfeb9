"""References: many inputs to be compared with instead of a single baseline."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.options import Options
from explainers.core.rng import seeded_generator
from explainers.core.target import Target, layer_of
from explainers.engine.run import Run

REFERENCES_CAVEAT = (
    "It is measured against the references, which decide what counts as nothing to see. Published are samples of the "
    "training data; here they are random colours (of a vector, standard normal draws), or the other inputs given, "
    "because the training data are not at hand."
)


class ReferenceKind(enum.StrEnum):
    """Where references come from."""

    COLOURS = "colours"  # random constant colours
    NOISE = "noise"  # a random colour in every pixel
    INPUTS = "inputs"  # the other inputs given with this one


class ReferenceOptions(Options):
    references: ReferenceKind = Field(
        ReferenceKind.COLOURS,
        description="What the input is compared with: random plain colours, a random colour in every pixel (of a vector, both "
        "are standard normal draws), or the other inputs given with it.",
        json_schema_extra={"several inputs": [ReferenceKind.INPUTS.value]},
    )
    number: int = Field(10, ge=2, le=100, description="How many references every input is compared with.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")


@dataclass(frozen=True)
class References:
    """What every input is compared with.

    Attributes:
        pool: (P, ...), inputs that serve as references.
        indices: (N, number), which of the pool every input is compared with.
    """

    pool: Tensor
    indices: Tensor

    def pool_index(self, input_index: Tensor, variant_index: Tensor) -> Tensor:
        """Which of the pool is the reference of these variants of inputs, (M,): an input's references are taken in turn."""
        return self.indices[input_index, variant_index % self.indices.shape[1]]

    def interpolations(self, alphas: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """`Variants.make`: points on the straight line from reference (alpha 0) to input (alpha 1), one alpha per variant."""

        def interpolate(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
            alpha = alphas[variant_index].view(-1, *[1] * (rows.ndim - 1))
            return torch.lerp(self.pool[self.pool_index(input_index, variant_index)], rows, alpha)

        return interpolate


def draw_references(model: Model, inputs: Tensor, options: ReferenceOptions) -> References:
    """Draw each input's references; of other inputs, none is drawn twice before all have been.

    Raises:
        VitrineError: other inputs were asked for, and there are none.
    """
    count = len(inputs)
    if options.references is not ReferenceKind.INPUTS:
        pool = _random_pool(model, inputs, options)
        return References(pool, torch.arange(options.number, device=inputs.device).expand(count, -1))
    if count == 1:
        raise VitrineError(
            "references='inputs' compares with the other inputs given, and only one came; give a batch, or use 'colours'."
        )
    indices = []
    for row in range(count):
        generator = seeded_generator("cpu", options.seed, row)
        rounds = -(-options.number // (count - 1))
        others = torch.cat([torch.randperm(count - 1, generator=generator) for _ in range(rounds)])[: options.number]
        indices.append(others + (others >= row))
    return References(inputs, torch.stack(indices).to(inputs.device))


def reference_passes(options: ReferenceOptions) -> int:
    """Forward passes that tell the references' scores: other inputs are scored anyway."""
    return 0 if options.references is ReferenceKind.INPUTS else options.number


def score_above_references(run: Run, inputs: Tensor, target: Target, options: ReferenceOptions) -> Tensor:
    """Score of every input minus the mean score of its references, (N,)."""
    target = run.resolve(inputs, target)
    references = draw_references(run.model, inputs, options)
    outputs = run.outputs(references.pool, layer_of(target))
    means = [
        target.take([row] * options.number)(outputs[pool_indices]).mean()
        for row, pool_indices in enumerate(references.indices)
    ]
    return run.scores(inputs, target) - torch.stack(means)


def _random_pool(model: Model, inputs: Tensor, options: ReferenceOptions) -> Tensor:
    """Colours from 0 to 1 in each channel before normalisation, (number, C, H, W) or any other places; or normal vectors
    (number, F)."""
    generator = seeded_generator("cpu", options.seed)
    if inputs.ndim == 2:
        return torch.randn(options.number, inputs.shape[1], generator=generator).to(inputs)
    sides = inputs.shape[2:]
    size = [1] * len(sides) if options.references is ReferenceKind.COLOURS else sides
    colours = torch.rand(options.number, inputs.shape[1], *size, generator=generator).to(inputs)
    if model.preprocess is not None:
        black, white = (model.preprocess.pixel(value, inputs) for value in (0.0, 1.0))
        colours = torch.lerp(black.expand_as(colours), white.expand_as(colours), colours)
    return colours.expand(-1, *inputs.shape[1:]).contiguous()
