"""How long work will take, from how long such passes took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import ClassTarget, TopTarget
from explainers.engine.chunk_sizes import FIRST
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, summed_gradients
from explainers.engine.variant_scores import HALF, WHOLE, fastest_scoring, variant_scores
from explainers.graph.boxes import Extents

MEASURING: Final = 1.0
"""Seconds of measuring after which what is known has to do: nobody should wait for a price as long as for the work."""

_BACKWARD: Final = 4
"""Passes forward that a pass backward, with its pass forward, takes at most: about three in theory, with room."""


def _at_most(run: Run, expected: Cost) -> float:
    """The seconds that these passes take if each takes as long as a single one forward did; infinite before there was one."""
    single = run.passes.pace(WHOLE)
    if single is None:
        return math.inf
    return single * (max(0, expected.forward - expected.backward) + _BACKWARD * expected.backward)


def predict_seconds(run: Run, inputs: Tensor, expected: Cost, within: float = 0.0) -> float:
    """How long these passes will take, from how long such passes took; measured now if too little is known.

    Passes that some methods make in other ways (through another library, or from a layer on) count as these do.

    Args:
        within: seconds. Where single passes made before promise that the work takes no longer than this, that promise is the
            answer, though it may be several times too high (rows take longer alone), and nothing is measured.
    """
    if (at_most := _at_most(run, expected)) <= within:
        return at_most
    input = inputs[:1]
    few = 8 * FIRST.get(run.engine.device.type, 4)  # enough for chunks to grow, and for each size to come twice

    def copies_to_score(rows: slice) -> tuple[Tensor, None]:
        return input.repeat(rows.stop - rows.start, *[1] * (input.ndim - 1)), None

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

    def measure_scores() -> None:
        started = time.perf_counter()
        for _ in variant_scores(run, input, TopTarget(), few, copies_to_score, extents=extents):
            if time.perf_counter() - started > MEASURING:
                return

    return pace(kind, forward_only, measure_scores) + pace(
        "gradient", expected.backward, lambda: _measure_gradients(run, input, few)
    )


def _measure_gradients(run: Run, input: Tensor, few: int) -> None:
    """Time gradients of some copies of one input (1, ...), and of as many as `few` where that is soon done."""

    def copies(rows: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        return rows.expand(len(variant_index), *rows.shape[1:])

    for count in (few // 8, few):
        if count * (run.passes.pace("gradient") or 0.0) <= MEASURING:
            summed_gradients(run, input, TopTarget(), Variants(count, copies, torch.full((count,), 1 / count)))
