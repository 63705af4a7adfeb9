"""A second device without hardware: tensors that lie elsewhere, as on a GPU, although the CPU does their arithmetic.

What lies there and what lies here do not mix: an operation on both fails, as it does on a GPU. So does NumPy. It shows
whether work keeps to its device on machines that have only one; speed, memory and kernels are for `test_gpu`. Asked to, it has
no float64 either, as Apple's GPUs have none.
Source: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-native-api"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_iter, tree_map

THERE = torch.device("lazy", 0)  # of the types that autograd knows without hardware, one that no code here treats apart


torch._C._lazy_ts_backend._init()


_aten = torch.ops.aten
_CROSSING = (_aten._to_copy.default, _aten.copy_.default)
_INDEXING = (_aten.index.Tensor, _aten.index_put_.default, _aten.index_put.default, _aten._index_put_impl_.default)


class Elsewhere(Tensor):
    """Says that it is there, and keeps its numbers in `inner`."""

    inner: Tensor
    float64 = True  # whether this device has it
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        if inner.dtype is torch.float64 and not cls.float64:
            raise TypeError("Cannot convert a tensor to float64, which this device does not support.")
        tensor: Elsewhere = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=THERE,
        )
        tensor.inner = inner
        return tensor

    def tolist(self) -> Any:
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})


def _done(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The operation, with its result where it belongs."""
    tensors = [item for item in tree_iter((args, kwargs)) if isinstance(item, Tensor)]
    there = [item for item in tensors if isinstance(item, Elsewhere)]
    here = [item for item in tensors if not isinstance(item, Elsewhere)]
    indices = func in _INDEXING and isinstance(args[0], Elsewhere)  # these may lie on the CPU
    if there and func not in _CROSSING and not indices and any(item.ndim for item in here):
        raise RuntimeError(f"Expected all tensors to be on the same device, but {func} got some here and some there.")
    if func is _aten.copy_.default:
        result_is_there = isinstance(args[0], Elsewhere)
    else:
        device = kwargs.get("device")
        result_is_there = bool(there) if device is None else device.type == THERE.type
    called_with = {name: torch.device("cpu") if name == "device" else value for name, value in kwargs.items()}
    result = func(*tree_map(_inner, args), **tree_map(_inner, called_with))
    if not result_is_there:
        return result
    moved = tree_map(lambda item: Elsewhere(item) if isinstance(item, Tensor) else item, result)
    makes = func is _aten._to_copy.default or not there
    return moved if makes else return_and_correct_aliasing(func, args, kwargs, moved)


def _inner(item: Any) -> Any:
    return item.inner if isinstance(item, Elsewhere) else item


class _Making(TorchDispatchMode):
    """Tensors made from sizes."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(func, args, kwargs or {})


class _MakingFromNumbers(TorchFunctionMode):
    """Tensors made from numbers, of which dispatch hears too late."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor):
            device = given.pop("device", None)
            return func(*args, **given).to(device)
        if func is Tensor.new_tensor:
            device = given.pop("device", args[0].device)
            return torch.tensor(*args[1:], **{"dtype": args[0].dtype, **given}).to(device)
        if func is Tensor.__setitem__ and isinstance(args[1], tuple):
            places = tuple(torch.tensor(index) if isinstance(index, list) else index for index in args[1])
            return func(args[0], places, args[2])
        return func(*args, **given)


@contextlib.contextmanager
def second_device(*, float64: bool = True) -> Iterator[torch.device]:
    """Inside, this thread may put tensors there: without `float64`, none of that type."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    Elsewhere.float64 = float64
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # `parameter.data = ...` would not reach `inner`
    try:
        with _MakingFromNumbers(), _Making():
            yield THERE
    finally:
        Elsewhere.float64 = True
        torch.__future__.set_overwrite_module_params_on_conversion(before)
