"""A network that has forgotten what it learnt."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import explainers as ex
from explainers.graph.redraw import redraw, redrawn
from tests.support.models.networks import small_model


def test_redrawing_leaves_nothing_of_what_was_learnt() -> None:
    layer = nn.Conv2d(64, 128, 3)
    old = layer.weight.detach().clone()
    redraw(layer, torch.Generator().manual_seed(0))
    assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)
    assert abs(float(torch.corrcoef(torch.stack([old.flatten(), layer.weight.detach().flatten()]))[0, 1])) < 0.02
    assert not layer.bias.any()
    norm = small_model().network.norm1
    redraw(norm, torch.Generator())
    assert (norm.weight == 1).all()
    assert (norm.running_var == 1).all()
    assert not norm.running_mean.any()


def test_all_of_a_copy_is_redrawn_and_the_network_is_left_alone() -> None:
    network = ex.load_model("demo:signs-cnn").network
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    copy = redrawn(network, seed=3)
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    for name, weight in copy.named_parameters():
        expected = 0 if "bias" in name else 1
        if weight.ndim < 2:
            assert (weight == expected).all(), name
        else:
            assert float(weight.detach().std()) == pytest.approx(math.sqrt(2 / weight[0].numel()), rel=0.1), name
            assert not torch.equal(weight, before[name])


def test_the_seed_decides() -> None:
    network = small_model().network
    first, again, other = (redrawn(network, seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
