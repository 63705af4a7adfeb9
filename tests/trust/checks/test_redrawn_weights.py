"""Redrawn weights: a map of the picture alone stays, and one that only moves about gets no less orderly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from scipy.stats import spearmanr
from torch import Tensor

import explainers as ex
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.graph.redraw import redrawn
from explainers.trust.checks.redrawn_weights import BINS, entropy
from tests.support.attributions import SIDE, random_map
from tests.support.invented import Formula, edges, invented
from tests.support.models.networks import random_inputs, small_model

NAME = "redrawn-weights"
CLASS = 2


def judged(method: str, **options: int) -> ex.Finding:
    model, image = small_model(), random_inputs(1)
    return ex.verify(model, image, ex.explain(model, image, method, CLASS), NAME, **options)[NAME]


def test_the_value_is_the_rank_correlation_of_sizes_with_a_redrawn_network() -> None:
    model, image = small_model(), random_inputs(1)
    before = {name: weight.clone() for name, weight in model.network.state_dict().items()}
    attribution = ex.explain(model, image, "input-x-gradient", CLASS)
    finding = ex.verify(model, image, attribution, NAME, seed=4)[NAME]
    assert all(torch.equal(before[name], weight) for name, weight in model.network.state_dict().items())
    wild = ex.Model("wild", redrawn(model.network, 4), (3, SIDE, SIDE))
    other = ex.explain(wild, image, "input-x-gradient", CLASS)
    heats = [each.values[0].double().sum(0) for each in (attribution, other)]
    assert finding.value == pytest.approx(spearmanr(*(heat.abs().flatten() for heat in heats)).statistic, abs=1e-6)
    rise = (entropy(heats[1]) - entropy(heats[0])) / entropy(heats[0])
    assert finding.details["rise of entropy"] == pytest.approx(rise, abs=1e-3)
    assert finding.cost.backward == attribution.cost.backward


def test_the_entropy_of_a_known_histogram() -> None:
    heat = random_map(3)
    counts, _ = np.histogram(heat.abs().numpy().ravel(), BINS)
    assert entropy(heat) == pytest.approx(scipy_entropy(counts), abs=1e-6)
    assert entropy(-heat) == pytest.approx(entropy(heat))
    assert entropy(torch.ones(SIDE, SIDE)) == 0
    assert entropy(torch.arange(1000.0)) == pytest.approx(math.log(BINS))
    half = torch.tensor([0.0] * 128 + [1.0] * 128)
    assert entropy(half) == pytest.approx(math.log(2))


def test_edges_stay_as_they_are() -> None:
    with invented(edges) as name:
        finding = judged(name)
    assert (finding.value, finding.good) == (pytest.approx(1), False)
    assert "gives much the same map" in finding.clause


def number_of(run: Run) -> int:
    """A number that is another one for other weights."""
    weights = torch.cat([weight.detach().flatten() for weight in run.model.network.parameters()])
    return int(1e6 * float(weights.abs().sum())) % 2**31


def signs_alone(run: Run, inputs: Tensor, target: Target) -> Tensor:
    source = torch.Generator().manual_seed(number_of(run))
    return edges(run, inputs, target) * (2 * torch.randint(2, inputs.shape[-2:], generator=source) - 1)


def moves_about(run: Run, inputs: Tensor, target: Target) -> Tensor:
    """The edges in an order that the weights decide: another map as orderly as before."""
    heat = edges(run, inputs, target)
    order = torch.randperm(SIDE * SIDE, generator=torch.Generator().manual_seed(number_of(run)))
    return heat.flatten(1)[:, order].view(heat.shape)


def turns_over_coarsely(run: Run, inputs: Tensor, target: Target) -> Tensor:
    heat = torch.arange(16.0).square().view(1, 1, 4, 4).to(inputs)
    return heat if number_of(run) == number_of(Run(small_model(), ex.engine_for())) else heat.flip(2, 3)


@pytest.mark.parametrize(
    ("formula", "good", "words"),
    [
        (signs_alone, False, "gives much the same map"),
        (moves_about, False, "as orderly a map"),
        (turns_over_coarsely, True, ""),  # of so few values the entropy says little
    ],
)
def test_what_only_looks_as_if_it_changed(formula: Formula, good: bool, words: str) -> None:
    with invented(formula) as name:
        finding = judged(name)
    assert finding.good is good
    assert words in finding.clause
    assert abs(finding.details["rise of entropy"]) < 1e-6


def test_a_map_that_dissolves_depends_on_the_network() -> None:
    """A spot while the weights are its own, noise when they are not."""
    own = number_of(Run(small_model(), ex.engine_for()))

    def formula(run: Run, inputs: Tensor, target: Target) -> Tensor:
        spot = torch.zeros(1, 1, SIDE, SIDE)
        spot[..., 3:6, 3:6] = 1
        return spot.to(inputs) if number_of(run) == own else random_map(5)[None, None].to(inputs)

    with invented(formula) as name:
        finding = judged(name)
    assert finding.good is True
    assert finding.details["rise of entropy"] > 1
    assert finding.value is not None
    assert abs(finding.value) < 0.7


def test_a_network_that_breaks_when_redrawn_leaves_nothing_of_the_map() -> None:
    own = number_of(Run(small_model(), ex.engine_for()))

    def formula(run: Run, inputs: Tensor, target: Target) -> Tensor:
        return inputs if number_of(run) == own else inputs * torch.nan

    with invented(formula) as name:
        finding = judged(name)
    assert (finding.value, finding.good) == (0, True)
    assert finding.details["rise of entropy"] is None


def test_a_map_of_one_size_has_no_ranks() -> None:
    model, image = small_model(), random_inputs(1)
    signs = random_map(2).sign()[None]
    finding = ex.verify(model, image, replace(ex.explain(model, image, "gradient"), values=signs), NAME)[NAME]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "one size" in finding.sentence
