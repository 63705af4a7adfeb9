"""Perfect and worst pairs of model and map give the extreme values of every check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import explainers as ex
from explainers import registry
from explainers.core.capabilities import Needs
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.registry import explainer
from explainers.trust.checks.infidelity import InfidelityOptions, random_squares
from tests.support.attributions import PATCH, SIDE, attribution, patch_mask, patch_model, picture
from tests.support.networks import Formula, Linear, random_inputs, small_model

STEPS = {"steps": 16, "fill": "zero"}


def verdict(values: Tensor, *checks: str, **options: Any) -> ex.Verdict:
    return ex.verify(patch_model(), picture(), attribution(values, picture()), checks, **options)


def test_deletion_and_insertion_of_a_perfect_map() -> None:
    """Sixteen steps of sixteen pixels: the first one covers (shows) just the square."""
    found = verdict(patch_mask()[None].double(), "deletion", "insertion", **STEPS)
    assert found["deletion"].value == pytest.approx(0, abs=1e-9)
    assert found["insertion"].value == pytest.approx(1, abs=1e-9)
    assert found["deletion"].good is True
    assert found["insertion"].good is True


def test_deletion_and_insertion_of_the_worst_map() -> None:
    """The square comes last: it is covered (shown) by the last step alone."""
    found = verdict(-patch_mask()[None].double(), "deletion", "insertion", **STEPS)
    assert found["deletion"].value == pytest.approx(15 / 16, abs=1e-6)
    assert found["insertion"].value == pytest.approx(1 / 16, abs=1e-6)
    assert found["deletion"].good is False
    assert found["insertion"].good is False
    assert found["deletion"].details["better than random orders"] <= 0.5


def test_a_curve_of_scores_has_the_range_of_its_scores() -> None:
    """A linear score and the map of its own terms: deletion is as low as any order can make it, and insertion mirrors it."""
    weights = random_inputs(1, (3 * SIDE * SIDE, 1), seed=3, dtype=torch.float64)[0].abs()
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE), task="regression")
    one = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64)
    values = (one[0] * weights.view(3, SIDE, SIDE)).sum(0, keepdim=True)
    made = attribution(values, one, ex.RegressionTarget(0))
    found = ex.verify(model, one, made, ["deletion", "insertion"], fill="zero", steps=8, orders=0)
    order = np.sort(values.numpy().ravel())[::-1].cumsum()[31::32] / values.numpy().sum()
    assert found["insertion"].details["quantity"] == "score"
    low = found["insertion"].table["score"].min() / values.sum().item()
    assert found["insertion"].value == pytest.approx(float(((order - low) / (1 - low)).mean()), rel=1e-5)
    assert found["deletion"].value == pytest.approx(1 - float(order.mean()), rel=1e-5)


def test_road_of_a_perfect_and_of_the_worst_map() -> None:
    """Without the square its surroundings are black, and so is what fills it."""
    perfect = verdict(patch_mask()[None].double(), "road", noise=0.0)["road"]
    worst = verdict(-patch_mask()[None].double(), "road", noise=0.0)["road"]
    assert perfect.value == pytest.approx(1, abs=1e-6)
    assert worst.value == pytest.approx(-1, abs=1e-6)
    assert (perfect.good, worst.good) == (None, False), "random orders are above 0 as well"


@pytest.mark.parametrize("truth", [patch_mask(), patch_mask().numpy(), (8, 4, 12, 8)])
def test_truth_is_met_or_missed(truth: Any) -> None:
    names = ["pointing-game", "energy-inside", "truth-overlap", "relevance-rank-accuracy"]
    met = verdict(patch_mask()[None].double(), *names, truth=truth)
    missed = verdict((~patch_mask())[None].double(), *names, truth=truth)
    assert [finding.value for finding in met.findings] == [1, 1, 1, 1]
    assert [finding.value for finding in missed.findings] == [0, 0, 0, 0]
    assert all(finding.good is True for finding in met.findings)
    assert all(finding.good is False for finding in missed.findings)


def test_infidelity_of_a_linear_model_is_zero_and_of_its_negative_is_said() -> None:
    weights = random_inputs(1, (3 * SIDE * SIDE, 2), seed=5, dtype=torch.float64)[0]
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    one = random_inputs(1, (3, SIDE, SIDE), seed=6, dtype=torch.float64)
    exact = ex.explain(model, one, "input-x-gradient", 0)
    found = ex.verify(model, one, exact, "infidelity", fill="zero").findings[0]
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.details["explained beyond a flat map"] == pytest.approx(1)
    assert found.details["scale"] == pytest.approx(1, rel=1e-4)
    slopes = ex.verify(model, one, ex.explain(model, one, "gradient", 0), "infidelity", fill="mean").findings[0]
    assert slopes.details["explained beyond a flat map"] == pytest.approx(1)
    assert (found.good, slopes.good) == (True, True)
    turned = ex.verify(model, one, attribution(-exact.values, one), "infidelity", fill="zero").findings[0]
    assert turned.good is False
    assert turned.details["scale"] == pytest.approx(-1, rel=1e-4)


def test_a_flat_map_explains_nothing_beyond_itself() -> None:
    """Of a square of evidence and an even share of it everywhere, a map of the square alone explains what is left by the formula."""
    weights = (patch_mask() + 0.05).double().expand(3, SIDE, SIDE).reshape(-1, 1)
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    one = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64)
    flat, spot = (
        ex.verify(model, one, attribution(values, one), "infidelity", fill="zero").findings[0]
        for values in (torch.ones(1, SIDE, SIDE), patch_mask()[None].double())
    )
    assert flat.good is False
    assert flat.details["explained beyond a flat map"] == pytest.approx(0, abs=1e-9)
    squares = random_squares(one, InfidelityOptions()).flatten(1).double().numpy()
    drop = squares @ weights.view(3, -1).sum(0).numpy()
    left = [
        float(np.square(drop - told * (told @ drop) / (told @ told)).mean())
        for told in (squares @ patch_mask().flatten().double().numpy(), squares.sum(1))
    ]
    assert 0.5 < 1 - left[0] / left[1] < 0.999
    assert spot.value == pytest.approx(left[0], rel=1e-5)
    assert flat.value == pytest.approx(left[1], rel=1e-5)
    assert spot.details["explained beyond a flat map"] == pytest.approx(1 - left[0] / left[1], rel=1e-5)
    assert spot.good is True


def test_a_linear_models_gradient_does_not_move() -> None:
    weights = random_inputs(1, (3 * SIDE * SIDE, 2), seed=5, dtype=torch.float64)[0]
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    one = random_inputs(1, (3, SIDE, SIDE), seed=6, dtype=torch.float64)
    found = ex.verify(model, one, ex.explain(model, one, "gradient", 0), "max-sensitivity").findings[0]
    assert found.value == pytest.approx(0, abs=1e-6)


def test_completeness_is_met_and_missed() -> None:
    model, one = small_model(), random_inputs(1)
    exact = ex.explain(model, one, "integrated-gradients", 1, steps=200)
    assert ex.verify(model, one, exact, "completeness").findings[0].value == pytest.approx(0, abs=0.01)
    rough = ex.explain(model, one, "integrated-gradients", 1, steps=2)
    promise = rough.completeness
    assert promise is not None
    gap = abs(float(promise.total[0] - promise.expected[0])) / abs(float(promise.expected[0]))
    assert ex.verify(model, one, rough, "completeness").findings[0].value == pytest.approx(gap, rel=1e-5)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", ["deletion", "insertion", "road", "infidelity"])
def test_scores_that_are_no_numbers_say_nothing(name: str, task: str, broken: float) -> None:
    """The whole picture has a score, and what hides a part of its square has none."""

    def answer(inputs: Tensor) -> Tensor:
        seen = inputs[:, :, PATCH[0], PATCH[1]].mean((1, 2, 3))
        return torch.stack([torch.where(seen > 0.9, seen, broken), seen], 1)

    model = ex.Model("broken", Formula(answer), (3, SIDE, SIDE), task=task)
    target = ex.ClassTarget(0) if task == "classification" else ex.RegressionTarget(0)
    found = ex.verify(model, picture(), attribution(patch_mask()[None].double(), picture(), target), name)
    assert (found[name].value, found[name].good, found[name].clause) == (None, None, "")
    assert "not finite" in found[name].sentence


@pytest.fixture
def edges() -> Iterator[str]:
    """A method that never looks at the network."""

    @explainer(
        "edges", title="Edges", family="saliency", needs=Needs.SCORES, cost=lambda shape, options: ex.Cost(),
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
    found = ex.verify(model, image, ex.explain(model, image, edges), "randomisation").findings[0]
    assert found.value == pytest.approx(1)
    assert found.details["SSIM"] == pytest.approx(1)
    assert found.good is False
    assert "edge detector" in found.sentence
    honest = ex.verify(model, image, ex.explain(model, image, "grad-cam"), "randomisation").findings[0]
    assert honest.good is True
    assert honest.value < 0.5


@pytest.mark.parametrize("name", ["randomisation", "seed-stability"])
def test_a_constant_map_has_no_ranks_to_compare(name: str) -> None:
    model, one = small_model(), random_inputs(1)
    constant = replace(ex.explain(model, one, "smoothgrad", samples=2), values=torch.ones(1, SIDE, SIDE))
    found = ex.verify(model, one, constant, name).findings[0]
    assert (found.value, found.good, found.clause) == (None, None, "")
    assert "constant" in found.sentence


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (torch.zeros(1, SIDE, SIDE), "blank"),
        (torch.full((1, SIDE, SIDE), 3.0), "constant"),
        (torch.full((1, SIDE, SIDE), float("nan")), "not numbers"),
        (torch.where(patch_mask(), float("inf"), 1.0)[None], "not numbers"),
        ((~patch_mask())[None].double() * 7, "saturated"),
    ],
)
def test_what_is_no_map_is_said(values: Tensor, words: str) -> None:
    found = verdict(values, "map")
    assert found["map"].value == 0
    assert found["map"].good is False
    assert words in found.sentence
    assert found.cost == ex.Cost()
