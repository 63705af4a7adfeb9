"""Curves of covered and shown pixels, against a slow version, and the orders that a map's is compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks._covering import CoverOptions, maps_of_other_pictures, moved_maps, opponent_orders
from explainers.trust.context import CheckContext, heatmap_of
from tests.support.attributions import SIDE, attribution_of, probability_of, random_map
from tests.support.models.networks import Linear, fixed_engine, random_inputs, small_model

CLASS = 2


@pytest.mark.parametrize(("chunk", "fill"), [(1, Fill.BLUR), (7, Fill.MEAN), (64, Fill.NOISE)])
def test_deletion_and_insertion(chunk: int, fill: Fill) -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    heat = random_map(4)
    attribution = attribution_of(heat[None], image, ex.ClassTarget(CLASS))
    verdict = ex.verify(
        model,
        image,
        attribution,
        ["deletion", "insertion"],
        steps=10,
        fill=fill,
        orders=3,
        seed=5,
        engine=fixed_engine(chunk),
    )
    hide = masker_for(model, image, fill, 5)
    deleted, inserted = [probability_of(model, image, CLASS)], []
    ranked = sorted(range(SIDE * SIDE), key=lambda place: -float(heat.flatten()[place]))
    for step in range(1, 11):
        first = torch.zeros(SIDE * SIDE, dtype=torch.float64)
        first[ranked[: round(step * SIDE * SIDE / 10)]] = 1
        first = first.view(1, 1, SIDE, SIDE)
        deleted.append(probability_of(model, hide(1 - first), CLASS))
        inserted.append(probability_of(model, hide(first), CLASS))
    assert verdict["deletion"].value == pytest.approx(np.mean(deleted[1:]), rel=1e-5)
    assert verdict["insertion"].value == pytest.approx(np.mean(inserted), rel=1e-5)
    curve = verdict["deletion"].table.query("order == 'map'")
    assert curve["probability"].tolist() == pytest.approx(deleted, rel=1e-4)
    assert curve["pixels covered [%]"].tolist() == pytest.approx([10 * step for step in range(11)])
    assert verdict["deletion"].cost.forward == 5 * 10 + 1


def test_the_order_from_the_centre_can_be_left_out() -> None:
    """Then nothing but the map's own curve is computed, and it is the same curve."""
    model, image = small_model(), random_inputs(1)
    attribution = attribution_of(random_map(4)[None], image, ex.ClassTarget(CLASS))
    for name in ("deletion", "insertion"):
        both, alone = (
            ex.verify(model, image, attribution, name, steps=6, orders=0, centre=centre)[name]
            for centre in (True, False)
        )
        assert (both.cost.forward, alone.cost.forward) == (2 * 6 + 1, 6 + 1)
        assert ex.estimate_verify(model, attribution, name, steps=6, orders=0, centre=False).forward == 6 + 1
        assert alone.value == pytest.approx(both.value, rel=1e-6)
        assert alone.details["centre"] is None
        assert alone.details["better than the centre"] is None
        assert set(alone.table["order"]) == {"map"}
        assert set(both.table["order"]) == {"map", "centre"}
        assert "centre" not in alone.sentence


def test_opponents_and_the_centre_are_what_the_map_is_compared_with() -> None:
    """A map of the centre does exactly as well as the centre; half of all random maps do better than a moved one."""
    model, image = small_model(), random_inputs(1)
    away = (torch.arange(SIDE) - 7.5).square()
    centre = attribution_of(-(away[:, None] + away)[None], image, ex.ClassTarget(CLASS))
    finding = ex.verify(model, image, centre, "deletion", steps=5, seed=3).findings[0]
    assert finding.details["centre"] == pytest.approx(finding.value, abs=0.02), "equal but for the order of ties"
    shares = [
        ex.verify(
            model, image, attribution_of(random_map(seed)[None], image, ex.ClassTarget(CLASS)), "deletion", steps=4, orders=15
        ).findings[0].details["better than opponents"]
        for seed in range(30)
    ]  # fmt: skip
    # Mean of 30 uniform shares: 0.5 with a deviation of 0.053.
    assert abs(np.mean(shares) - 0.5) < 0.16
    assert np.std(shares) > 0.15


