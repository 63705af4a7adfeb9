"""torchvision's classification models by name, with its weights, with yours, or untrained."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import GoogLeNet, Inception3, WeightsEnum, get_model, get_model_weights

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.models.architecture_search import OLD_DENSENET
from explainers.models.checkpoints import read_state_dict
from explainers.models.download import DownloadError, DownloadProgress, checkpoints_folder, fetch, file_name
from explainers.models.labels import Labels, read_labels
from explainers.models.paths import expanded
from explainers.models.state_dict_fitting import fit_state_dict, load_state

RANDOM: Final = "random"
"""The name of "no weights": an untrained network, the same one every time."""

SEED: Final = 0
IMAGENET_CLASSES: Final = 1000

_generator_lock = threading.Lock()  # the CPU's random number generator is shared by all threads


def classification_models() -> list[str]:
    """Names of torchvision's image classifiers."""
    return list(torchvision.models.list_models(module=torchvision.models))


def weights_of(name: str) -> list[str]:
    """Names of the trained weights torchvision has for a model, the default first.

    Raises:
        VitrineError: there is no such model.
    """
    entries = _entries(name)
    default = entries["DEFAULT"].name
    # VGG16's IMAGENET1K_FEATURES has no classifier, and no categories
    names = [entry.name for entry in entries if entry.meta["categories"]]
    return sorted(names, key=lambda other: other != default)


@functools.cache
def _entries(name: str) -> type[WeightsEnum]:
    if name not in classification_models():
        close = get_close_matches(name.lower(), classification_models(), n=4, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(close)}?"
            if close
            else f"there are {len(classification_models())} of them, resnet50 for one."
        )
        raise VitrineError(f"torchvision has no classification model {name!r}; {hint}")
    entries: type[WeightsEnum] = get_model_weights(name)
    return entries


def _entry(name: str, weights: str | None) -> WeightsEnum:
    entries = _entries(name)
    known = weights_of(name)
    if weights is None or weights == RANDOM:
        return entries[known[0]]
    if weights == "DEFAULT":
        return entries["DEFAULT"]
    if weights not in known:
        raise VitrineError(
            f"torchvision has no weights {weights!r} for {name}; there are: {', '.join([*known, RANDOM])}."
        )
    return entries[weights]


def weights_file(name: str, weights: str | None = None) -> Path:
    """Where PyTorch keeps the downloaded weights of a model, there already or not."""
    return checkpoints_folder() / file_name(_entry(name, weights).url)


def describe(name: str) -> str:
    """Size, accuracy and download of a model's default weights, in a few words."""
    meta = _entry(name, None).meta
    accuracy = meta["_metrics"]["ImageNet-1K"]["acc@1"]
    return (
        f"{meta['num_params'] / 1e6:.1f} M parameters, {accuracy:.1f} % top-1 on ImageNet, {meta['_file_size']:.0f} MB"
    )


