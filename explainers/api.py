"""The public verbs: predict, explain, refine, estimate, and what can be asked about."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import torch
from torch import Tensor

from explainers.attention.heads import AttentionHeads, heads_of
from explainers.core.attribution import Attribution
from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Images, Model
from explainers.core.target import are_probabilities, layer_of
from explainers.core.target_parser import TargetLike, parse_target
from explainers.engine.engine import Engine, engine_for
from explainers.engine.passes import Progress
from explainers.engine.run import Run
from explainers.executor import begin, estimate_method, inputs_of, refine_method, run_methods
from explainers.graph.layers import Layer, layers_up_to
from explainers.inputs.segments import Segments, segment_input
from explainers.models.labels import Labels, read_labels


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model answers.

    Attributes:
        outputs: its raw outputs, (N, K).
        probabilities: softmax of them, (N, K); the outputs themselves where they are probabilities
            already, or where the model is a regression.
        labels: one name per output.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> answer = ex.predict(model, image)
        >>> tuple(answer.outputs.shape), tuple(answer.probabilities.shape)
        ((1, 12), (1, 12))
        >>> answer.top(1)[0][:2]  # label and index; the probability is the third
        ('stop', 0)
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

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> answer = ex.predict(model, [image, image.rotate(20)])
        >>> tuple(answer.outputs.shape)
        (2, 12)
    """
    job = begin(model, inputs_of(model, images), engine=engine)
    outputs = job.run.outputs(job.inputs).flatten(1).float().cpu()
    is_class = model.task == "classification" and not are_probabilities(outputs)
    labels = tuple(model.label(i) for i in range(outputs.shape[1]))
    return Prediction(outputs, outputs.softmax(1) if is_class else outputs, labels)


def relabelled(model: Model, labels: Labels, *, engine: Engine | None = None) -> Model:
    """The same model with other names for its outputs; the network is shared, and so is its fingerprint.

    Args:
        labels: one name per output, or a file of them: text with a name a line, JSON or CSV.

    Raises:
        VitrineError: the file can't be read, or there are more or fewer names than outputs.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> other = ex.relabelled(model, [f"sign {number}" for number in range(12)])
        >>> other.label(0), other.network is model.network
        ('sign 0', True)
    """
    zeros = torch.zeros(1, *model.input_shape)
    return replace(model, labels=read_labels(labels, predict(model, zeros, engine=engine).outputs.shape[1]))


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

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a = ex.explain(model, image, "grad-cam", target="stop")
        >>> tuple(a.values.shape), a.layer  # at the layer's own resolution
        ((1, 12, 12), 'layer4')
        >>> tuple(a.heatmap().shape)  # at the input's
        (1, 96, 96)
        >>> maps = ex.explain(model, image, ["grad-cam", "layer-cam"], layer=["layer2", "layer4"])
        >>> [(m.method, m.layer) for m in maps]
        [('grad-cam', 'layer2'), ('grad-cam', 'layer4'), ('layer-cam', 'layer2'), ('layer-cam', 'layer4')]
        >>> sum(m.cost.forward for m in maps)  # they shared one pass
        1
    """
    several = not isinstance(method, str) or isinstance(options.get("layer"), list | tuple)
    requests = [(name, options) for name in ([method] if isinstance(method, str) else method)]
    attributions = run_methods(model, images, requests, target, engine=engine, progress=progress, cancel=cancel)
    return attributions if several else attributions[0]


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

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> for a in ex.refine(model, image, "rise", samples=100):
        ...     if a.share >= 0.5:
        ...         break
        >>> tuple(a.values.shape), tuple(a.error.shape)
        ((1, 96, 96), (1, 96, 96))
    """
    return refine_method(model, image, (method, options), target, engine=engine, cancel=cancel)


def estimate(
    model: Model, images: Images, method: str, *, within: float = 0.0, engine: Engine | None = None, **options: Any
) -> Cost:
    """What `explain` would take: its passes, and seconds from the pace of earlier passes of this model on this device.

    The first estimate of a model makes a few passes to find its pace, for about a second, or a few passes where they are slow.

    Args:
        within: seconds: for the question whether the work takes longer than this. Where passes made before promise that it
            does not, no further ones are made; `seconds` is then a bound, and may be several times too high.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> cost = ex.estimate(model, image, "rise", samples=100)
        >>> cost.forward, cost.backward, cost.seconds > 0
        (101, 0, True)
    """
    return estimate_method(model, images, (method, options), within=within, engine=engine)


def regions(model: Model, image: Images, segments: str = "slic", count: int = 50) -> Tensor:
    """The regions that perturbation methods hide as one: the number of each pixel's region, (H, W) int64, see `segment_input`.

    Args:
        segments: how to cut: "slic", "grid", "felzenszwalb" or "quickshift".
        count: about how many.

    Raises:
        VitrineError: there is no such way to cut, no picture, or fewer than one region is asked for.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> segments = ex.regions(model, image, "grid", 16)
        >>> tuple(segments.shape), int(segments.max()) + 1
        ((96, 96), 16)
    """
    if segments not in list(Segments):
        raise VitrineError(f"Nothing is cut by {segments!r}; give one of: {', '.join(Segments)}.")
    if count < 1:
        raise VitrineError(f"A picture is cut into at least one region, not into {count}.")
    return segment_input(model, inputs_of(model, image)[:1], Segments(segments), count)


def layers(model: Model, target: TargetLike = None, *, engine: Engine | None = None) -> list[Layer]:
    """The layers that a CAM of a target can be read off, from early to late; `default_layer` and `stages` choose among them.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> names = [layer.name for layer in ex.layers(model)]
        >>> names[0], names[-1]
        ('stem.conv', 'layer4')
    """
    running = layers_up_to(Run(model, engine or engine_for()).layers(), layer_of(parse_target(target, model)))
    return [layer for layer in running if layer.explains]


def channel_layers(model: Model, *, engine: Engine | None = None) -> list[Layer]:
    """The layers whose channels can be the target, see `ChannelTarget`, from early to late.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> [(layer.name, layer.channels) for layer in ex.channel_layers(model)][-3:]
        [('layer4', 64), ('pool', 64), ('fc', 12)]
    """
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

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-vit")
        >>> image = ex.sample("scene:1000050").load()
        >>> heads = ex.attention_heads(model, image)
        >>> heads.names[0], tuple(heads.maps[0].shape)  # heads x height x width
        ('blocks.0.attn', (4, 12, 12))
    """
    if Needs.ATTENTION | Needs.IMAGES not in model.capabilities:
        raise VitrineError(f"{model.name} has no attention over an image; bundled with Vitrine, demo:signs-vit has.")
    inputs = model.inputs(image)
    if len(inputs) != 1:
        raise VitrineError(f"Heads are shown for one picture at a time, not for {len(inputs)}.")
    job = begin(model, inputs, target, engine=engine, progress=progress)
    return heads_of(job.run, job.inputs, job.target)
