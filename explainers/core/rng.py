"""Random draws that depend on a seed and the number of the draw alone, whatever the chunk they are made in."""

from __future__ import annotations

import torch
from torch import Tensor


def seeded_generator(device: torch.device | str, seed: int, number: int = 0) -> torch.Generator:
    """A generator of its own for draw `number` of `seed`."""
    return torch.Generator(device).manual_seed(seed * 1_000_003 + number)


def seeded_noise(like: Tensor, seed: int, versions: Tensor) -> Tensor:
    """Standard normal noise (M, ...), in the shape of a row of `like`; it depends on the seed and the version (M,) alone.

    Neither the chunk nor the other inputs of a batch change it: every input meets the same noise.
    """
    source = torch.Generator(like.device)
    noise = like.new_empty((len(versions), *like.shape[1:]))
    for place, version in enumerate(versions.tolist()):
        source.manual_seed(seed * 1_000_003 + version)
        noise[place].normal_(generator=source)
    return noise
