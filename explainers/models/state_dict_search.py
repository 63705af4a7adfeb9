"""Where the weights lie inside what a training script saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.models.checkpoint_errors import printable

WRAPPERS: Final = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "params_ema",
    "ema",
)
"""Under which keys training scripts keep the weights, the likelier first; trained weights before their averages."""


def find_state_dict(loaded: Any, depth: int = 3) -> dict[str, Tensor]:
    """The named tensors in what a checkpoint holds; {} if there are none.

    Raises:
        VitrineError: there are several sets of them, under names that don't say which is the model.
    """
    if not isinstance(loaded, Mapping) or depth == 0:
        return {}
    for wrapper in WRAPPERS:
        if state := find_state_dict(loaded.get(wrapper), depth - 1):
            return state
    tensors = _named_tensors(loaded)
    if any(tensor.ndim for tensor in tensors.values()):  # lone numbers beside nested weights are a loss or a step
        return tensors
    nested = {str(key): _named_tensors(value) for key, value in loaded.items() if "optim" not in str(key)}
    sets = {key: state for key, state in nested.items() if state}
    if len(sets) > 1:
        names = ", ".join(printable(key) for key in list(sets)[:5])
        raise VitrineError(
            f"The checkpoint holds {len(sets)} sets of weights ({names}); save the one you mean on its own."
        )
    return next(iter(sets.values()), tensors)


def _named_tensors(loaded: Any) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping):
        return {}
    return {key: value for key, value in loaded.items() if isinstance(key, str) and isinstance(value, Tensor)}
