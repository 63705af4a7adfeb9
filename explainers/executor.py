"""How questions are carried out: methods with their options become plans, plans share the passes of one run, runs become attributions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explainers.core.attribution import Attribution, Completeness
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.estimate import Estimate
from explainers.core.model import Images, Model
from explainers.core.target import Target, layer_of
from explainers.core.target_parser import TargetLike, parse_target
from explainers.engine.engine import Engine, engine_for
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.registry import Method, fitting_method

Plan = tuple[Method, Any]
"""A method and its validated options."""


def run_plans(
    model: Model,
    images: Images,
    plans: Sequence[Plan],
    target: TargetLike = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> list[Attribution]:
    """What `explain` does once it has read its options: one Attribution per plan, which share their passes."""
    engine = engine or engine_for()
    inputs = inputs_of(model, images).to(engine.device)
    asked = parse_target(target, model)
    layers = [o.layer for _, o in plans if "layer" in type(o).model_fields]
    run = Run(
        model, engine, layers=layers, shared=len(plans) > 1, end=layer_of(asked), progress=progress, cancel=cancel
    )
    run.expect(expected_passes(run, inputs, plans))
    spent = Cost()
    made = []
    for one, chosen in plans:
        maps = _maps(run, inputs, asked, one, chosen)
        made.append(attribution_of(run, inputs, asked, one, chosen, maps, spent))
        spent = run.cost
    run.finish()
    return made


def inputs_of(model: Model, images: Images) -> Tensor:
    """The inputs (N, ...), at least one."""
    none = isinstance(images, Sequence) and not images  # `Preprocess` makes no inputs of no pictures
    if none or len(inputs := model.inputs(images)) == 0:
        raise VitrineError("There is nothing to look at: give at least one picture or input.")
    return inputs


def read_plans(names: Sequence[str], model: Model, options: dict[str, Any]) -> list[Plan]:
    """Every method with its validated options, once per layer asked for."""
    plans = []
    for name in names:
        method = fitting_method(name, model)
        layer = options.get("layer")
        if isinstance(layer, list | tuple):
            if not layer:
                raise VitrineError("The list of layers is empty; name at least one, or leave layer out.")
            plans += [(method, method.options.read(name, {**options, "layer": one})) for one in layer]
        else:
            plans.append((method, method.options.read(name, options)))
    if not plans:
        raise VitrineError("The list of methods is empty; name at least one.")
    return plans


A_LOOK = 8
"""Passes per input, at most, of methods that look at the input, or at a few views of it, and not at many versions."""


def expected_passes(run: Run, inputs: Tensor, plans: Sequence[tuple[Method, Any]]) -> Cost:
    """Passes of all plans: those of one look at the network are shared, those over many versions are each plan's own."""
    own, shared = Cost(), Cost()
    for method, options in plans:
        passes = method.passes(inputs.shape, options, run)
        if method.anytime or passes.forward > A_LOOK * len(inputs):
            own += passes
        else:
            shared = shared.largest(passes)
    return own + shared


@dataclass(frozen=True)
class _Maps:
    """Maps of all inputs (N, ...), with their standard errors where a method knows them, and the share of the work done."""

    values: Tensor
    error: Tensor | None = None
    share: float = 1.0


def _maps(run: Run, inputs: Tensor, target: Target, method: Method, options: Any) -> _Maps:
    if not method.anytime:
        with torch.no_grad():
            values = method.compute(run, inputs, target, options)
        assert isinstance(values, Tensor)
        return _Maps(values)
    last: list[Estimate] = []
    rows = [inputs] if len(inputs) == 1 else [inputs[place : place + 1] for place in range(len(inputs))]
    for place, one in enumerate(rows):
        last += deque(estimates_of(run, one, target.take([place]), method, options), maxlen=1)
    run.join(inputs, rows)
    return stacked(last)


def estimates_of(run: Run, one: Tensor, target: Target, method: Method, options: Any) -> Iterator[Estimate]:
    """Estimates of one input's map, up to the first that has settled."""
    estimates = method.compute(run, one, target, options)
    assert not isinstance(estimates, Tensor)
    while True:
        with torch.no_grad():  # while it works, not while somebody looks at what it has
            estimate = next(estimates, None)
        if estimate is None:
            return
        yield estimate
        enough = getattr(options, "reliability", 1.0)
        if enough < 1 and estimate.reliability is not None and estimate.reliability >= enough:
            return


def stacked(estimates: Sequence[Estimate]) -> _Maps:
    errors = [estimate.error for estimate in estimates if estimate.error is not None]
    return _Maps(
        torch.stack([estimate.values for estimate in estimates]),
        torch.stack(errors) if len(errors) == len(estimates) else None,
        min(estimate.share for estimate in estimates),
    )


def attribution_of(
    run: Run, inputs: Tensor, target: Target, method: Method, options: Any, maps: _Maps, spent: Cost
) -> Attribution:
    with torch.no_grad():
        resolved = run.resolve(inputs, target)
        score = run.scores(inputs, resolved)
        completeness = None
        if method.expected_sum is not None:
            expected = method.expected_sum(run, inputs, resolved, options)
            completeness = Completeness(maps.values.flatten(1).sum(1).float().cpu(), expected.float().cpu())
    layer = run.layer(options.layer).name if "layer" in type(options).model_fields else None
    return Attribution(
        values=maps.values.float().cpu().contiguous(),
        error=None if maps.error is None else maps.error.float().cpu().contiguous(),
        share=maps.share,
        method=method.name,
        target=resolved,
        score=score.float().cpu(),
        inputs=inputs,
        signed=method.signed,
        layer=layer,
        options=options.model_dump(mode="json") | ({"layer": layer} if layer else {}),
        cost=run.cost - spent,
        completeness=completeness,
        model_fingerprint=run.model.fingerprint,
    )
