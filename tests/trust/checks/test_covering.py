"""Curves of covered and shown pixels, against a slow version, and the orders that a map's is compared with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import explainers as ex
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks._covering import CoverOptions, random_orders
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


def test_random_orders_and_the_centre_are_what_the_map_is_compared_with() -> None:
    """A map of the centre does exactly as well as the centre; half of all random maps do better than a random one."""
    model, image = small_model(), random_inputs(1)
    away = (torch.arange(SIDE) - 7.5).square()
    centre = attribution_of(-(away[:, None] + away)[None], image, ex.ClassTarget(CLASS))
    finding = ex.verify(model, image, centre, "deletion", steps=5, seed=3).findings[0]
    assert finding.details["centre"] == pytest.approx(finding.value, abs=0.02), "equal but for the order of ties"
    shares = [
        ex.verify(
            model, image, attribution_of(random_map(seed)[None], image, ex.ClassTarget(CLASS)), "deletion", steps=4, orders=15
        ).findings[0].details["better than random orders"]
        for seed in range(30)
    ]  # fmt: skip
    # Mean of 30 uniform shares: 0.5 with a deviation of 0.053.
    assert abs(np.mean(shares) - 0.5) < 0.16
    assert np.std(shares) > 0.15


def test_random_orders_are_as_coarse_as_the_map() -> None:
    image = random_inputs(1)
    coarse = random_orders(attribution_of(random_map(1, 4)[None], image), CoverOptions(orders=4))
    fine = random_orders(attribution_of(random_map(1)[None], image), CoverOptions(orders=4))

    def roughness(orders: list[Tensor]) -> float:
        return float(np.mean([(o[1:] - o[:-1]).abs().double().mean() for o in orders]))

    assert roughness(coarse) < 0.5 * roughness(fine)
    assert all(sorted(order.flatten().tolist()) == list(range(SIDE * SIDE)) for order in coarse + fine)


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
