"""Randomisation: a cascade by hand, the groups of layers, and an edge detector that is caught."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor

import explainers as ex
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.graph.redraw import redraw
from explainers.trust.checks.randomisation import layer_groups
from tests.support.attributions import SIDE
from tests.support.invented import edges, invented
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
    expected, sizes, alike = [], [], []
    first = attribution.values[0].double().abs().sum(0)
    for part in parts:
        for name in part:
            redraw(network.get_submodule(name), source)
        wild = ex.Model("redrawn", network, (3, 16, 16))
        heat = ex.explain(wild, image, "gradient", CLASS).values[0].double().abs().sum(0)
        expected.append(spearmanr(first.flatten(), heat.flatten()).statistic)
        sizes.append(spearmanr(first.abs().flatten(), heat.abs().flatten()).statistic)
        maps = [((m - m.min()) / (m.max() - m.min())).numpy() for m in (first, heat)]
        alike.append(structural_similarity(*maps, data_range=1.0))
    assert finding.table["rank correlation"].tolist() == pytest.approx(expected, abs=1e-6)
    assert finding.table["SSIM"].tolist() == pytest.approx(alike, abs=1e-6)
    assert finding.table["rank correlation of sizes"].tolist() == pytest.approx(sizes, abs=1e-6)
    assert finding.value == pytest.approx(sizes[-1], abs=1e-6)


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


def test_an_edge_detector_is_caught() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load()
    with invented(edges) as name:
        finding = ex.verify(model, image, ex.explain(model, image, name), "randomisation").findings[0]
    assert finding.value == pytest.approx(1)
    assert finding.details["SSIM"] == pytest.approx(1)
    assert finding.good is False
    assert "edge detector" in finding.sentence
    honest = ex.verify(model, image, ex.explain(model, image, "grad-cam"), "randomisation").findings[0]
    assert honest.good is True
    assert honest.value < 0.7


def edges_with_the_networks_signs(run: Run, inputs: Tensor, target: Target) -> Tensor:
    """Edges whose signs change with the weights: by signed values they look like another map each time."""
    weights = torch.cat([weight.flatten() for weight in run.model.network.parameters()])
    source = torch.Generator().manual_seed(int(1e6 * float(weights.abs().sum())) % 2**31)
    return edges(run, inputs, target) * (2 * torch.randint(2, inputs.shape[-2:], generator=source) - 1)


def test_random_signs_do_not_hide_edges() -> None:
    model, image = small_model(), random_inputs(1)
    with invented(edges_with_the_networks_signs) as name:
        finding = ex.verify(model, image, ex.explain(model, image, name), "randomisation").findings[0]
    assert finding.table is not None
    assert abs(finding.table["rank correlation"].iloc[-1]) < 0.3
    assert (finding.value, finding.good) == (pytest.approx(1), False)


def test_a_constant_map_has_no_ranks_to_compare() -> None:
    model, image = small_model(), random_inputs(1)
    constant = replace(ex.explain(model, image, "gradient"), values=torch.ones(1, SIDE, SIDE))
    finding = ex.verify(model, image, constant, "randomisation").findings[0]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "constant" in finding.sentence