def test_moved_maps_have_the_values_of_the_map_in_other_places() -> None:
    heat = random_map(1)
    copies = moved_maps(heat, 40, seed=2)
    assert len(copies) == 40
    assert all(torch.equal(copy.flatten().sort().values, heat.flatten().sort().values) for copy in copies)
    assert not any(torch.equal(copy, heat) for copy in copies)
    again, others = moved_maps(heat, 40, seed=2), moved_maps(heat, 40, seed=3)
    assert all(map(torch.equal, copies, again))
    assert not all(map(torch.equal, copies, others))


def test_moved_maps_of_a_spot_never_lie_where_it_lies_in_the_middle() -> None:
    """What lies in the middle, as things in photographs do, lies somewhere else in every copy."""
    spot = torch.zeros(SIDE, SIDE)
    spot[7:9, 7:9] = 1
    copies = moved_maps(spot, 60, seed=0)
    assert all(float((copy * spot).sum()) == 0 for copy in copies)
    places = {tuple(copy.nonzero()[0].tolist()) for copy in copies}
    assert len(places) > 20


def test_moved_maps_keep_neighbours_together() -> None:
    """As smooth as the map, turned ones included; what leaves on one side comes in on the other."""
    heat = torch.arange(24).view(4, 6)
    pairs = {
        frozenset((int(a), int(b)))
        for rows in (heat, heat.T)
        for a, b in zip(rows, rows.roll(-1, 0), strict=True)
        for a, b in zip(a, b, strict=True)
    }
    for copy in moved_maps(heat, 20, seed=1):
        assert copy.shape == heat.shape, "what is not square is not turned on its side"
        for rows in (copy, copy.T):
            for row, below in zip(rows, rows.roll(-1, 0), strict=True):
                assert {frozenset((int(a), int(b))) for a, b in zip(row, below, strict=True)} <= pairs


def test_a_vector_has_its_values_in_random_places() -> None:
    heat = torch.arange(10.0)
    copies = moved_maps(heat, 5, seed=0)
    assert all(sorted(copy.tolist()) == heat.tolist() for copy in copies)
    assert len({tuple(copy.tolist()) for copy in copies}) == 5


def test_opponents_are_as_coarse_as_the_map() -> None:
    model, image = small_model(), random_inputs(1)

    def roughness(heat: Tensor) -> float:
        context = CheckContext(model, attribution_of(heat[None], image), fixed_engine(16))
        orders = opponent_orders(context, CoverOptions(orders=4))
        assert all(sorted(order.flatten().tolist()) == list(range(SIDE * SIDE)) for order in orders)
        return float(np.mean([(o[1:] - o[:-1]).abs().double().mean() for o in orders]))

    assert roughness(random_map(1, 4)) < 0.5 * roughness(random_map(1))


def context_of(model: ex.Model, attribution: ex.Attribution) -> CheckContext:
    rerun = ex.Cost(attribution.cost.forward, attribution.cost.backward)
    return CheckContext(model, attribution, fixed_engine(16), rerun_cost=rerun)


def test_the_maps_of_other_pictures_are_those_of_the_gallery_but_for_the_one_explained() -> None:
    model = ex.load_model("demo:signs-cnn")
    first, *others = [sample.load() for sample in ex.samples()[:4]]
    context = context_of(model, ex.explain(model, first, "grad-cam"))
    maps = maps_of_other_pictures(context, 3)
    expected = [heatmap_of(ex.explain(model, other, "grad-cam")) for other in others]
    assert all(torch.allclose(heat, wanted, atol=1e-5) for heat, wanted in zip(maps, expected, strict=True))
    assert context.cost.forward == 3


def test_for_a_model_of_photographs_they_are_photographs_first() -> None:
    demo = ex.load_model("demo:signs-cnn")
    model = ex.wrap(demo.network, (3, 96, 96), preprocess=demo.preprocess)
    photographs = [sample.load() for sample in ex.samples() if sample.id.startswith("photo:")]
    context = context_of(model, ex.explain(model, photographs[0], "grad-cam"))
    maps = maps_of_other_pictures(context, 5)
    expected = [
        heatmap_of(ex.explain(model, other, "grad-cam"))
        for other in (*photographs[1:], *(s.load() for s in ex.samples()[:2]))
    ]
    assert all(torch.allclose(heat, wanted, atol=1e-5) for heat, wanted in zip(maps, expected, strict=True))


