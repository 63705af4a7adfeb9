"""The public functions: explain, predict, methods."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import torch
from torch import Tensor

from explainers.attention import AttentionHeads, heads_of
from explainers.core.attribution import Attribution, Completeness, Cost
from explainers.core.cost_prediction import predict_seconds
from explainers.core.engine import Engine, engine_for
from explainers.core.errors import VitrineError
from explainers.core.estimate import Estimate
from explainers.core.layers import Layer, layers_up_to
from explainers.core.model import Images, Model, Needs
from explainers.core.passes import Progress
from explainers.core.registry import Method, fitting_method, methods
from explainers.core.run import Run
from explainers.core.segments import Segments, segment_input
from explainers.core.target import Target, are_probabilities, layer_of
from explainers.core.target_parser import TargetLike, parse_target

Plan = tuple[Method, Any]
"""A method and its validated options."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model answers.

    Attributes:
        outputs: its raw outputs, (N, K).
        probabilities: softmax of them, (N, K); the outputs themselves where they are probabilities
            already, or where the model is a regression.
    """

    outputs: Tensor
    probabilities: Tensor
    labels: tuple[str, ...]

    def top(self, count: int = 5, row: int = 0) -> list[tuple[str, int, float]]:
        """(label, index, probability) of the `count` most probable classes of one input."""
        values, indices = self.probabilities[row].topk(min(count, self.probabilities.shape[1]))
        return [(self.labels[i], i, float(v)) for v, i in zip(values, indices.tolist(), strict=True)]


def predict(model: Model, images: Images, *, engine: Engine | None = None) -> Prediction:
    """Ask the model.

    Args:
        images: a picture, a list of pictures, or a preprocessed tensor (N, ...).

    Raises:
        VitrineError: there is none, or it does not fit, in one sentence.
    """
    engine = engine or engine_for()
    inputs = _some(model, images).to(engine.device)
    outputs = Run(model, engine).outputs(inputs).flatten(1).float().cpu()
    is_class = model.task == "classification" and not are_probabilities(outputs)
    labels = tuple(model.label(i) for i in range(outputs.shape[1]))
    return Prediction(outputs, outputs.softmax(1) if is_class else outputs, labels)


@overload
def explain(
    model: Model,
    images: Images,
    method: str = ...,
    target: TargetLike = ...,
    *,
    engine: Engine | None = ...,
    progress: Progress | None = ...,
    cancel: threading.Event | None = ...,
    **options: Any,
) -> Attribution: ...


@overload
def explain(
    model: Model,
    images: Images,
    method: Sequence[str],
    target: TargetLike = ...,
    *,
    engine: Engine | None = ...,
    progress: Progress | None = ...,
    cancel: threading.Event | None = ...,
    **options: Any,
) -> list[Attribution]: ...


def explain(
    model: Model,
    images: Images,
    method: str | Sequence[str] = "grad-cam",
    target: TargetLike = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> Attribution | list[Attribution]:
    """Ask why the model answered as it did.

    Args:
        images: a picture, a list of pictures, or a preprocessed tensor (N, ...).
        method: a method's name (see `methods`), or several, which then share their passes.
        target: a Target, the index or label of a class, "LAYER:CHANNEL" (see `parse_target`), or None for each input's top class.
        progress: called between chunks of work with the share done and a few words; may raise to stop.
        cancel: set it from another thread to stop the work within one chunk (raises Cancelled).
        **options: the method's own. `layer` may be a list, whose maps then share one capture.

    Returns:
        One Attribution; a list of them, method by method and layer by layer, where `method` or `layer` is a list.
        The cost of passes that several share is counted once, with the first of them.

    Raises:
        VitrineError: the method, an option, the target or the input does not fit, in one sentence.
    """
    several = not isinstance(method, str) or isinstance(options.get("layer"), list | tuple)
    plans = read_plans([method] if isinstance(method, str) else list(method), model, options)
    made = run_plans(model, images, plans, target, engine, progress, cancel)
    return made if several else made[0]


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
    inputs = _some(model, images).to(engine.device)
    asked = parse_target(target, model)
    layers = [o.layer for _, o in plans if "layer" in type(o).model_fields]
    run = Run(
        model, engine, layers=layers, shared=len(plans) > 1, end=layer_of(asked), progress=progress, cancel=cancel
    )
    run.expect(_expected(run, inputs, plans))
    spent = Cost()
    made = []
    for one, chosen in plans:
        maps = _maps(run, inputs, asked, one, chosen)
        made.append(_attribution(run, inputs, asked, one, chosen, maps, spent))
        spent = run.cost
    run.finish()
    return made


def refine(
    model: Model,
    image: Images,
    method: str = "rise",
    target: TargetLike = None,
    *,
    engine: Engine | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> Iterator[Attribution]:
    """One input's map while it is being made: look at it, stop when it is good enough, or go on.

    for a in ex.refine(model, image, "rise"):
        if a.reliability and a.reliability > 0.9:
            break

    Args:
        image: one picture, or a tensor (1, ...).
        method: an anytime method, see `Method.anytime`.

    Returns:
        An iterator that makes one chunk of work per step and ends when the method is done or has settled. What it handed
        out stays good when it is left; nothing is computed between two steps.

    Raises:
        VitrineError: the method cannot be looked at on the way, or something does not fit, in one sentence.
    """
    plans = read_plans([method], model, options)
    chosen = plans[0][0]
    if len(plans) > 1 or not chosen.anytime:
        able = ", ".join(m.name for m in methods(model) if m.anytime)
        raise VitrineError(f"{chosen.title} has no map before it is done; use explain, or one of: {able}.")
    engine = engine or engine_for()
    inputs = model.inputs(image).to(engine.device)
    if len(inputs) != 1:
        raise VitrineError(f"refine follows the map of one input, and {len(inputs)} came; call it for each.")
    asked = parse_target(target, model)
    run = Run(model, engine, end=layer_of(asked), cancel=cancel)
    return _refined(run, inputs, asked, *plans[0])


def _refined(run: Run, inputs: Tensor, target: Target, method: Method, options: Any) -> Iterator[Attribution]:
    for estimate in _estimates(run, inputs, target, method, options):
        yield _attribution(run, inputs, target, method, options, _stacked([estimate]), Cost())


def estimate(model: Model, images: Images, method: str, *, engine: Engine | None = None, **options: Any) -> Cost:
    """What `explain` would take: its passes, and seconds from the pace of earlier passes of this model on this device.

    The first estimate of a model makes a few passes to find its pace.
    """
    engine = engine or engine_for()
    inputs = _some(model, images).to(engine.device)
    run = Run(model, engine)
    passes = _expected(run, inputs, read_plans([method], model, options))
    return replace(passes, seconds=predict_seconds(run, inputs, passes))


def regions(model: Model, image: Images, segments: str = "slic", count: int = 50) -> Tensor:
    """The regions that perturbation methods hide as one: the number of each pixel's region, (H, W) int64, see `segment_input`.

    Args:
        segments: how to cut: "slic", "grid", "felzenszwalb" or "quickshift".
        count: about how many.

    Raises:
        VitrineError: there is no such way to cut, no picture, or fewer than one region is asked for.
    """
    if segments not in list(Segments):
        raise VitrineError(f"Nothing is cut by {segments!r}; give one of: {', '.join(Segments)}.")
    if count < 1:
        raise VitrineError(f"A picture is cut into at least one region, not into {count}.")
    return segment_input(model, _some(model, image)[:1], Segments(segments), count)


def layers(model: Model, target: TargetLike = None, *, engine: Engine | None = None) -> list[Layer]:
    """The layers that a CAM of a target can be read off, from early to late; `default_layer` and `stages` choose among them."""
    found = layers_up_to(Run(model, engine or engine_for()).layers(), layer_of(parse_target(target, model)))
    return [layer for layer in found if layer.explains]


def channel_layers(model: Model, *, engine: Engine | None = None) -> list[Layer]:
    """The layers whose channels can be the target, see `ChannelTarget`, from early to late."""
    return [layer for layer in Run(model, engine or engine_for()).layers() if layer.has_channels]


def attention_heads(
    model: Model,
    image: Images,
    target: TargetLike = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> AttentionHeads:
    """Every head of every attention layer of a transformer, for one picture: one forward and one backward pass.

    Args:
        image: a picture, or a preprocessed tensor (1, C, H, W).
        target: as in `explain`; it tells which tokens the head reads, and hardly ever matters.

    Raises:
        VitrineError: the model has no attention, or there are several pictures.
    """
    if Needs.ATTENTION | Needs.IMAGES not in model.capabilities:
        raise VitrineError(f"{model.name} has no attention over an image; bundled with Vitrine, demo:signs-vit has.")
    engine = engine or engine_for()
    inputs = model.inputs(image).to(engine.device)
    if len(inputs) != 1:
        raise VitrineError(f"Heads are shown for one picture at a time, not for {len(inputs)}.")
    run = Run(model, engine, progress=progress)
    return heads_of(run, inputs, parse_target(target, model))


def _some(model: Model, images: Images) -> Tensor:
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


def _expected(run: Run, inputs: Tensor, plans: Sequence[tuple[Method, Any]]) -> Cost:
    """Passes of all plans: those of one look at the network are shared, those over many versions are each plan's own."""
    if len(plans) == 1:  # with all that a sum of several would lose
        method, options = plans[0]
        return method.passes(inputs.shape, options, run)
    own, shared = [Cost()], [Cost()]
    for method, options in plans:
        passes = method.passes(inputs.shape, options, run)
        (own if method.anytime or passes.forward > A_LOOK * len(inputs) else shared).append(passes)
    return Cost(
        sum(c.forward for c in own) + max(c.forward for c in shared),
        sum(c.backward for c in own) + max(c.backward for c in shared),
        half=sum(c.half for c in own) + max(c.half for c in shared),
    )


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
        last += deque(_estimates(run, one, target.take([place]), method, options), maxlen=1)
    run.join(inputs, rows)
    return _stacked(last)


def _estimates(run: Run, one: Tensor, target: Target, method: Method, options: Any) -> Iterator[Estimate]:
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


def _stacked(estimates: Sequence[Estimate]) -> _Maps:
    errors = [estimate.error for estimate in estimates if estimate.error is not None]
    return _Maps(
        torch.stack([estimate.values for estimate in estimates]),
        torch.stack(errors) if len(errors) == len(estimates) else None,
        min(estimate.share for estimate in estimates),
    )


def _attribution(
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
        cost=Cost(
            forward=run.cost.forward - spent.forward,
            backward=run.cost.backward - spent.backward,
            seconds=run.cost.seconds - spent.seconds,
            half=run.cost.half - spent.half,
        ),
        completeness=completeness,
        model_fingerprint=run.model.fingerprint,
    )
