"""Faithfulness correlation of networks whose answer to hidden cells is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from benchmarks.questions import shuffled
from explainers.trust.checks._hidden_cells import SIDE as CELLS
from explainers.trust.checks._hidden_cells import halves
from tests.support.attributions import attribution_of
from tests.support.models.networks import Formula, fixed_engine, random_inputs, small_model

NAME = "faithfulness-correlation"
SIDE = 20  # four pixels a cell, so that what a cell holds is exact
ONES = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64)


def blob(row: float, column: float, width: float = 3) -> Tensor:
    """A round spot, (SIDE, SIDE) float64."""
    rows, columns = torch.arange(SIDE).double() - row, torch.arange(SIDE).double() - column
    return torch.exp(-(rows[:, None].square() + columns[None].square()) / (2 * width**2))


def linear_model(effects: Tensor, task: str = "classification") -> ex.Model:
    """The score of class 0 is the sum of `effects` (SIDE, SIDE) over what is seen of `ONES`; class 1 always says half of it all."""

    def formula(inputs: Tensor) -> Tensor:
        seen = (inputs.mean(1) * effects).sum((1, 2))
        return torch.stack([seen, torch.full_like(seen, float(effects.sum()) / 2)], 1)

    return ex.Model("linear", Formula(formula), (3, SIDE, SIDE), task=task)  # type: ignore[arg-type]


def judged(model: ex.Model, heat: Tensor, target: ex.Target | None = None, **options: Any) -> ex.Finding:
    options = {"fill": "zero"} | options
    return ex.verify(model, ONES, attribution_of(heat[None], ONES, target), NAME, **options)[NAME]


def test_the_map_of_a_linear_networks_own_terms_fits_perfectly() -> None:
    effects = blob(5, 13)
    finding = judged(linear_model(effects), effects)
    assert finding.value == pytest.approx(1, abs=1e-6)
    assert finding.details["better than moved copies"] == 1
    assert finding.good is True
    assert finding.details["pictures"] == finding.cost.forward == 32


def test_the_value_is_the_correlation_of_what_is_seen_with_the_score() -> None:
    """All by NumPy: sums over the cells that each picture shows, of the map and of the true effects."""
    effects, heat = (random_inputs(1, (SIDE, SIDE), seed=seed, dtype=torch.float64)[0] for seed in (3, 4))
    finding = judged(linear_model(effects), heat, pictures=40, seed=5)
    assert finding.details["pictures"] == finding.cost.forward
    shown = halves(40, seed=5)[: finding.details["pictures"]].numpy()
    seen, scores = (
        shown @ values.numpy().reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).sum((1, 3)).ravel()
        for values in (heat.float().double(), effects)
    )
    assert finding.value == pytest.approx(np.corrcoef(seen, scores)[0, 1], abs=1e-6)
    assert finding.table is not None
    shares = 100 * seen / heat.abs().sum().item()
    assert finding.table["share of the map seen [%]"].tolist() == pytest.approx(shares.tolist(), rel=1e-4, abs=1e-4)
    assert finding.table["score"].tolist() == pytest.approx(
        (scores / 2 - effects.sum().item() / 4).tolist(), rel=1e-5
    ), "above the classes' mean"


@pytest.mark.parametrize(("down", "right"), [(10, 0), (0, 10), (10, 10)])
def test_the_same_map_on_the_other_side_does_not_fit(down: int, right: int) -> None:
    effects = blob(5, 13)
    finding = judged(linear_model(effects), effects.roll((down, right), (0, 1)))
    assert finding.good is False
    assert finding.details["better than moved copies"] < 0.8
    assert "does not depend" in finding.clause


def test_the_negative_of_the_right_map_is_the_worst() -> None:
    effects = blob(5, 13)
    finding = judged(linear_model(effects), -effects)
    assert (finding.value, finding.good) == (pytest.approx(-1, abs=1e-6), False)
    assert finding.details["better than moved copies"] == 0


def test_half_of_the_pictures_are_enough_where_they_leave_no_doubt() -> None:
    """The more of a map is noise, the less clear it is; of pure noise it is clear again."""
    effects = blob(5, 13)
    noise = (
        random_inputs(1, (CELLS, CELLS), seed=8, dtype=torch.float64)[0].repeat_interleave(4, 0).repeat_interleave(4, 1)
    )
    counts = {}
    for share in (0.0, 0.1, 0.2, 0.4, 3.0):
        finding = judged(linear_model(effects), effects + share * noise, pictures=48)
        clear = finding.details["pictures"] == 24
        beaten = finding.details["better than moved copies"]
        assert finding.cost.forward == finding.details["pictures"]
        assert not clear or beaten <= 0.7 or (beaten >= 0.98 and finding.value >= 0.6)
        counts[share] = finding.details["pictures"]
    assert set(counts.values()) == {24, 48}
    assert counts[0.0] == 24


def test_a_network_that_always_says_the_same_leaves_nothing_to_measure() -> None:
    network = Formula(lambda inputs: torch.tensor([[2.0, 1.0]]).double().expand(len(inputs), 2))
    finding = judged(ex.Model("constant", network, (3, SIDE, SIDE)), blob(5, 13))
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert finding.sentence.startswith("Nothing to measure")
    assert finding.cost.forward == 64, "no half of the pictures is enough to say so"


def test_a_score_that_moves_much_less_than_the_classes_differ_leaves_nothing_to_measure() -> None:
    """So it is in networks that learnt nothing: which class is first is decided before a picture comes."""

    def answer(offset: float) -> ex.Model:
        spot = blob(5, 13)

        def formula(inputs: Tensor) -> Tensor:
            seen = (inputs.mean(1) * spot).sum((1, 2)) / spot.sum() - 0.5
            return torch.stack([seen + offset, -seen, torch.zeros_like(seen)], 1)

        return ex.Model("offset", Formula(formula), (3, SIDE, SIDE))

    learnt, unlearnt = judged(answer(0), blob(5, 13)), judged(answer(20), blob(5, 13))
    assert learnt.good is True
    assert learnt.details["swing"] > 0.5
    assert unlearnt.value is None
    assert unlearnt.details["swing"] < 0.1


def test_probabilities_are_judged_by_their_logarithms() -> None:
    """A network that ends in a softmax says the same as one that ends before it."""
    effects = 20 * blob(5, 13) / blob(5, 13).sum()
    logits = linear_model(effects)
    ending = ex.Model("softmax", nn.Sequential(logits.network, nn.Softmax(1)), (3, SIDE, SIDE))
    heat = blob(6, 12) + 0.3 * blob(14, 4)
    plain, probable = judged(logits, heat), judged(ending, heat)
    assert probable.value == pytest.approx(plain.value, abs=1e-5)
    assert probable.details["swing"] == pytest.approx(plain.details["swing"], abs=1e-5)
    assert plain.value is not None
    assert 0.5 < plain.value < 0.999


@pytest.mark.parametrize(
    "target", [ex.RegressionTarget(0), ex.ContrastTarget(0, 1), ex.ChannelTarget("conv", 0)], ids=lambda target: type(target).__name__
)  # fmt: skip
def test_other_targets_than_classes_are_judged_by_their_own_scores(target: ex.Target) -> None:
    effects = blob(5, 13)
    if isinstance(target, ex.ChannelTarget):
        network = nn.Sequential()
        network.add_module("conv", Formula(lambda inputs: (inputs.mean(1, keepdim=True) * effects).repeat(1, 2, 1, 1)))
        network.add_module("head", Formula(lambda maps: maps.mean((2, 3))))
        model = ex.Model("channel", network, (3, SIDE, SIDE))
    else:
        model = linear_model(effects, "regression" if isinstance(target, ex.RegressionTarget) else "classification")
    finding = judged(model, effects, target)
    assert finding.value == pytest.approx(1, abs=1e-6)
    assert finding.details["swing"] is None
    assert finding.good is True


def test_the_numbers_do_not_depend_on_the_size_of_chunks() -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    attribution = ex.explain(model, image, "grad-cam", 1)
    values = [ex.verify(model, image, attribution, NAME, engine=fixed_engine(chunk))[NAME] for chunk in (1, 7, 64)]
    assert len({finding.details["pictures"] for finding in values}) == 1
    assert values[0].value == pytest.approx(values[1].value, abs=1e-9)
    assert values[0].value == pytest.approx(values[2].value, abs=1e-9)


def test_maps_of_scenes_are_good_and_shuffled_ones_are_not() -> None:
    """Beside the sign of one of these scenes stands another one, which leaves its map in doubt."""
    model, honest, mixed = ex.load_model("demo:signs-cnn"), [], []
    for number, sample in enumerate(ex.samples()[:4]):
        image = sample.load()
        attribution = ex.explain(model, image, "grad-cam")
        other = replace(attribution, values=shuffled(attribution.values, number))
        honest.append(ex.verify(model, image, attribution, NAME)[NAME].good)
        mixed.append(ex.verify(model, image, other, NAME)[NAME].good)
    assert honest.count(True) >= 3
    assert honest.count(False) == 0
    assert mixed.count(True) == 0


def test_pictures_without_a_score_say_nothing() -> None:
    def answer(inputs: Tensor) -> Tensor:
        seen = inputs.mean((1, 2, 3))
        return torch.stack([torch.where(seen > 0.9, seen, torch.nan), seen], 1)

    finding = judged(ex.Model("broken", Formula(answer), (3, SIDE, SIDE)), blob(5, 13))
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "not finite" in finding.sentence


def test_a_constant_map_tells_no_place() -> None:
    finding = judged(linear_model(blob(5, 13)), torch.ones(SIDE, SIDE))
    assert (finding.value, finding.good, finding.cost.forward) == (None, None, 0)
    assert "constant" in finding.sentence


def test_the_price_is_the_most_that_it_takes() -> None:
    attribution = attribution_of(blob(5, 13)[None], ONES)
    assert ex.estimate_verify(linear_model(blob(5, 13)), attribution, NAME).forward == 64
    assert ex.estimate_verify(linear_model(blob(5, 13)), attribution, NAME, pictures=100).forward == 100
    with pytest.raises(ex.VitrineError, match="pictures=30"):
        judged(linear_model(blob(5, 13)), blob(5, 13), pictures=30)