@dataclass(frozen=True)
class Blueprint:
    """How a network is built, beyond its name: what torchvision's builder would take from a weights entry.

    Attributes:
        aux: with the auxiliary heads that GoogLeNet and Inception only train with.
        outputs: number of classes.
    """

    name: str
    entry: WeightsEnum
    aux: bool = False
    outputs: int = IMAGENET_CLASSES

    def _build(self, *, init_weights: bool) -> nn.Module:
        arguments: dict[str, Any] = {"num_classes": self.outputs}
        if self.name in {"googlenet", "inception_v3"}:
            # transform_input: torchvision's weights were trained on pixels in [-1, 1], and the network converts
            arguments |= {"aux_logits": self.aux, "transform_input": True, "init_weights": init_weights}
        if self.name.startswith("vit_"):
            arguments["image_size"] = self.entry.meta["min_size"][0]
        network: nn.Module = get_model(self.name, weights=None, **arguments)
        return network

    def untrained(self) -> nn.Module:
        """A network with random weights, the same ones every time."""
        with own_random_numbers():
            return self._build(init_weights=True)

    def bodiless(self) -> nn.Module:
        """A network that waits for its weights, without memory if possible: drawing random ones takes seconds."""
        try:
            with torch.device("meta"):
                return self._build(init_weights=False)
        except NotImplementedError:  # RegNet works its widths out with tensors, and needs their values
            with own_random_numbers():
                return self._build(init_weights=False)


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Draw from a fixed seed, and put the generator back where it was."""
    with _generator_lock, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed would reseed the GPUs too
        yield


def load_torchvision(
    name: str,
    weights: str | None = None,
    file: str | Path | None = None,
    labels: Labels | None = None,
    progress: DownloadProgress | None = None,
) -> Model:
    """A torchvision classifier, ready to be asked.

    Args:
        weights: the name of torchvision's weights, None for its default, "random" for an untrained network.
        file: local weights to load instead; the network then has as many outputs as they have.
        labels: names of the outputs; ImageNet's if there are 1000 and none are given.
        progress: called while weights are downloaded.

    Raises:
        VitrineError: unknown names, a failed download, or a file that can't be read or does not fit.
    """
    entry = _entry(name, weights)
    spec = f"torchvision:{name}" + (f"@{weights}" if weights else "")
    if file is not None and weights == RANDOM:
        raise VitrineError(
            f"{spec} is untrained, so it takes no weights; write torchvision:{name} to load {Path(file).name}."
        )
    if weights == RANDOM:
        network, note = Blueprint(name, entry).untrained(), "Random weights: its answers mean nothing."
    elif file is not None:
        network = _with_weights(name, entry, expanded(file))
        note = f"Weights from {Path(file).name}, in torchvision's {name}."
    else:
        network = _with_weights(name, entry, _downloaded(name, entry, progress))
        note = f"torchvision's weights {entry.name}."
    outputs = _head(network).weight.shape[0]
    if labels is not None:
        names: tuple[str, ...] | None = read_labels(labels, outputs)
    else:
        names = tuple(entry.meta["categories"]) if outputs == IMAGENET_CLASSES else None
    preprocess = Preprocess.from_torchvision(entry.transforms())
    return Model(
        name=spec,
        network=network.eval().requires_grad_(False),
        input_shape=preprocess.input_shape,
        labels=names,
        preprocess=preprocess,
        untrained=weights == RANDOM,
        note=note,
    )


def _downloaded(name: str, entry: WeightsEnum, progress: DownloadProgress | None) -> Path:
    digits = torch.hub.HASH_REGEX.search(file_name(entry.url))
    try:
        return fetch(entry.url, checkpoints_folder(), digits[1] if digits else None, progress)
    except DownloadError as error:
        raise DownloadError(
            entry.url,
            error.reason,
            f"Downloading the weights of torchvision:{name} ({entry.name}) failed: {error.reason}. "
            f"Check the network, or pass a local file as weights, or use torchvision:{name}@{RANDOM}.",
        ) from error


def _with_weights(name: str, entry: WeightsEnum, path: Path) -> nn.Module:
    state = read_state_dict(path)
    if name.startswith("densenet"):
        state = {OLD_DENSENET.sub(r"\1\2", key): tensor for key, tensor in state.items()}
    aux = any("aux1." in key or "AuxLogits." in key for key in state)
    network = Blueprint(name, entry, aux).bodiless()
    outputs = _outputs_in(state, network)
    if outputs != IMAGENET_CLASSES:
        network = Blueprint(name, entry, aux, outputs).bodiless()
    load_state(network, state, path.name)
    return without_auxiliary_heads(network)


def _outputs_in(state: dict[str, Tensor], network: nn.Module) -> int:
    """How many classes weights tell apart: rows of what is the last layer in `network`."""
    name = next(name for name, module in network.named_modules() if module is _head(network))
    weight = fit_state_dict(state, network).get(f"{name}.weight")
    return IMAGENET_CLASSES if weight is None or weight.ndim < 2 or len(weight) == 0 else len(weight)


def _head(network: nn.Module) -> nn.Linear | nn.Conv2d:
    """The layer that gives the class scores; SqueezeNet's is a convolution."""
    return [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]


def without_auxiliary_heads(network: nn.Module) -> nn.Module:
    """Leave out, as torchvision does, the heads of GoogLeNet and Inception that only training uses."""
    if isinstance(network, GoogLeNet | Inception3):
        network.aux_logits = False
        for name in ("aux1", "aux2", "AuxLogits"):
            setattr(network, name, None)
    return network
