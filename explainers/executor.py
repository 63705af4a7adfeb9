"""How questions are carried out: methods with their options become plans, plans share the passes of one run, runs become attributions.

A call of `api` or of `comparison` comes in here once: `run_methods`, `refine_method`, `estimate_method`, or `begin` for what is no
method. From here the run is handed to the method, which makes all its passes in it, and comes back with maps."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
from explainers.engine.cost_prediction import predict_seconds
from explainers.engine.engine import Engine, engine_for
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.registry import Method, fitting_method, methods

Request = tuple[str, dict[str, Any]]
"""A method's name, and its options as a caller gave them."""


@dataclass(frozen=True)
class Plan:
    """A method and its validated options."""

    method: Method
    options: Any

    @property
    def has_layer(self) -> bool:
        """Whether a layer can be chosen."""
        return "layer" in type(self.options).model_fields


@dataclass(frozen=True)
class Job:
    """Inputs on the device of the work, what is explained of them, and the run in which their passes are made."""

    run: Run
    inputs: Tensor
    target: Target


def begin(
    model: Model,
    inputs: Tensor,
    target: TargetLike = None,
    *,
    plans: Sequence[Plan] = (),
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Job:
    """A job for these inputs, whose run knows which layers the plans will look at."""
    engine = engine or engine_for()
    parsed = parse_target(target, model)
    run = Run(
        model,
        engine,
        layers=[plan.options.layer for plan in plans if plan.has_layer],
        shared=len(plans) > 1,
        end=layer_of(parsed),
        progress=progress,
        cancel=cancel,
    )
    return Job(run, inputs.to(engine.device), parsed)


def run_methods(
    model: Model,
    images: Images,
    requests: Sequence[Request],
    target: TargetLike = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> list[Attribution]:
    """One Attribution per method and layer asked for, which share their passes: what `explain` does."""
    plans = read_plans(requests, model)
    job = begin(model, inputs_of(model, images), target, plans=plans, engine=engine, progress=progress, cancel=cancel)
    job.run.expect(expected_passes(job.run, job.inputs, plans))
    attributions: list[Attribution] = []
    for plan in plans:
        spent = job.run.cost
        attributions.append(_attribution(job, plan, _maps(job, plan), spent))
    job.run.finish()
    return attributions


def refine_method(
    model: Model,
    image: Images,
    request: Request,
    target: TargetLike = None,
    *,
    engine: Engine | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[Attribution]:
    """The map of one input, better with every step: what `refine` does. What cannot be followed is refused before the first."""
    plans = read_plans([request], model)
    plan = plans[0]
    if len(plans) > 1 or not plan.method.anytime:
        able = ", ".join(m.name for m in methods(model) if m.anytime)
        raise VitrineError(f"{plan.method.title} has no map before it is done; use explain, or one of: {able}.")
    inputs = model.inputs(image)
    if len(inputs) != 1:
        raise VitrineError(f"refine follows the map of one input, and {len(inputs)} came; call it for each.")
    job = begin(model, inputs, target, engine=engine, cancel=cancel)
    return (_attribution(job, plan, _stacked([estimate]), Cost()) for estimate in _estimates(job, plan))


def estimate_method(
    model: Model, images: Images, request: Request, *, within: float = 0.0, engine: Engine | None = None
) -> Cost:
    """The passes of a method, and how long they will take: what `estimate` does."""
    job = begin(model, inputs_of(model, images), engine=engine)
    passes = expected_passes(job.run, job.inputs, read_plans([request], model))
    return replace(passes, seconds=predict_seconds(job.run, job.inputs, passes, within))


def inputs_of(model: Model, images: Images) -> Tensor:
    """The inputs (N, ...), at least one."""
    none = isinstance(images, Sequence) and not images  # `Preprocess` makes no inputs of no pictures
    if none or len(inputs := model.inputs(images)) == 0:
        raise VitrineError("There is nothing to look at: give at least one picture or input.")
    return inputs


def read_plans(requests: Sequence[Request], model: Model) -> list[Plan]:
    """Every method with its validated options, once per layer asked for."""
    plans = []
    for name, options in requests:
        method = fitting_method(name, model)
        layers = options.get("layer")
        if isinstance(layers, list | tuple):
            if not layers:
                raise VitrineError("The list of layers is empty; name at least one, or leave layer out.")
            plans += [Plan(method, method.options.read(name, {**options, "layer": layer})) for layer in layers]
        else:
            plans.append(Plan(method, method.options.read(name, options)))
    if not plans:
        raise VitrineError("The list of methods is empty; name at least one.")
    return plans


FEW_PASSES = 8
"""Passes per input, at most, of methods that look at the input, or at a few views of it, and not at many variants."""


def expected_passes(run: Run, inputs: Tensor, plans: Sequence[Plan]) -> Cost:
    """Passes of all plans: those of one look at the network are shared, those over many variants are each plan's own."""
    own, shared = Cost(), Cost()
    for plan in plans:
        passes = plan.method.passes(inputs.shape, plan.options, run)
        if plan.method.anytime or passes.forward > FEW_PASSES * len(inputs):
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


def _maps(job: Job, plan: Plan) -> _Maps:
    """The maps that a method makes; one that makes them step by step gets the inputs row by row."""
    if not plan.method.anytime:
        with torch.no_grad():
            values = plan.method.compute(job.run, job.inputs, job.target, plan.options)
        assert isinstance(values, Tensor)
        return _Maps(values)
    count = len(job.inputs)
    rows = [job.inputs] if count == 1 else [job.inputs[index : index + 1] for index in range(count)]
    estimates: list[Estimate] = []
    for index, row in enumerate(rows):
        estimates += deque(_estimates(Job(job.run, row, job.target.take([index])), plan), maxlen=1)
    job.run.join(job.inputs, rows)
    return _stacked(estimates)


def _estimates(job: Job, plan: Plan) -> Iterator[Estimate]:
    """Estimates of one input's map, up to the first that has settled."""
    estimates = plan.method.compute(job.run, job.inputs, job.target, plan.options)
    assert not isinstance(estimates, Tensor)
    enough = getattr(plan.options, "reliability", 1.0)
    while True:
        with torch.no_grad():  # while it works, not while somebody looks at what it has
            estimate = next(estimates, None)
        if estimate is None:
            return
        yield estimate
        if enough < 1 and estimate.reliability is not None and estimate.reliability >= enough:
            return


def _stacked(estimates: Sequence[Estimate]) -> _Maps:
    errors = [estimate.error for estimate in estimates if estimate.error is not None]
    return _Maps(
        torch.stack([estimate.values for estimate in estimates]),
        torch.stack(errors) if len(errors) == len(estimates) else None,
        min(estimate.share for estimate in estimates),
    )


def _attribution(job: Job, plan: Plan, maps: _Maps, spent: Cost) -> Attribution:
    """The maps with everything needed to know where they come from; the cost is what was made since `spent`."""
    run, method, options = job.run, plan.method, plan.options
    with torch.no_grad():
        resolved = run.resolve(job.inputs, job.target)
        score = run.scores(job.inputs, resolved)
        completeness = None
        if method.expected_sum is not None:
            expected = method.expected_sum(run, job.inputs, resolved, options)
            completeness = Completeness(maps.values.flatten(1).sum(1).float().cpu(), expected.float().cpu())
    layer = run.layer(options.layer).name if plan.has_layer else None
    return Attribution(
        values=maps.values.float().cpu().contiguous(),
        error=None if maps.error is None else maps.error.float().cpu().contiguous(),
        share=maps.share,
        method=method.name,
        target=resolved,
        score=score.float().cpu(),
        inputs=job.inputs,
        signed=method.signed,
        layer=layer,
        options=options.model_dump(mode="json") | ({"layer": layer} if layer else {}),
        cost=run.cost - spent,
        completeness=completeness,
        model_fingerprint=run.model.fingerprint,
    )
