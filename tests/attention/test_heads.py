"""The maps of all heads, and how far they look."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.attention.heads import attention_distance
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.attention_capture import AttentionCapture
from explainers.graph.layout import Layout
from tests.support.attention_maps import GRID, TARGET, doubles
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.models.transformers import DEPTH, HEADS, swin, tiny_vit


def test_heads_are_the_maps_of_the_method_and_share_its_numbers() -> None:
    model = tiny_vit()
    heads = ex.attention_heads(model, doubles(1), TARGET)
    assert heads.names == tuple(f"blocks.{n}.attn" for n in range(DEPTH))
    assert torch.stack(heads.maps).shape == (DEPTH, HEADS, *GRID)
    for block in range(DEPTH):
        for head in range(HEADS):
            attribution = ex.explain(model, doubles(1), "attention", TARGET, block=block, head=head)
            assert_close(heads.maps[block][head], attribution.values[0], 1e-6)
    mean = ex.explain(model, doubles(1), "attention", TARGET, block=1)
    assert_close(heads.maps[1].mean(0), mean.values[0], 1e-6)
    assert list(heads.distances.columns) == ["layer", "name", "head", "distance"]
    assert len(heads.distances) == DEPTH * HEADS
    assert heads.whole


def test_distances_worked_out_by_hand() -> None:
    """A grid of 2 x 2 tokens over 8 x 8 pixels: neighbours are 4 px apart, those across sqrt(32)."""
    looks_at_itself = torch.eye(5)
    neighbour = torch.zeros(5, 5)
    neighbour[0, 0] = 1
    neighbour[[1, 2, 3, 4], [2, 1, 4, 3]] = 0.5
    neighbour[1:, 0] = 0.5  # the class token is no place: it is left out and the rest counts whole
    everywhere = torch.full((5, 5), 0.2)
    weights = torch.stack([looks_at_itself, neighbour, everywhere]).unsqueeze(0)
    capture = AttentionCapture("attn", weights, Layout("tokens", 2, 2, 1), None)
    expected = torch.tensor([0.0, 4.0, (0 + 4 + 4 + 32**0.5) / 4])
    assert_close(attention_distance(capture, (8, 8)), expected, 1e-6)
    assert_close(attention_distance(capture, (16, 8)), torch.tensor([0, 4, (12 + 80**0.5) / 4]), 1e-6)


def test_heads_within_windows_have_the_grids_of_their_layers() -> None:
    heads = ex.attention_heads(Model("swin", swin(), (3, 16, 20)), random_inputs(1, (3, 16, 20)))
    assert not heads.whole
    assert [tuple(m.shape) for m in heads.maps] == [(2, 8, 10), (2, 8, 10), (4, 4, 5), (4, 4, 5)]
    # A window is 3 x 3 tokens of 2 px: nothing in it is further apart than sqrt(32) px.
    assert heads.distances["distance"][:2].between(0.5, 32**0.5).all()


def test_several_inputs_and_networks_without_attention_are_sentences() -> None:
    with pytest.raises(VitrineError, match="one picture at a time, not for 2"):
        ex.attention_heads(tiny_vit(), doubles(2))
    with pytest.raises(VitrineError, match="demo:signs-vit"):
        ex.attention_heads(small_model(), random_inputs(1))
