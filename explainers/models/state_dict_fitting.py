"""Weights into a network: names brought into line, and every difference said before anything is changed."""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from explainers.models.architecture_search import architecture_of
from explainers.models.checkpoint_errors import MisfitError, printable
from explainers.models.checkpoint_prefixes import prefixes_taken_off
from explainers.models.checkpoints import read_state_dict

FEW: Final = 4
"""Names shown of each kind of mismatch."""


def fit_state_dict(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """`state` under the names that `network` uses.

    Prefixes that wrappers leave are taken off, in any order and as often as they occur, where most names carry them
    and the result matches better. Batch counters that old or exported files leave out are added.
    """
    wanted = network.state_dict().keys()
    # max keeps the first of equals, so that nothing is taken off without gain
    fitted = dict(max(prefixes_taken_off(state), key=lambda candidate: len(candidate.keys() & wanted)))
    for name in wanted - fitted.keys():
        if name.endswith(".num_batches_tracked") and name.replace("num_batches_tracked", "running_mean") in fitted:
            fitted[name] = torch.tensor(0)  # PyTorch fills it in as well when it reads files from before 0.4.1
    if "n_averaged" not in wanted:
        fitted.pop("n_averaged", None)  # the counter of torch.optim.swa_utils.AveragedModel
    return fitted


def load_into(network: nn.Module, path: str | Path) -> None:
    """Load a file's weights into `network`, all of them or none.

    Raises:
        VitrineError: the file can't be read, or does not fit; the message says where.
    """
    load_state(network, read_state_dict(path), Path(path).name)


def load_state(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load named tensors into `network`, all of them or none; a network without memory ("meta") takes them as its own.

    Args:
        source: what the tensors came from, for the message.

    Raises:
        MisfitError: names or shapes don't match; it names the architecture that the weights are for, if torchvision has it.
    """
    fitted = fit_state_dict(state, network)
    own = network.state_dict()
    problem = mismatch(fitted, own)
    if problem and not _network_understands(network, fitted):
        raise _misfit(state, f"{source} does not fit {type(network).__name__}: {problem}")
    bodiless = any(isinstance(tensor, Tensor) and tensor.is_meta for tensor in own.values())
    if bodiless:
        fitted = {name: _as_owned(tensor, own.get(name)) for name, tensor in fitted.items()}
    try:
        network.load_state_dict(_versioned(fitted, network), assign=bodiless)
    except RuntimeError as error:  # tensors that can't be copied, quantised ones for instance
        reason = " ".join(str(error).split())
        raise MisfitError(f"{source} does not fit {type(network).__name__}: {printable(reason, 300)}") from error


def _misfit(state: Mapping[str, Tensor], sentence: str) -> MisfitError:
    """The sentence, with the architecture that the weights are for where it is known."""
    looks_like = architecture_of({name: tuple(tensor.shape) for name, tensor in state.items()})
    return MisfitError(f"{sentence}; it looks like {looks_like}." if looks_like else f"{sentence}.", looks_like)


def _as_owned(tensor: Tensor, like: Tensor | None) -> Tensor:
    """`tensor` as copying would leave it: in the dtype the network was built for, and in the usual order in memory.

    Files may hold 1 x 1 kernels with the strides of channels_last; convolutions then take another way, and the same
    weights from another file would answer differently in the last digits.
    """
    owned = tensor if like is None else tensor.to(like.dtype)
    return owned.contiguous().view(-1).view(tensor.shape)


def _network_understands(network: nn.Module, state: dict[str, Tensor]) -> bool:
    """Whether modules of `network` that rename old weights themselves (torchvision's ViT does) make `state` fit.

    Tried on a copy without memory, so that a failure leaves nothing half loaded.
    """
    tensors = itertools.chain(network.parameters(), network.buffers())
    bodies = {
        id(t): nn.Parameter(t.detach().to("meta"), False) if isinstance(t, nn.Parameter) else t.to("meta")
        for t in tensors
    }
    try:
        copy.deepcopy(network, bodies).load_state_dict(_versioned(state, network), assign=True)
    except Exception:  # any failure means that it does not fit; the mismatch is said by the caller
        return False
    return True


def _versioned(state: Mapping[str, Tensor], network: nn.Module) -> OrderedDict[str, Tensor]:
    """`state` as `load_state_dict` wants it: with the version of the network itself, which MNASNet insists on.

    The versions of its parts are left out, as they are for any file that is not a pickle.
    """
    versioned = OrderedDict(state)
    own = getattr(network.state_dict(), "_metadata", {}).get("", {})
    versioned._metadata = {"": dict(own)}  # type: ignore[attr-defined]
    return versioned


def mismatch(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """What differs between weights and a network's own state dict, a few names of each kind; "" if nothing does."""
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    shapes = [
        f"{printable(name)} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if name in state and isinstance(tensor, Tensor) and not is_lazy(tensor) and tensor.shape != state[name].shape
    ]
    kinds = [("missing", missing), ("unexpected", unexpected), ("wrongly shaped", shapes)]
    return "; ".join(f"{len(names)} {kind} ({_a_few(names)})" for kind, names in kinds if names)


def _a_few(names: list[str]) -> str:
    # shapes are already printable and longer than a name
    shown = ", ".join(printable(name, 160) for name in names[:FEW])
    return shown + (", ..." if len(names) > FEW else "")
