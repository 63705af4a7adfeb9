"""How long work will take, from how long such passes took."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.core.attribution import Cost
from explainers.core.chunks import FIRST
from explainers.core.run import Run
from explainers.core.target import TopTarget
from explainers.core.versions import Variants, summed_gradients, sweep


def predicted_seconds(run: Run, inputs: Tensor, expected: Cost) -> float:
    """How long these passes will take, from how long such passes took; measured now if there were none.

    Passes that some methods make in other ways (through another library, or from a layer on) count as these do.
    """
    one = inputs[:1]

    def again(numbers: slice) -> tuple[Tensor, None]:
        return one.expand(numbers.stop - numbers.start, *one.shape[1:]), None

    few = 4 * FIRST.get(run.engine.device.type, 4)  # to see every size of chunk twice that soon comes to be used
    if expected.forward and run.passes.pace("forward") is None:
        list(sweep(run, one, TopTarget(), few, again))
    if expected.backward and run.passes.pace("gradient") is None:
        weights = torch.full((few,), 1 / few)
        summed_gradients(
            run,
            one,
            TopTarget(),
            Variants(few, lambda rows, _, version: rows.expand(len(version), *rows.shape[1:]), weights),
        )
    forward, both = run.passes.pace("forward") or 0.0, run.passes.pace("gradient") or 0.0
    return max(0, expected.forward - expected.backward) * forward + expected.backward * both
