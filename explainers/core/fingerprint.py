"""Hashes of contents: what caches and manifests know a network or an input by."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn


def fingerprint_network(network: nn.Module) -> str:
    """Hash of the class, and of every parameter's and buffer's name, shape and bytes: 16 hex digits."""
    digest = hashlib.sha256(type(network).__qualname__.encode())
    for name, tensor in network.state_dict().items():
        if isinstance(tensor, Tensor):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor_bytes(tensor))
    return digest.hexdigest()[:16]


def fingerprint_tensor(tensor: Tensor) -> str:
    """Hash of a tensor's shape, dtype and bytes: 16 hex digits."""
    digest = hashlib.sha256(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
    digest.update(tensor_bytes(tensor))
    return digest.hexdigest()[:16]


def tensor_bytes(tensor: Tensor) -> memoryview:
    """The raw bytes of a tensor of any dtype, NumPy's or not (bfloat16)."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())  # type: ignore[arg-type]
