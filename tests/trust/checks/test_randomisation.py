"""Randomisation: a cascade by hand, the groups of layers, and an edge detector that is caught."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor, nn

import explainers as ex
from explainers import registry
from explainers.core.capabilities import Needs
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.registry import explainer
from explainers.trust.checks.randomisation import layer_groups, redraw
from tests.support.attributions import SIDE
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_randomisation() -> None:
    """The same cascade, redrawn and explained by hand."""
    model, image = small_model(), random_inputs(1)
    before = copy.deepcopy(model.network.state_dict())
    attribution = ex.explain(model, image, "gradient", CLASS)
    finding = ex.verify(model, image, attribution, "randomisation", steps=4, seed=7).findings[0]
    assert all(torch.equal(before[name], weight) for name, weight in model.network.state_dict().items())
    network = copy.deepcopy(model.network)
    source = torch.Generator().manual_seed(7 * 1_000_003)
    parts = [["head"], ["conv3", "norm2"], ["conv2"], ["norm1", "conv1"]]
    expected, alike = [], []
    first = attribution.values[0].double().abs().sum(0)
    for part in parts:
        for name in part:
            redraw(network.get_submodule(name), source)
        wild = ex.Model("redrawn", network, (3, 16, 16))
        heat = ex.explain(wild, image, "gradient", CLASS).values[0].double().abs().sum(0)
        expected.append(spearmanr(first.flatten(), heat.flatten()).statistic)
        maps = [((m - m.min()) / (m.max() - m.min())).numpy() for m in (first, heat)]
        alike.append(structural_similarity(*maps, data_range=1.0))
    assert finding.table["rank correlation"].tolist() == pytest.approx(expected, abs=1e-6)
    assert finding.table["SSIM"].tolist() == pytest.approx(alike, abs=1e-6)
    assert finding.value == pytest.approx(expected[-1], abs=1e-6)


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


@pytest.mark.parametrize("name", ["demo:signs-cnn", "demo:signs-vit", "torchvision:swin_t@random"])
def test_every_weight_is_in_one_group_from_the_top_down(name: str) -> None:
    model = ex.load_model(name)
    layers = Run(model, ex.engine_for()).layers()
    holding = [n for n, m in model.network.named_modules() if next(m.parameters(recurse=False), None) is not None]
    top = {"demo:signs-cnn": "fc", "demo:signs-vit": "head", "torchvision:swin_t@random": "head"}[name]
    for steps in (1, 4, 1000):
        groups = layer_groups(model.network, layers, steps)
        listed = [module for group in groups for module in group]
        assert sorted(listed) == sorted(holding)
        assert len(groups) == min(steps, len(holding))
        assert listed[0].split(".")[0] == top or listed[0].startswith(top)


@pytest.fixture
def edges() -> Iterator[str]:
    """A method that never looks at the network."""

    @explainer(
        "edges", title="Edges", family="saliency", needs=Needs.SCORES, options=NoOptions, cost=lambda shape, options: ex.Cost(),
        citation="", shows="", caveat="", signed=False,
    )  # fmt: skip
    def edges(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
        grey = inputs.mean(1, keepdim=True)
        kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).to(inputs)
        slopes = F.conv2d(grey, torch.stack([kernel, kernel.T])[:, None], padding=1)
        return slopes.square().sum(1).sqrt()

    yield "edges"
    del registry._methods["edges"]


def test_an_edge_detector_is_caught(edges: str) -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load()
    finding = ex.verify(model, image, ex.explain(model, image, edges), "randomisation").findings[0]
    assert finding.value == pytest.approx(1)
    assert finding.details["SSIM"] == pytest.approx(1)
    assert finding.good is False
    assert "edge detector" in finding.sentence
    honest = ex.verify(model, image, ex.explain(model, image, "grad-cam"), "randomisation").findings[0]
    assert honest.good is True
    assert honest.value < 0.5


def test_a_constant_map_has_no_ranks_to_compare() -> None:
    model, image = small_model(), random_inputs(1)
    constant = replace(ex.explain(model, image, "gradient"), values=torch.ones(1, SIDE, SIDE))
    finding = ex.verify(model, image, constant, "randomisation").findings[0]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "constant" in finding.sentence
