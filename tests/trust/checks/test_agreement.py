"""Agreement with other maps, by SciPy's rank correlation, and in words."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import explainers as ex
from explainers.trust.checks.agreement import companions
from explainers.trust.ranking import top_overlap
from tests.support.attributions import SIDE, attribution_of, random_map
from tests.support.models.networks import random_inputs, small_model

CLASS = 2


def test_agreement() -> None:
    """Maps of one fineness are compared as they are; a fine one is pooled to the cells of a coarse one."""
    model, image = small_model(), random_inputs(1)
    attributions = [ex.explain(model, image, name, CLASS) for name in ("grad-cam", "hires-cam", "input-x-gradient")]
    finding = ex.verify(model, image, attributions[0], "agreement", others=attributions[1:]).findings[0]
    own = attributions[0].values.double()[0]
    cells = own.shape[-1]
    assert cells < SIDE
    coarse = [
        heat.double().numpy().reshape(cells, SIDE // cells, cells, SIDE // cells).mean((1, 3))
        for heat in (each.heatmap()[0] for each in attributions)
    ]
    expected = [spearmanr(coarse[0].ravel(), other.ravel()).statistic for other in coarse[1:]]
    assert finding.table["rank correlation"].tolist() == pytest.approx(expected, abs=1e-3)
    assert finding.value == pytest.approx(np.mean(expected), abs=1e-3)
    assert finding.table["overlap of the top 10 %"].tolist() == pytest.approx(
        [top_overlap(*(torch.from_numpy(heat) for heat in (coarse[0], other))) for other in coarse[1:]]
    )
    assert ex.verify(model, image, attributions[0], "agreement", others=[attributions[0]]).findings[
        0
    ].value == pytest.approx(1)


def test_fine_maps_are_compared_pixel_by_pixel() -> None:
    model, image = small_model(), random_inputs(1)
    heats = [random_map(1), random_map(1) + random_map(2)]
    own, other = (attribution_of(heat[None], image) for heat in heats)
    finding = ex.verify(model, image, own, "agreement", others=[other])["agreement"]
    assert finding.value == pytest.approx(spearmanr(*(heat.numpy().ravel() for heat in heats)).statistic, abs=1e-6)


@pytest.mark.parametrize(
    ("shared", "verb", "good"),
    [(24, "agrees with", None), (10, "agrees only in part with", None), (3, "does not agree with", False)],
)
def test_the_verb_follows_from_the_overlap(shared: int, verb: str, good: bool | None) -> None:
    """Of 26 strongest pixels so many are the same; even rank correlations above 0.9 do not make it agreement."""
    ranks = torch.arange(SIDE * SIDE - 26.0)
    own = torch.cat([torch.full((26,), 1000.0), torch.full((26,), 500.0), ranks[26:]]).view(1, SIDE, SIDE)
    other = own.clone().flatten()
    other[:26][shared:] = 500.0
    other[26:52][: 26 - shared] = 1000.0
    image = random_inputs(1)
    maps = [attribution_of(values, image) for values in (own, other.view(1, SIDE, SIDE))]
    finding = ex.verify(small_model(), image, maps[0], "agreement", others=maps[1:])["agreement"]
    overlap = shared / (52 - shared)
    assert finding.details["overlap of the top 10 %"] == pytest.approx(overlap)
    assert finding.good is good
    assert finding.clause.startswith(f"it {verb} the map by made-up")
    assert finding.clause in finding.sentence or verb in finding.sentence
    assert finding.value is not None
    assert finding.value > 0.9


def test_without_other_maps_a_fixed_set_of_methods_is_asked() -> None:
    """Whatever was looked at before, the same question gets the same answer; the map's own method is not asked again."""
    model, image = small_model(), random_inputs(1)
    attribution = ex.explain(model, image, "grad-cam", CLASS)
    finding = ex.verify(model, image, attribution, "agreement")["agreement"]
    assert finding.table is not None
    assert finding.table["method"].tolist() == ["layer-cam", "input-x-gradient"]
    others = [ex.explain(model, image, name, CLASS) for name in ("layer-cam", "input-x-gradient")]
    given = ex.verify(model, image, attribution, "agreement", others=others)["agreement"]
    assert finding.value == pytest.approx(given.value, abs=1e-6)
    assert finding.sentence == given.sentence
    assert finding.cost.forward == sum(other.cost.forward for other in others)
    assert given.cost == ex.Cost()


@pytest.mark.parametrize(
    ("name", "method", "expected"),
    [
        ("demo:signs-cnn", "gradient", ["grad-cam", "layer-cam", "input-x-gradient"]),
        ("demo:signs-cnn", "layer-cam", ["grad-cam", "input-x-gradient"]),
        ("demo:signs-vit", "gradient", ["attn-lrp", "transformer-attribution", "input-x-gradient"]),
        ("demo:diabetes-mlp", "gradient", ["input-x-gradient"]),
    ],
)
def test_who_is_asked(name: str, method: str, expected: list[str]) -> None:
    model = ex.load_model(name)
    inputs = torch.ones(1, *model.input_shape)
    assert companions(model, ex.explain(model, inputs, method)) == expected


def test_a_black_box_has_no_other_quick_method() -> None:
    box = ex.wrap(lambda inputs: inputs.flatten(1)[:, :3], input_shape=(3, SIDE, SIDE))
    image = random_inputs(1)
    attribution = ex.explain(box, image, "occlusion", 1, patch=4, stride=4)
    finding = ex.verify(box, image, attribution, "agreement")["agreement"]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert finding.sentence.startswith("Not checked")
