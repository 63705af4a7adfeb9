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

AGAINST_REFERENCES = (
    "It is measured against the references, which decide what counts as nothing to see. Published are samples of the "
    "training data; here they are random colours (of a vector, standard normal draws), or the other inputs given, "
    "because the training data are not at hand."
)


class Kind(enum.StrEnum):
    """Where references come from."""

    COLOURS = "colours"  # random constant colours
    NOISE = "noise"  # a random colour in every pixel
    INPUTS = "inputs"  # the other inputs given with this one


class ReferenceOptions(Options):
    references: Kind = Field(
        Kind.COLOURS,
        description="What the input is compared with: random plain colours, a random colour in every pixel (of a vector, both "
        "are standard normal draws), or the other inputs given with it.",
        json_schema_extra={"several inputs": [Kind.INPUTS.value]},
    )
    number: int = Field(10, ge=2, le=100, description="How many references every input is compared with.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")


@dataclass(frozen=True)
class References:
    """A pool (P, ...) of inputs, and which of them every input is compared with, (N, number)."""

    pool: Tensor
    chosen: Tensor

    def of(self, number: Tensor, version: Tensor) -> Tensor:
        """Where in the pool the references of inputs `number` stand that belong to these versions, taken in turn."""
        return self.chosen[number, version % self.chosen.shape[1]]

    def on_the_way(self, shares: Tensor) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """`Variants.make`: points between reference and input, at these shares of the way, one per version."""

        def between(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
            share = shares[version].view(-1, *[1] * (rows.ndim - 1))
            return torch.lerp(self.pool[self.of(number, version)], rows, share)

        return between


def draw_references(model: Model, inputs: Tensor, options: ReferenceOptions) -> References:
    """Draw each input's references; of other inputs, none is drawn twice before all have been.

    Raises:
        VitrineError: other inputs were asked for, and there are none.
    """
    count = len(inputs)
    if options.references is not Kind.INPUTS:
        pool = _drawn(model, inputs, options)
        return References(pool, torch.arange(options.number, device=inputs.device).expand(count, -1))
    if count == 1:
        raise VitrineError(
            "references='inputs' compares with the other inputs given, and only one came; give a batch, or use 'colours'."
        )
    rows = []
    for place in range(count):
        source = seeded_generator("cpu", options.seed, place)
        rounds = -(-options.number // (count - 1))
        others = torch.cat([torch.randperm(count - 1, generator=source) for _ in range(rounds)])[: options.number]
        rows.append(others + (others >= place))
    return References(inputs, torch.stack(rows).to(inputs.device))


def reference_passes(options: ReferenceOptions) -> int:
    """Forward passes that tell the references' scores: other inputs are scored anyway."""
    return 0 if options.references is Kind.INPUTS else options.number


def above_references(run: Run, inputs: Tensor, target: Target, options: ReferenceOptions) -> Tensor:
    """Score of every input minus the mean score of its references, (N,)."""
    target = run.resolve(inputs, target)
    drawn = draw_references(run.model, inputs, options)
    outputs = run.outputs(drawn.pool, layer_of(target))
    means = [target.take([row] * options.number)(outputs[chosen]).mean() for row, chosen in enumerate(drawn.chosen)]
    return run.scores(inputs, target) - torch.stack(means)


def _drawn(model: Model, inputs: Tensor, options: ReferenceOptions) -> Tensor:
    """Colours from 0 to 1 in each channel before normalisation, (number, C, H, W) or any other places; or normal vectors
    (number, F)."""
    source = seeded_generator("cpu", options.seed)
    if inputs.ndim == 2:
        return torch.randn(options.number, inputs.shape[1], generator=source).to(inputs)
    places = inputs.shape[2:]
    size = [1] * len(places) if options.references is Kind.COLOURS else places
    colours = torch.rand(options.number, inputs.shape[1], *size, generator=source).to(inputs)
    if model.preprocess is not None:
        black, white = (model.preprocess.pixel(value, inputs) for value in (0.0, 1.0))
        colours = torch.lerp(black.expand_as(colours), white.expand_as(colours), colours)
    return colours.expand(-1, *inputs.shape[1:]).contiguous()
