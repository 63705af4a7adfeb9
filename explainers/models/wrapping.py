"""A network or function of your own as a Model: `wrap`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal
from uuid import uuid4

from torch import Tensor, nn

from explainers.core.black_box import BlackBox
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.engine.network_state import is_compiled
from explainers.models.labels import Labels, read_labels

IMAGENET_SHAPE = (3, 224, 224)


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
    wrapped_network = network if isinstance(network, nn.Module) else BlackBox(network)
    shape = tuple(input_shape)
    if preprocess is not None and preprocess.input_shape != shape:
        if shape != IMAGENET_SHAPE:
            raise VitrineError(
                f"The preprocessing makes inputs of shape {preprocess.input_shape}, but input_shape says {shape}."
            )
        shape = preprocess.input_shape
    return Model(
        name=name or str(getattr(network, "__name__", type(network).__name__)),
        network=wrapped_network,
        input_shape=shape,
        labels=None if labels is None else read_labels(labels),
        preprocess=preprocess,
        task=task,
        # What a function does cannot be hashed: every wrapped one is another.
        fingerprint="" if wrapped_network is network else f"black-box-{uuid4().hex[:16]}",
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
