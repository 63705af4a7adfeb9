"""Layouts: which outputs are maps over the image, and how to read them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from explainers.graph.layout import Layout, Windows, find_layout


@pytest.mark.parametrize(
    ("shape", "image", "layout"),
    [
        ((2, 512, 7, 7), (224, 224), Layout("nchw", 7, 7)),
        ((2, 64, 112, 112), (224, 224), Layout("nchw", 112, 112)),
        ((2, 3, 224, 224), (224, 224), Layout("nchw", 224, 224)),
        ((2, 7, 7, 768), (224, 224), Layout("nhwc", 7, 7)),
        ((2, 56, 56, 96), (224, 224), Layout("nhwc", 56, 56)),
        ((2, 8, 8, 9), (64, 64), Layout("nhwc", 8, 8)),
        ((2, 16, 10, 20), (320, 640), Layout("nchw", 10, 20)),
        ((2, 16, 20, 10), (320, 640), None),
        ((2, 10, 20, 16), (320, 640), Layout("nhwc", 10, 20)),
        ((2, 8, 33, 33), (65, 65), Layout("nchw", 33, 33)),
        ((2, 8, 9, 17), (65, 129), Layout("nchw", 9, 17)),
        ((2, 196, 768), (224, 224), Layout("tokens", 14, 14)),
        ((2, 197, 768), (224, 224), Layout("tokens", 14, 14, prefix=1)),
        ((2, 198, 768), (224, 224), Layout("tokens", 14, 14, prefix=2)),  # class and distillation token
        ((2, 201, 384), (224, 224), Layout("tokens", 14, 14, prefix=5)),  # class token and four registers
        ((2, 261, 384), (224, 224), Layout("tokens", 16, 16, prefix=5)),  # the same with patches of 14
        ((2, 17, 32), (64, 64), Layout("tokens", 4, 4, prefix=1)),
        ((2, 21, 32), (64, 64), Layout("tokens", 4, 4, prefix=5)),
        ((2, 30, 32), (80, 80), Layout("tokens", 5, 5, prefix=5)),
        ((2, 201, 64), (160, 320), Layout("tokens", 10, 20, prefix=1)),
        ((2, 200, 64), (160, 320), Layout("tokens", 10, 20)),
        ((2, 45, 64), (65, 129), Layout("tokens", 5, 9)),  # patches of 16, padded
        ((2, 33, 64), (65, 129), Layout("tokens", 4, 8, prefix=1)),  # patches of 16, cut off
        # not maps
        ((2, 512, 196), (224, 224), None),  # channels first: 506 of the 512 would make 22 x 23
        ((2, 34, 64), (64, 64), None),
        ((2, 1000), (224, 224), None),
        ((2, 512, 1, 1), (224, 224), None),
        ((128, 49, 96), (224, 224), None),  # windows of a shifted-window transformer: a row is no input
        ((2, 512, 3, 40), (224, 224), None),
        ((2, 2, 768), (224, 224), None),
        ((2, 8, 300, 300), (224, 224), None),
        ((2, 16, 4, 8, 8), (64, 64), None),
        ((2,), (64, 64), None),
    ],
)
def test_reading_a_shape_as_a_map(shape, image, layout):
    assert find_layout(shape, 2, image) == layout


def test_spatial_moves_every_layout_to_channels_first():
    maps = torch.arange(2 * 3 * 2 * 4).view(2, 3, 2, 4)
    tokens = torch.cat([torch.full((2, 5, 3), -1), maps.flatten(2).transpose(1, 2)], 1)
    assert torch.equal(Layout("nchw", 2, 4).spatial(maps), maps)
    assert torch.equal(Layout("nhwc", 2, 4).spatial(maps.permute(0, 2, 3, 1)), maps)
    assert torch.equal(Layout("tokens", 2, 4, prefix=5).spatial(tokens), maps)


def test_a_window_goes_back_to_its_pixels():
    layout = Windows(8, 10, (3, 3), (1, 1))
    tokens = torch.arange(80.0).view(1, 8, 10, 1)
    padded = F.pad(tokens, (0, 0, 0, 2, 0, 1)).roll((-1, -1), (1, 2))
    cut = [padded[0, r : r + 3, c : c + 3].reshape(9, 1) for r in range(0, 9, 3) for c in range(0, 12, 3)]
    assert torch.equal(layout.spatial(torch.stack(cut))[0, 0], tokens[0, :, :, 0])
