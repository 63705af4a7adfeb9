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
    input = inputs[:1]
    few = 8 * FIRST.get(run.engine.device.type, 4)  # enough for chunks to grow, and for each size to come twice

    def copies_to_score(rows: slice) -> tuple[Tensor, None]:
        return input.repeat(rows.stop - rows.start, *[1] * (input.ndim - 1)), None

    def copies(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return rows.expand(len(variant_index), *rows.shape[1:])

    def pace(kind: str, needed: int, measure: Callable[[], object]) -> float:
        known = run.passes.pace(kind)
        if needed and (known is None or (needed > few and not run.passes.measured(kind))):
            measure()
            known = run.passes.pace(kind)
        return needed * (known or 0.0)

    extents = None
    if expected.box is not None:
        extents = Extents.in_the_middle(few, expected.box, (input.shape[-2], input.shape[-1]))
    forward_only = max(0, expected.forward - expected.backward)
    kind = fastest_scoring(run, input, ClassTarget(0), few, copies_to_score, extents).kind
    if expected.half and (in_half := run.passes.pace(kind + HALF)) is not None:
        return forward_only * in_half
    variants = Variants(few, copies, torch.full((few,), 1 / few))
    return pace(
        kind, forward_only, lambda: list(variant_scores(run, input, TopTarget(), few, copies_to_score, extents=extents))
    ) + pace("gradient", expected.backward, lambda: summed_gradients(run, input, TopTarget(), variants))
