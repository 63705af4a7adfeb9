"""How long work will take, from how long such passes took."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import ClassTarget, TopTarget
from explainers.engine.chunk_sizes import FIRST
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.engine.variant_scores import HALF, fastest_scoring, variant_scores
from explainers.graph.boxes import Extents


def predict_seconds(run: Run, inputs: Tensor, expected: Cost) -> float:
    """How long these passes will take, from how long such passes took; measured now if too little is known.

    Passes that some methods make in other ways (through another library, or from a layer on) count as these do.
    """
    one = inputs[:1]
    few = 8 * FIRST.get(run.engine.device.type, 4)  # enough for chunks to grow, and for each size to come twice

    def scored(numbers: slice) -> tuple[Tensor, None]:
        return one.repeat(numbers.stop - numbers.start, *[1] * (one.ndim - 1)), None

    def copied(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return rows.expand(len(version), *rows.shape[1:])

    def pace(kind: str, needed: int, measure: Callable[[], object]) -> float:
        known = run.passes.pace(kind)
        if needed and (known is None or (needed > few and not run.passes.measured(kind))):
            measure()
            known = run.passes.pace(kind)
        return needed * (known or 0.0)

    extents = None
    if expected.box is not None:
        extents = Extents.in_the_middle(few, expected.box, (one.shape[-2], one.shape[-1]))
    forward_only = max(0, expected.forward - expected.backward)
    kind = fastest_scoring(run, one, ClassTarget(0), few, scored, extents).kind
    if expected.half and (in_half := run.passes.pace(kind + HALF)) is not None:
        return forward_only * in_half
    copies = Variants(few, copied, torch.full((few,), 1 / few))
    return pace(
        kind, forward_only, lambda: list(variant_scores(run, one, TopTarget(), few, scored, extents=extents))
    ) + pace("gradient", expected.backward, lambda: summed_gradients(run, one, TopTarget(), copies))
