"""Every check against a slow version of it, written from its definition."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr
from skimage.metrics import structural_similarity
from torch import Tensor, nn

import explainers as ex
from explainers.engine.run import Run
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks._covering import CoverOptions, random_orders
from explainers.trust.checks.input_stability import InputStabilityOptions, small_changes
from explainers.trust.checks.randomisation import layer_groups, redraw
from explainers.trust.checks.road import impute
from explainers.trust.ranking import mean_ranks, order_of, spearman, top_mask, top_overlap
from tests.support.attributions import SIDE, attribution, patch_mask, random_map
from tests.support.networks import fixed_engine, random_inputs, small_model

CLASS = 2


def probability(model: ex.Model, inputs: Tensor) -> float:
    with torch.no_grad():
        return float(model.network.eval()(inputs).softmax(1)[0, CLASS])


@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("fill", [Fill.BLUR, Fill.MEAN, Fill.NOISE])
def test_deletion_and_insertion(chunk: int, fill: Fill) -> None:
    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    heat = random_map(4)
    made = attribution(heat[None], one, ex.ClassTarget(CLASS))
    found = ex.verify(
        model, one, made, ["deletion", "insertion"], steps=10, fill=fill, orders=3, seed=5, engine=fixed_engine(chunk)
    )
    hide = masker_for(model, one, fill, 5)
    deleted, inserted = [probability(model, one)], []
    ranked = sorted(range(SIDE * SIDE), key=lambda place: -float(heat.flatten()[place]))
    for step in range(1, 11):
        first = torch.zeros(SIDE * SIDE, dtype=torch.float64)
        first[ranked[: round(step * SIDE * SIDE / 10)]] = 1
        first = first.view(1, 1, SIDE, SIDE)
        deleted.append(probability(model, hide(1 - first)))
        inserted.append(probability(model, hide(first)))
    assert found["deletion"].value == pytest.approx(np.mean(deleted[1:]), rel=1e-5)
    assert found["insertion"].value == pytest.approx(np.mean(inserted), rel=1e-5)
    curve = found["deletion"].table.query("order == 'map'")
    assert curve["probability"].tolist() == pytest.approx(deleted, rel=1e-4)
    assert curve["pixels covered [%]"].tolist() == pytest.approx([10 * step for step in range(11)])
    assert found["deletion"].cost.forward == 5 * 10 + 1


def test_the_order_from_the_centre_can_be_left_out() -> None:
    """Then nothing but the map's own curve is computed, and it is the same curve."""
    model, one = small_model(), random_inputs(1)
    made = attribution(random_map(4)[None], one, ex.ClassTarget(CLASS))
    for name in ("deletion", "insertion"):
        both, alone = (
            ex.verify(model, one, made, name, steps=6, orders=0, centre=told)[name] for told in (True, False)
        )
        assert (both.cost.forward, alone.cost.forward) == (2 * 6 + 1, 6 + 1)
        assert ex.estimate_verify(model, made, name, steps=6, orders=0, centre=False).forward == 6 + 1
        assert alone.value == pytest.approx(both.value, rel=1e-6)
        assert alone.details["centre"] is None
        assert alone.details["better than the centre"] is None
        assert set(alone.table["order"]) == {"map"}
        assert set(both.table["order"]) == {"map", "centre"}
        assert "centre" not in alone.sentence


def test_random_orders_and_the_centre_are_what_the_map_is_compared_with() -> None:
    """A map of the centre does exactly as well as the centre; half of all random maps do better than a random one."""
    model, one = small_model(), random_inputs(1)
    away = (torch.arange(SIDE) - 7.5).square()
    centre = attribution(-(away[:, None] + away)[None], one, ex.ClassTarget(CLASS))
    found = ex.verify(model, one, centre, "deletion", steps=5, seed=3).findings[0]
    assert found.details["centre"] == pytest.approx(found.value, abs=0.02), "equal but for the order of ties"
    shares = [
        ex.verify(
            model, one, attribution(random_map(seed)[None], one, ex.ClassTarget(CLASS)), "deletion", steps=4, orders=15
        ).findings[0].details["better than random orders"]
        for seed in range(30)
    ]  # fmt: skip
    # Mean of 30 uniform shares: 0.5 with a deviation of 0.053.
    assert abs(np.mean(shares) - 0.5) < 0.16
    assert np.std(shares) > 0.15


def test_random_orders_are_as_coarse_as_the_map() -> None:
    one = random_inputs(1)
    coarse = random_orders(attribution(random_map(1, 4)[None], one), CoverOptions(orders=4))
    fine = random_orders(attribution(random_map(1)[None], one), CoverOptions(orders=4))

    def roughness(orders: list[Tensor]) -> float:
        return float(np.mean([(o[1:] - o[:-1]).abs().double().mean() for o in orders]))

    assert roughness(coarse) < 0.5 * roughness(fine)
    assert all(sorted(order.flatten().tolist()) == list(range(SIDE * SIDE)) for order in coarse + fine)


