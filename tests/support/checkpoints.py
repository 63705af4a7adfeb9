"""Checkpoints to write, and what is said of those that cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.models import read_state_dict

STATE = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.ones(2)}


class Payload:
    """Runs a command when unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def same_tensors(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def sentence_of(path: Path) -> str:
    with pytest.raises(VitrineError) as caught:
        read_state_dict(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 500
    assert path.name in text
    return text
