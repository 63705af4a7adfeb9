"""Input stability: the same map again from inputs that differ in nothing that matters."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.rng import seeded_noise
from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding
from explainers.trust.ranking import STEADY, spearman
from explainers.trust.registry import Asks, SeedOptions, check


class InputStabilityOptions(SeedOptions):
    noise: float = Field(0.05, ge=0, le=1, description="Deviation of the noise, in the input's own deviations.")
    shift: int = Field(
        4,
        ge=0,
        le=64,
        description="Pixels that the picture is moved by; what leaves on one side comes in on the other.",
    )
    copies: int = Field(3, ge=0, le=50, description="Noisy copies.")


Move = Callable[[Tensor], Tensor]


def small_changes(options: InputStabilityOptions) -> list[tuple[str, Move, Move]]:
    """Name of a change, the change of inputs (1, C, H, W), and what brings maps (1, H, W) back to their place."""

    def noisy(copy_index: int) -> Move:
        def add(image: Tensor) -> Tensor:
            noise = seeded_noise(image, options.seed, torch.tensor([copy_index]))
            return image + options.noise * image.std() * noise

        return add

    def moved(pixels: int, axis: int) -> Move:
        return lambda tensor: torch.roll(tensor, pixels, axis)

    changes: list[tuple[str, Move, Move]] = [
        (f"noise, copy {copy_index + 1}", noisy(copy_index), lambda heat: heat) for copy_index in range(options.copies)
    ]
    if options.shift:
        changes += [
            (f"{options.shift} px {words}", moved(sign * options.shift, axis), moved(-sign * options.shift, axis))
            for words, sign, axis in (("right", 1, -1), ("left", -1, -1), ("down", 1, -2), ("up", -1, -2))
        ]
    mirror: Move = lambda tensor: tensor.flip(-1)  # noqa: E731
    return [*changes, ("mirrored", mirror, mirror)]


def _cost(attribution: object, options: InputStabilityOptions, rerun: Cost) -> Cost:
    count = len(small_changes(options))
    return rerun * count + Cost(count + 1)


@check(
    "input-stability",
    options=InputStabilityOptions,
    title="Input stability",
    citation="Alvarez-Melis & Jaakkola 2018, arXiv:1806.08049",
    says="Mean rank correlation of the map with that of the same picture with a little noise, moved by a few pixels or mirrored, laid "
    "back in place; changes that alter the model's own answer are left out.",
    better="higher",
    low=-1,
    high=1,
    needs=Asks.RERUNS | Asks.IMAGES,
    cost=_cost,
)
def input_stability(context: CheckContext, options: InputStabilityOptions) -> Finding:
    """Mean over the changes after which the highest output is the same; None where none is left."""
    changes = small_changes(options)
    changed = torch.cat([change(context.input) for _, change, _ in changes])
    outputs = context.run.outputs(torch.cat([context.input, changed])).flatten(1)
    same = outputs[1:].argmax(1) == outputs[0].argmax()
    scores = context.target.take([0] * len(changed))(outputs[1:]).tolist() if hasattr(context.target, "index") else None
    heats = context.rerun_each(changed)
    correlations = [
        spearman(context.heat, back(heat[None])[0]) for heat, (_, _, back) in zip(heats, changes, strict=True)
    ]
    columns = {
        "change": [name for name, _, _ in changes],
        "rank correlation": correlations,
        "same answer": same.tolist(),
    }
    table = pd.DataFrame(columns | ({"score": scores} if scores is not None else {}))
    known = table[table["same answer"]]["rank correlation"].dropna()
    details = {"changes": len(changes), "answer kept": int(same.sum())}
    if known.empty:
        sentence = "No small change of the input left both the answer and a map to compare with."
        return Finding("input-stability", None, None, sentence, "", table, details)
    value = float(known.mean())
    least = float(known.min())
    sentence = (
        f"Under a little noise, small moves and mirroring that leave the answer as it is ({len(known)} of {len(changes)}), the map's "
        f"rank correlation with itself is {value:.2f}."
    )
    clause = "" if value >= STEADY else f"small changes of the input give another map (rank correlation {value:.2f})"
    return Finding("input-stability", value, value >= STEADY, sentence, clause, table, {**details, "least": least})