def test_road() -> None:
    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    heat = random_map(4)
    made = attribution(heat[None], one, ex.ClassTarget(CLASS))
    found = ex.verify(model, one, made, "road", steps=3, noise=0.0).findings[0]
    differences = []
    for share in (0.25, 0.5, 0.75):
        count = round(share * SIDE * SIDE)
        ranks = heat.flatten().argsort(descending=True).argsort().view(SIDE, SIDE)
        strongest = probability(model, impute(one[0], ranks < count)[None])
        weakest = probability(model, impute(one[0], ranks >= SIDE * SIDE - count)[None])
        differences.append(weakest - strongest)
    assert found.value == pytest.approx(np.mean(differences), abs=1e-6)


def test_imputed_pixels_solve_their_equations() -> None:
    image, covered = random_inputs(1, dtype=torch.float64)[0], random_map(2) > 0.2
    filled = impute(image, covered)
    assert torch.equal(filled[:, ~covered], image[:, ~covered])
    for row, column in covered.nonzero().tolist():
        weighted, total = torch.zeros(3, dtype=torch.float64), 0.0
        for down, right in ((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c):
            if 0 <= row + down < SIDE and 0 <= column + right < SIDE:
                weight = 1 / 12 if down and right else 1 / 6
                weighted += weight * filled[:, row + down, column + right]
                total += weight
        assert torch.allclose(filled[:, row, column], weighted / total)


def test_rank_correlation_and_overlap() -> None:
    a, b = random_map(1), (random_map(2) * 2).round()
    assert spearman(a, b) == pytest.approx(spearmanr(a.flatten(), b.flatten()).statistic)
    assert spearman(a, torch.ones(SIDE, SIDE)) is None
    strongest = [set(np.argsort(-m.numpy().ravel())[:26].tolist()) for m in (a, random_map(3))]
    expected = len(strongest[0] & strongest[1]) / len(strongest[0] | strongest[1])
    assert top_overlap(a, random_map(3)) == pytest.approx(expected)


@pytest.mark.parametrize("steps", [1, 2, 7, 200, 10**9])
@pytest.mark.parametrize("count", [1, 2, 3, 1000])
def test_mean_ranks_are_those_of_scipy(steps: int, count: int) -> None:
    values = (np.random.default_rng(count).integers(-steps, steps, count) / 3).astype(np.float32)
    assert np.array_equal(mean_ranks(values), rankdata(values))


@pytest.mark.parametrize("steps", [1, 3, 10**6])
@pytest.mark.parametrize("count", [0, 1, 17, 255, 256])
def test_the_strongest_places_are_the_first_in_order(steps: int, count: int) -> None:
    heat = (random_map(4) * steps).round()
    assert torch.equal(top_mask(heat, count), order_of(heat) < count)
    heat[0, 0] = float("nan")
    assert torch.equal(top_mask(heat, count), order_of(heat) < count)


def test_ties_are_ordered_without_a_direction() -> None:
    places = order_of(torch.zeros(SIDE, SIDE)).double()
    assert abs(float(spearman(places, torch.arange(SIDE * SIDE).double()) or 0)) < 0.2
    two = order_of(patch_mask().double())
    assert set(two[patch_mask()].tolist()) == set(range(16))


def test_agreement() -> None:
    model, one = small_model(), random_inputs(1)
    made = [ex.explain(model, one, name, CLASS) for name in ("grad-cam", "hires-cam", "input-x-gradient")]
    found = ex.verify(model, one, made[0], "agreement", others=made[1:]).findings[0]
    heats = [m.heatmap()[0] for m in made]
    expected = [spearmanr(heats[0].flatten(), other.flatten()).statistic for other in heats[1:]]
    assert found.table["rank correlation"].tolist() == pytest.approx(expected)
    assert found.value == pytest.approx(np.mean(expected))
    assert found.table["overlap of the top 10 %"].tolist() == pytest.approx(
        [top_overlap(heats[0].double(), other.double()) for other in heats[1:]]
    )
    assert ex.verify(model, one, made[0], "agreement", others=[made[0]]).findings[0].value == pytest.approx(1)


def test_truth() -> None:
    model, one, heat, mask = small_model(), random_inputs(1), random_map(8), random_map(9) > 0.8
    found = ex.verify(model, one, attribution(heat[None], one), "all", truth=mask)
    strongest = set(heat.flatten().argsort(descending=True)[: int(mask.sum())].tolist())
    inside = set(mask.flatten().nonzero().flatten().tolist())
    assert found["pointing-game"].value == float(int(heat.argmax()) in inside)
    assert found["energy-inside"].value == pytest.approx(
        sum(max(0, v) for i, v in enumerate(heat.flatten().tolist()) if i in inside)
        / sum(max(0, v) for v in heat.flatten().tolist())
    )
    assert found["truth-overlap"].value == pytest.approx(len(strongest & inside) / len(strongest | inside))
    assert found["relevance-rank-accuracy"].value == pytest.approx(len(strongest & inside) / len(inside))
    assert torch.equal(top_mask(heat, 5).flatten().nonzero().flatten(), heat.flatten().topk(5).indices.sort().values)


def test_randomisation() -> None:
    """The same cascade, redrawn and explained by hand."""
    model, one = small_model(), random_inputs(1)
    before = copy.deepcopy(model.network.state_dict())
    made = ex.explain(model, one, "gradient", CLASS)
    found = ex.verify(model, one, made, "randomisation", steps=4, seed=7).findings[0]
    assert all(torch.equal(before[name], weight) for name, weight in model.network.state_dict().items())
    network = copy.deepcopy(model.network)
    source = torch.Generator().manual_seed(7 * 1_000_003)
    parts = [["head"], ["conv3", "norm2"], ["conv2"], ["norm1", "conv1"]]
    expected, alike = [], []
    first = made.values[0].double().abs().sum(0)
    for part in parts:
        for name in part:
            redraw(network.get_submodule(name), source)
        wild = ex.Model("redrawn", network, (3, 16, 16))
        heat = ex.explain(wild, one, "gradient", CLASS).values[0].double().abs().sum(0)
        expected.append(spearmanr(first.flatten(), heat.flatten()).statistic)
        maps = [((m - m.min()) / (m.max() - m.min())).numpy() for m in (first, heat)]
        alike.append(structural_similarity(*maps, data_range=1.0))
    assert found.table["rank correlation"].tolist() == pytest.approx(expected, abs=1e-6)
    assert found.table["SSIM"].tolist() == pytest.approx(alike, abs=1e-6)
    assert found.value == pytest.approx(expected[-1], abs=1e-6)


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
@pytest.mark.parametrize("steps", [1, 4, 1000])
def test_every_weight_is_in_one_group_from_the_top_down(name: str, steps: int) -> None:
    model = ex.load_model(name)
    layers = Run(model, ex.engine_for()).layers()
    found = layer_groups(model.network, layers, steps)
    listed = [module for group in found for module in group]
    holding = [n for n, m in model.network.named_modules() if next(m.parameters(recurse=False), None) is not None]
    assert sorted(listed) == sorted(holding)
    assert len(found) == min(steps, len(holding))
    top = {"demo:signs-cnn": "fc", "demo:signs-vit": "head", "torchvision:swin_t@random": "head"}[name]
    assert listed[0].split(".")[0] == top or listed[0].startswith(top)


def test_seed_stability() -> None:
    model, one = small_model(), random_inputs(1)
    made = ex.explain(model, one, "rise", CLASS, samples=60, cells=4, seed=10)
    found = ex.verify(model, one, made, "seed-stability", seeds=2).findings[0]
    expected = [
        spearmanr(
            made.heatmap().flatten(), ex.explain(model, one, "rise", CLASS, samples=60, cells=4, seed=seed).heatmap().flatten()
        ).statistic
        for seed in (11, 12)
    ]  # fmt: skip
    assert found.value == pytest.approx(np.mean(expected))
    assert found.cost.forward == 2 * 61
    sure = ex.explain(model, one, "rise", CLASS, samples=3000, cells=4, seed=10)
    assert ex.verify(model, one, sure, "seed-stability", seeds=1).findings[0].value > found.value


def test_input_stability() -> None:
    model, one = small_model(), random_inputs(1)
    made = ex.explain(model, one, "grad-cam", CLASS)
    found = ex.verify(model, one, made, "input-stability", shift=2, noise=0.1, copies=2).findings[0]
    moves = {
        "2 px right": (lambda x: x.roll(2, -1), lambda x: x.roll(-2, -1)),
        "2 px up": (lambda x: x.roll(-2, -2), lambda x: x.roll(2, -2)),
        "mirrored": (lambda x: x.flip(-1), lambda x: x.flip(-1)),
    }
    rows = found.table.set_index("change")
    for name, (change, back) in moves.items():
        again = ex.explain(model, change(one), "grad-cam", CLASS)
        expected = spearmanr(made.heatmap().flatten(), back(again.heatmap()).flatten()).statistic
        assert rows.loc[name, "rank correlation"] == pytest.approx(expected, abs=1e-4)
        assert rows.loc[name, "score"] == pytest.approx(float(again.score[0]), abs=1e-4)
        top = [ex.predict(model, x).outputs.argmax().item() for x in (one, change(one))]
        assert bool(rows.loc[name, "same answer"]) == (top[0] == top[1])
    kept = found.table[found.table["same answer"]]["rank correlation"].dropna()
    assert found.value == pytest.approx(kept.mean())


def test_every_change_is_brought_back() -> None:
    one = random_inputs(1)
    for name, change, back in small_changes(InputStabilityOptions(copies=0, shift=3)):
        assert not torch.equal(change(one), one), name
        assert torch.equal(back(change(one)), one), name
