"""What a check is given: the map, the model and input it is of, and a way to make passes and more maps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explainers.api import explain
from explainers.core.attribution import Attribution, Reduce
from explainers.core.cost import Cost
from explainers.core.model import Model
from explainers.core.target import ClassTarget, Target, TopTarget
from explainers.engine.engine import Engine
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.registry import Method, find_method, methods

ShareDone = Callable[[float], None]
SLOPES = "score per unit of input"  # the unit of methods whose values are gradients

QUICK_RUN = 120
"""Passes of a method that is run again without being asked for: three more runs of integrated gradients are, a thousand masks are not."""


@dataclass(eq=False)
class CheckContext:
    """One check's view of one attribution of one input.

    Attributes:
        attribution: of a single input.
        truth: where the evidence is known to lie, (H, W) bool on the CPU, or None.
        others: other attributions of the same input.
        rerun_cost: the passes of one more run of the method; none of a map that no registered method made.
        expected: the passes that the check announced.
        progress: called with the share of the check that is done; may raise to stop.
    """

    model: Model
    attribution: Attribution
    engine: Engine
    truth: Tensor | None = None
    others: Sequence[Attribution] = ()
    reduce: Reduce | None = None
    rerun_cost: Cost = field(default_factory=Cost)
    expected: Cost = field(default_factory=Cost)
    progress: ShareDone | None = None
    cancel: threading.Event | None = None
    _spent: Cost = field(default_factory=Cost, init=False)
    _done: float = field(default=0.0, init=False)

    @cached_property
    def run(self) -> Run:
        """Passes of this check through the model."""
        run = Run(self.model, self.engine, progress=self._report(1.0), cancel=self.cancel)
        run.expect(self.expected)
        return run

    @cached_property
    def input(self) -> Tensor:
        """The input, (1, ...), on the device."""
        return self.attribution.inputs.to(self.engine.device)

    @property
    def target(self) -> Target:
        return self.attribution.target

    @cached_property
    def heat(self) -> Tensor:
        """The heat map (H, W) at the input's own resolution, or the vector (F,), float64 on the CPU."""
        return heatmap_of(self.attribution, self.reduce)

    def rerun(
        self,
        inputs: Tensor,
        model: Model | None = None,
        share: float = 1.0,
        target: Target | None = None,
        **options: Any,
    ) -> Attribution:
        """The same method once more, on inputs (M, ...), each explained for the same target.

        Args:
            model: another model than the attribution's own.
            target: another one than the attribution's own.
            share: of the check's work that this call is.
            **options: those that shall differ from the attribution's own.
        """
        attribution = explain(
            self.model if model is None else model, inputs, self.attribution.method, target or self.target.take([0] * len(inputs)),
            engine=self.engine, progress=self._report(share), cancel=self.cancel, **{**self.attribution.options, **options},
        )  # fmt: skip
        self.spend(attribution.cost)
        self._done += share
        return attribution

    @property
    def can_run_again(self) -> bool:
        """Whether the method is registered, and quick enough to be run for other pictures as well."""
        return runs_again(self.attribution, self.rerun_cost)

    def map_of_another(self, inputs: Tensor) -> Tensor:
        """The same method's heat map (H, W) of another input (1, ...): for its own top class where this one is of a class."""
        target = None if isinstance(self.target, ClassTarget | TopTarget) else self.target.take([0])
        attribution = explain(
            self.model, inputs, self.attribution.method, target, engine=self.engine, cancel=self.cancel, **self.attribution.options
        )  # fmt: skip
        self.spend(attribution.cost)
        return heatmap_of(attribution, self.reduce)

    def input_of(self, picture: Image.Image) -> Tensor:
        """Another picture as an input (1, C, H, W) of the model, on the device.

        A model that comes without preprocessing gets it in the size of the input that was explained, with its mean and deviation.
        """
        if self.model.preprocess is not None:
            return self.model.inputs(picture).to(self.input)
        count, height, width = self.input.shape[1:]
        values = (
            torch.from_numpy(np.array(picture.convert("RGB").resize((width, height)))).to(self.input).movedim(-1, 0)
        )
        channels = values[torch.arange(count) % 3] if count > 1 else values.mean(0, keepdim=True)
        scaled = (channels - channels.mean()) / channels.std().clamp_min(1e-6)
        return (scaled * self.input.std() + self.input.mean())[None]

    def rerun_each(self, inputs: Tensor) -> Tensor:
        """Heat maps of the same method on inputs (M, ...), each as if it had come alone: (M, H, W) or (M, F), float64."""
        return torch.cat([heatmaps_of(attribution, self.reduce) for attribution in self._rerun_apart(inputs)])

    def rerun_values(self, inputs: Tensor) -> Tensor:
        """As `rerun_each`, but the values themselves, float64."""
        return torch.cat([attribution.values for attribution in self._rerun_apart(inputs)]).double()

    def _rerun_apart(self, inputs: Tensor) -> Iterator[Attribution]:
        """The method on all inputs at once, or one after the other where those of a batch would be mixed."""
        # Some perturbation methods fill holes with what the other inputs of a batch have there.
        mixes_inputs = find_method(self.attribution.method).family == "perturbation"
        parts = torch.split(inputs, 1) if mixes_inputs else (inputs,)
        for part in parts:
            yield self.rerun(part, share=1 / len(parts))

    def spend(self, cost: Cost) -> None:
        """Count passes that were made elsewhere for this check."""
        self._spent += cost

    @property
    def cost(self) -> Cost:
        """What the check spent so far."""
        return self._spent + self.run.cost if "run" in self.__dict__ else self._spent

    def _report(self, share: float) -> Progress | None:
        """Progress of passes that are `share` of the check's work, told as a share of all of it."""
        if self.progress is None:
            return None
        progress, start = self.progress, self._done
        return lambda done, words: progress(min(1.0, start + share * done))


def runs_again(attribution: Attribution, rerun: Cost) -> bool:
    """Whether a method is registered, and takes no more than `QUICK_RUN` passes."""
    return registered_method(attribution) is not None and rerun.forward + rerun.backward <= QUICK_RUN


def registered_method(attribution: Attribution) -> Method | None:
    """The method that made the attribution, if it is in the registry."""
    known = {method.name for method in methods()}
    return find_method(attribution.method) if attribution.method in known else None


def holds_gradients(attribution: Attribution) -> bool:
    """Whether the values say how fast the score changes with each input value."""
    return attribution.method in {method.name for method in methods() if method.unit == SLOPES}


def channel_reduction(attribution: Attribution, reduce: Reduce | None) -> Reduce:
    """How the channels of a map are folded: as asked, or else by their sum, and slopes by their size.

    The sign of a slope says which way to change a pixel, not whether the pixel speaks for the score.
    """
    return reduce or ("abs" if holds_gradients(attribution) else "sum")


def heatmaps_of(attribution: Attribution, reduce: Reduce | None = None) -> Tensor:
    """The heat maps (N, H, W) at the inputs' own resolution, or the vectors (N, F), float64; see `channel_reduction`."""
    return folded_maps(attribution, reduce).double()


def folded_maps(attribution: Attribution, reduce: Reduce | None = None) -> Tensor:
    """As `heatmaps_of`, in the dtype that the values have."""
    reduction = channel_reduction(attribution, reduce)
    if attribution.values.ndim == 2:
        return attribution.values if reduction == "sum" else attribution.values.abs()
    return attribution.heatmap(reduce=reduction)


def heatmap_of(attribution: Attribution, reduce: Reduce | None = None) -> Tensor:
    """The first of `heatmaps_of`."""
    return heatmaps_of(attribution, reduce)[0]
