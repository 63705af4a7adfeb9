"""Scores of many variants of one input: made when they are needed, scored chunk by chunk, and not remembered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, fx, nn

from explainers.core.errors import VitrineError
from explainers.core.target import Target, layer_of
from explainers.engine.mixed_precision import TRIED, WORTH_TRYING, Precision, scores_agree
from explainers.engine.run import Run
from explainers.graph.boxes import Extents
from explainers.graph.hooks import tensor_of
from explainers.graph.incremental import WORTH_BOXING, IncrementalNetwork, can_increment

WORTH_FOLDING = 64  # rows that pay for a copy with folded norms
WORTH_FOLDING_IN_BOXES = 16  # where only a copy can be computed in boxes
WHOLE, HALF = "forward", ", half the bits"  # in names of passes
K = TypeVar("K")


def variant_scores(
    run: Run,
    input: Tensor,
    target: Target,
    count: int,
    make: Callable[[slice], tuple[Tensor, K]],
    precision: Precision = Precision.FLOAT32,
    extents: Extents | None = None,
) -> Iterator[tuple[K, Tensor]]:
    """Scores (m,) of `count` variants of one input (1, ...): forward passes only, chunk by chunk, as they come.

    Args:
        make: (indices of the variants) -> the variants (m, ...), made on the device when they are needed, and whatever
            shall be handed back beside their scores.
        precision: with MIXED the first `TRIED` variants are scored both ways, and the others in half the bits if that
            is faster and the two ways agree.
        extents: outside of which each variant is the input itself: then what they do not change is not computed again,
            where the network's steps are known. Best in order of their areas.
    """
    full = fastest_scoring(run, input, run.resolve(input, target), count, make, extents)
    whole = layer_of(target) is None
    try_half = precision is Precision.MIXED and whole and count >= WORTH_TRYING
    half_network = run.cache.half_precision_copy() if try_half else None
    if half_network is None:
        yield from full.of(0, count)
        return
    half = replace(full, network=half_network, half=run.engine.half)
    first = list(full.of(0, TRIED))
    yield from first
    scoring = half if _half_precision_pays(full, half, torch.cat([scores for _, scores in first])) else full
    yield from scoring.of(TRIED, count)


@dataclass(frozen=True)
class Scoring(Generic[K]):
    """A way to score variants: on a network or a copy of it, all of their maps or boxes of them, in all bits or half of them."""

    run: Run
    input: Tensor
    target: Target
    make: Callable[[slice], tuple[Tensor, K]]
    network: nn.Module
    extents: Extents | None
    half: torch.dtype | None = None

    @property
    def kind(self) -> str:
        """The name of its passes, see `Passes.chunks`; boxes of about the same size take about the same time."""
        box = ""
        if self.extents is not None:
            height, width = (1 << (side - 1).bit_length() for side in self.extents.boxes().size)
            box = f", box of up to {height} x {width}"
        return f"{WHOLE}{box}{'' if self.half is None else HALF}"

    def of(self, start: int, stop: int) -> Iterator[tuple[K, Tensor]]:
        def work(rows: slice) -> tuple[K, Tensor]:
            rows = slice(start + rows.start, start + rows.stop)
            with torch.no_grad():
                variants, extra = self.make(rows)
                outputs = self._outputs(variants.to(self.half or variants.dtype), rows)
                return extra, self.target.take([0] * len(variants))(outputs.to(variants.dtype))

        return self.run.passes.chunks(self.kind, stop - start, work, forward=1, half=int(self.half is not None))

    def _outputs(self, variants: Tensor, rows: slice) -> Tensor:
        if self.extents is None:
            return self.run.call(self.network, variants, layer_of(self.target), spare=True)
        outputs = tensor_of(self._incremental.outputs(variants, self.extents.boxes(rows)))
        assert outputs is not None
        return outputs

    @cached_property
    def _incremental(self) -> IncrementalNetwork:
        assert isinstance(self.network, fx.GraphModule)
        return IncrementalNetwork(self.network, self.input.to(self.half or self.input.dtype))


def fastest_scoring(
    run: Run,
    input: Tensor,
    target: Target,
    count: int,
    make: Callable[[slice], tuple[Tensor, K]],
    extents: Extents | None,
) -> Scoring[K]:
    """The fastest way in all bits for so many variants; arguments as of `variant_scores`."""
    whole = layer_of(target) is None
    worth = count >= (WORTH_FOLDING if extents is None else WORTH_FOLDING_IN_BOXES)
    network = run.cache.scoring_copy() if whole and worth else run.network
    if extents is not None:
        share = float(extents.areas().double().mean()) / math.prod(extents.within)
        if share > WORTH_BOXING or not whole or not can_increment(network):
            extents = None
    scoring = Scoring(run, input, target, make, network, extents)
    run.passes.start_like(scoring.kind, WHOLE)
    return scoring


def _half_precision_pays(full: Scoring[Any], half: Scoring[Any], scores: Tensor) -> bool:
    """Whether the same scores come sooner in half the bits, and agree."""
    passes = full.run.passes
    passes.start_like(half.kind, full.kind)
    try:
        if passes.pace(half.kind) is None:  # the first pass also pays for preparing the kernels
            list(half.of(0, TRIED))
        half_scores = torch.cat([scores for _, scores in half.of(0, TRIED)])
    except (RuntimeError, VitrineError):  # somewhere the network makes a tensor of 32 bits itself
        return False
    pace, half_pace = passes.pace(full.kind), passes.pace(half.kind)
    return pace is not None and half_pace is not None and half_pace < pace and scores_agree(scores, half_scores)
