"""How long work will take, from how long such passes took."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.chunks import FIRST
from explainers.core.run import Run
from explainers.core.target import TopTarget
from explainers.core.versions import FORWARD_IN_HALF, Variants, summed_gradients, sweep


def predicted_seconds(run: Run, inputs: Tensor, expected: Cost) -> float:
    """How long these passes will take, from how long such passes took; measured now if too little is known.

    Passes that some methods make in other ways (through another library, or from a layer on) count as these do.
    """
    one = inputs[:1]
    few = 8 * FIRST.get(run.engine.device.type, 4)  # enough for chunks to grow, and for each size to come twice

    def scored(numbers: slice) -> tuple[Tensor, None]:
        return one.expand(numbers.stop - numbers.start, *one.shape[1:]), None

    def copied(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return rows.expand(len(version), *rows.shape[1:])

    def pace(kind: str, needed: int, measure: Callable[[], object]) -> float:
        known = run.passes.pace(kind)
        if needed and (known is None or (needed > few and not run.passes.measured(kind))):
            measure()
            known = run.passes.pace(kind)
        return needed * (known or 0.0)

    forward_only = max(0, expected.forward - expected.backward)
    copies = Variants(few, copied, torch.full((few,), 1 / few))
    if expected.half and (in_half := run.passes.pace(FORWARD_IN_HALF)) is not None:
        return forward_only * in_half
    return pace("forward", forward_only, lambda: list(sweep(run, one, TopTarget(), few, scored))) + pace(
        "gradient", expected.backward, lambda: summed_gradients(run, one, TopTarget(), copies)
    )
