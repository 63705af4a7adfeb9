"""Boxes in pictures, and variants of a picture that differ from it in a box each."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.graph.boxes import Boxes
from tests.support.models.networks import random_inputs

SIDE = 64


def variants_in_boxes(input: Tensor, boxes: Boxes, seed: int = 3) -> Tensor:
    """Noise in the boxes, the input itself elsewhere."""
    variants = input.repeat(len(boxes.corners), 1, 1, 1)
    noise = random_inputs(len(variants), input.shape[1:], seed=seed, dtype=input.dtype)
    height, width = boxes.size
    for variant, noisy, (row, column) in zip(variants, noise, boxes.corners.tolist(), strict=True):
        place = (slice(None), slice(row, row + height), slice(column, column + width))
        variant[place] = noisy[place]
    return variants


def some_boxes(size: tuple[int, int] = (9, 12), side: int = SIDE) -> Boxes:
    """In every corner, at an edge and in the middle."""
    last, middle = torch.tensor([side, side]) - torch.tensor(size), side // 2 - 3
    corners = [(0, 0), (0, last[1]), (last[0], 0), (last[0], last[1]), (middle, 0), (middle, middle), (7, 13)]
    return Boxes(torch.tensor(corners), size)
