"""Random draws that depend on a seed and the index of the draw alone, whatever the chunk they are made in."""

from __future__ import annotations

import torch
from torch import Tensor


def seeded_generator(device: torch.device | str, seed: int, draw: int = 0) -> torch.Generator:
    """A generator of its own for each draw of a seed."""
    return torch.Generator(device).manual_seed(seed * 1_000_003 + draw)


def seeded_noise(like: Tensor, seed: int, variant_indices: Tensor) -> Tensor:
    """Standard normal noise (M, ...), in the shape of a row of `like`; it depends on the seed and the variants' indices (M,) alone.

    Neither the chunk nor the other inputs of a batch change it: every input meets the same noise.
    """
    source = torch.Generator(like.device)
    noise = like.new_empty((len(variant_indices), *like.shape[1:]))
    for row, variant_index in enumerate(variant_indices.tolist()):
        source.manual_seed(seed * 1_000_003 + variant_index)
        noise[row].normal_(generator=source)
    return noise
