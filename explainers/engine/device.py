"""Which device the work runs on."""

from __future__ import annotations

import os

import torch

from explainers.core.errors import VitrineError

DEVICE_VARIABLE = "VITRINE_DEVICE"


def choose_device(name: str | torch.device | None = None) -> torch.device:
    """The device to work on: `name` if given, else $VITRINE_DEVICE, else CUDA, MPS or the CPU, as available.

    Raises:
        VitrineError: the device does not exist here.
    """
    wanted = name or os.environ.get(DEVICE_VARIABLE)
    if not wanted:
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    try:
        device = torch.device(wanted)
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", 0)
        elif device.type in ("cpu", "mps"):
            device = torch.device(device.type)  # "cpu:0" is no second device
        torch.zeros(1, device=device).item()  # "meta" has no numbers
    except (RuntimeError, AssertionError) as error:
        raise VitrineError(
            f"The device {str(wanted)!r} cannot be used here: set {DEVICE_VARIABLE} to cpu, cuda, cuda:1 or mps, or leave it unset."
        ) from error
    return device


def describe_device(device: torch.device) -> str:
    """A few words for the sidebar, such as "CUDA: NVIDIA H100" or "CPU, 8 threads"."""
    if device.type == "cuda":
        return f"CUDA: {torch.cuda.get_device_name(device)}"
    return "Apple GPU (MPS)" if device.type == "mps" else f"CPU, {torch.get_num_threads()} threads"
