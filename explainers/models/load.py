"""A model from a few words: `load_model`, `wrap` and `list_models`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import torch
from torch import Tensor, nn

from explainers.core.black_box import BlackBox
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.engine.network_state import is_compiled
from explainers.models.demo import DESCRIPTIONS, demo_models, load_demo, weights_path
from explainers.models.download import DownloadProgress
from explainers.models.labels import Labels, read_labels
from explainers.models.zoo import RANDOM, classification_models, describe, load_torchvision, weights_file, weights_of

IMAGENET_SHAPE = (3, 224, 224)


@dataclass(frozen=True)
class KnownModel:
    """A model `load_model` knows by name.

    Attributes:
        spec: what to pass to `load_model`.
        title: its name for a list.
        description: what it is, in a few words.
        kind: "demo" for bundled ones.
        weights: names of the trained weights that may follow an "@", the default first; () if there is no choice.
        cached: those of `weights` that need no download.
        on_disk: whether its default weights need no download.
    """

    spec: str
    title: str
    description: str
    kind: Literal["demo", "torchvision"]
    weights: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()
    on_disk: bool = True


def list_models() -> list[KnownModel]:
    """Every model known by name, the bundled ones first.

    Example:
        >>> import explainers as ex
        >>> [known.spec for known in ex.list_models()][:2]
        ['demo:signs-cnn', 'demo:signs-vit']
        >>> "torchvision:resnet50" in [known.spec for known in ex.list_models()]
        True
    """
    demos = [
        KnownModel(f"demo:{name}", name, DESCRIPTIONS[name], "demo", on_disk=weights_path(name).is_file())
        for name in demo_models()
    ]
    return demos + [_torchvision_model(name) for name in classification_models()]


def _torchvision_model(name: str) -> KnownModel:
    weights = tuple(weights_of(name))
    cached = tuple(each for each in weights if weights_file(name, each).is_file())
    return KnownModel(f"torchvision:{name}", name, describe(name), "torchvision", weights, cached, weights[0] in cached)


def load_model(
    spec: str,
    weights: str | Path | None = None,
    labels: Labels | None = None,
    progress: DownloadProgress | None = None,
) -> Model:
    """A model by name: "demo:signs-cnn", "torchvision:resnet50", "torchvision:resnet50@IMAGENET1K_V1" or "...@random".

    Args:
        weights: a local file to load into that architecture; it then has as many outputs as the file.
        labels: names of the outputs, or a file of them; by default the model's own, if it has them.
        progress: called with the bytes that have come and the bytes expected while weights are downloaded; may raise.

    Raises:
        VitrineError: unknown names, a failed download, or a file that can't be read or does not fit.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> model.name, model.input_shape, len(model.labels)
        ('demo:signs-cnn', (3, 96, 96), 12)
    """
    kind, colon, rest = spec.strip().partition(":")
    name, at, entry = rest.partition("@")
    if kind == "demo" and name:
        if at:
            raise VitrineError(f"{spec} has no weights to choose from; write demo:{name}.")
        return _laid_out(load_demo(name, weights, labels))
    if kind == "torchvision" and name:
        if at and not entry:
            raise VitrineError(
                f"{spec} names no weights after the @; there are: {', '.join([*weights_of(name), RANDOM])}."
            )
        return _laid_out(load_torchvision(name, entry or None, weights, labels, progress))
    raise VitrineError(f"{spec!r} names no model; {_hint(kind if not colon else name)}")


def _laid_out(model: Model) -> Model:
    """Kernels channels last in memory: 3 to 16 % faster on a CPU (a copy on another device lies as usual there)."""
    model.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _hint(name: str) -> str:
    name = name.partition("@")[0]
    known = [f"demo:{name}"] * (name in demo_models()) + [f"torchvision:{name}"] * (name in classification_models())
    return (
        f"did you mean {known[0]}?" if known else "write demo:NAME or torchvision:NAME, torchvision:resnet50 for one."
    )


def wrap(
    network: nn.Module | Callable[[Tensor], Any],
    labels: Labels | None = None,
    preprocess: Preprocess | None = None,
    input_shape: tuple[int, ...] = IMAGENET_SHAPE,
    name: str | None = None,
    task: Literal["classification", "regression"] = "classification",
) -> Model:
    """Any module of yours as a Model; the module itself is left as it is, in its mode and with its gradients.

    What `torch.compile` made of it, or of parts of it, runs uncompiled here: compiled code shows nothing of its steps.

    Args:
        network: a module, or any function from preprocessed inputs (N, ...) to outputs (N, K), tensors or arrays: a black
            box, for the methods that read only scores.
        labels: names of the outputs, or a file of them.
        preprocess: how pictures become inputs; without it the model takes tensors only, since guessing would mislead.
        input_shape: (C, H, W) of one picture or (F,) of one vector; that of `preprocess` if left out.

    Raises:
        VitrineError: neither a module nor a function, or `input_shape` and `preprocess` contradict each other.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3))
        >>> model = ex.wrap(network, labels=["cat", "dog", "bird"], input_shape=(3, 4, 4))
        >>> tuple(ex.explain(model, torch.rand(2, 3, 4, 4), "gradient").values.shape)
        (2, 3, 4, 4)
        >>> box = ex.wrap(lambda inputs: inputs.mean((2, 3)), input_shape=(3, 4, 4))  # a function: scores are all it has
        >>> tuple(ex.predict(box, torch.rand(2, 3, 4, 4)).outputs.shape), box.capabilities
        ((2, 3), <Needs.SCORES|IMAGES: 9>)
    """
    if not callable(network):
        raise VitrineError(f"wrap takes a torch.nn.Module or a function, not {type(network).__name__}.")
    network = _uncompiled(network, {}) if isinstance(network, nn.Module) else network
    module = network if isinstance(network, nn.Module) else BlackBox(network)
    shape = tuple(input_shape)
    if preprocess is not None and preprocess.input_shape != shape:
        if shape != IMAGENET_SHAPE:
            raise VitrineError(
                f"The preprocessing makes inputs of shape {preprocess.input_shape}, but input_shape says {shape}."
            )
        shape = preprocess.input_shape
    return Model(
        name=name or str(getattr(network, "__name__", type(network).__name__)),
        network=module,
        input_shape=shape,
        labels=None if labels is None else read_labels(labels),
        preprocess=preprocess,
        task=task,
        # What a function does cannot be hashed: every wrapped one is another.
        fingerprint="" if module is network else f"black-box-{uuid4().hex[:16]}",
    )


def _uncompiled(network: nn.Module, seen: dict[nn.Module, nn.Module]) -> nn.Module:
    """The network itself; if `torch.compile` wrapped some of its modules, one that holds what is in the wrappings.

    All modules and weights are shared but for those that hold a wrapping somewhere, of which it has its own.
    """
    if network in seen:
        return seen[network]
    seen[network] = network
    if is_compiled(network):
        seen[network] = _uncompiled(network.get_submodule("_orig_mod"), seen)
        return seen[network]
    parts = {name: part if part is None else _uncompiled(part, seen) for name, part in network._modules.items()}
    if any(part is not network._modules[name] for name, part in parts.items()):
        seen[network] = copy.copy(network)
        seen[network]._modules = parts
    return seen[network]