def test_other_pictures_are_asked_for_the_same_channel_and_for_their_own_class() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.samples()[0].load()
    channel = ex.ChannelTarget("layer3", 17)
    for target, expected in ((channel, channel), ("give way", None)):
        context = context_of(model, ex.explain(model, image, "grad-cam", target))
        (heat,) = maps_of_other_pictures(context, 1)
        assert torch.allclose(
            heat, heatmap_of(ex.explain(model, ex.samples()[1].load(), "grad-cam", expected)), atol=1e-5
        )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_model_without_preprocessing_gets_other_pictures_as_inputs_like_its_own(channels: int) -> None:
    weights = random_inputs(1, (channels * SIDE * SIDE, 3), seed=3)[0]
    model = ex.Model("tensors", Linear(weights), (channels, SIDE, SIDE))
    image = 7 + 3 * random_inputs(1, (channels, SIDE, SIDE))
    context = context_of(model, ex.explain(model, image, "input-x-gradient"))
    other = context.input_of(ex.samples()[0].load())
    assert other.shape == image.shape
    assert float(other.mean()) == pytest.approx(float(image.mean()), rel=1e-4)
    assert float(other.std()) == pytest.approx(float(image.std()), rel=0.05)
    assert len(maps_of_other_pictures(context, 2)) == 2


def test_the_price_of_the_opponents_is_what_they_cost() -> None:
    """Other pictures for quick methods alone: a method of many passes, and a map that nobody made, have moved copies only."""
    model, image = small_model(), random_inputs(1)
    curves = (1 + 3 + 1) * 4 + 1
    cases = [
        (ex.explain(model, image, "grad-cam", CLASS), curves + 2 * 4, 2),
        (ex.explain(model, image, "integrated-gradients", CLASS, steps=100), curves, 0),
        (attribution_of(random_map()[None], image, ex.ClassTarget(CLASS)), curves, 0),
    ]
    for attribution, forward, runs in cases:
        expected = ex.estimate_verify(model, attribution, "insertion", steps=4, orders=3, pictures=2)
        spent = ex.verify(model, image, attribution, "insertion", steps=4, orders=3, pictures=2).cost
        assert (spent.forward, spent.backward) == (expected.forward, expected.backward)
        assert spent.forward == forward + runs * attribution.cost.forward
        assert spent.backward == runs * attribution.cost.backward


@pytest.mark.parametrize("name", ["deletion", "insertion"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_where_no_order_changes_the_score_there_is_nothing_to_measure(name: str, task: str) -> None:
    """A network whose answer hardly depends on the picture."""
    weights = 1e-9 * random_inputs(1, (3 * SIDE * SIDE, 5), seed=3, dtype=torch.float64)[0]
    network = nn.Sequential(Linear(weights), Shift(5.0))
    model, image = ex.Model("flat", network, (3, SIDE, SIDE), task=task), random_inputs(1, dtype=torch.float64)
    target = ex.ClassTarget(0) if task == "classification" else ex.RegressionTarget(0)
    finding = ex.verify(model, image, attribution_of(random_map()[None], image, target), name, steps=4)[name]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert finding.sentence.startswith("Nothing to measure: the ")


class Shift(nn.Module):
    """outputs + amount."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + self.amount


def test_a_curve_of_scores_has_the_range_of_its_scores() -> None:
    """A linear score and the map of its own terms: deletion is as low as any order can make it, and insertion mirrors it."""
    weights = random_inputs(1, (3 * SIDE * SIDE, 1), seed=3, dtype=torch.float64)[0].abs()
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE), task="regression")
    image = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64)
    values = (image[0] * weights.view(3, SIDE, SIDE)).sum(0, keepdim=True)
    attribution = attribution_of(values, image, ex.RegressionTarget(0))
    verdict = ex.verify(model, image, attribution, ["deletion", "insertion"], fill="zero", steps=8, orders=0)
    order = np.sort(values.numpy().ravel())[::-1].cumsum()[31::32] / values.numpy().sum()
    assert verdict["insertion"].details["quantity"] == "score"
    low = verdict["insertion"].table["score"].min() / values.sum().item()
    assert verdict["insertion"].value == pytest.approx(float(((order - low) / (1 - low)).mean()), rel=1e-5)
    assert verdict["deletion"].value == pytest.approx(1 - float(order.mean()), rel=1e-5)
