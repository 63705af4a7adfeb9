"""Infidelity of linear models, whose answer to covering is known, and on drawn scenes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import explainers as ex
from benchmarks.questions import shuffled
from benchmarks.truth import sign_scenes
from explainers.trust.checks.infidelity import InfidelityOptions, random_squares
from tests.support.attributions import SIDE, attribution_of, patch_mask
from tests.support.models.networks import Linear, random_inputs


def test_infidelity_of_a_linear_model_is_zero_and_of_its_negative_is_said() -> None:
    weights = random_inputs(1, (3 * SIDE * SIDE, 2), seed=5, dtype=torch.float64)[0]
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    image = random_inputs(1, (3, SIDE, SIDE), seed=6, dtype=torch.float64)
    exact = ex.explain(model, image, "input-x-gradient", 0)
    finding = ex.verify(model, image, exact, "infidelity", fill="zero").findings[0]
    assert finding.value == pytest.approx(0, abs=1e-6)
    assert finding.details["explained beyond a flat map"] == pytest.approx(1)
    assert finding.details["scale"] == pytest.approx(1, rel=1e-4)
    slopes = ex.verify(model, image, ex.explain(model, image, "gradient", 0), "infidelity", fill="mean").findings[0]
    assert slopes.details["explained beyond a flat map"] == pytest.approx(1)
    assert (finding.good, slopes.good) == (True, True)
    turned = ex.verify(model, image, attribution_of(-exact.values, image), "infidelity", fill="zero").findings[0]
    assert turned.good is False
    assert turned.details["scale"] == pytest.approx(-1, rel=1e-4)


def test_a_flat_map_explains_nothing_beyond_itself() -> None:
    """Of a square of evidence and an even share of it everywhere, a map of the square alone explains what is left by the formula."""
    weights = (patch_mask() + 0.05).double().expand(3, SIDE, SIDE).reshape(-1, 1)
    model = ex.Model("linear", Linear(weights), (3, SIDE, SIDE))
    image = torch.ones(1, 3, SIDE, SIDE, dtype=torch.float64)
    flat, spot = (
        ex.verify(model, image, attribution_of(values, image), "infidelity", fill="zero").findings[0]
        for values in (torch.ones(1, SIDE, SIDE), patch_mask()[None].double())
    )
    assert flat.good is False
    assert flat.details["explained beyond a flat map"] == pytest.approx(0, abs=1e-9)
    squares = random_squares(image, InfidelityOptions()).flatten(1).double().numpy()
    drop = squares @ weights.view(3, -1).sum(0).numpy()
    left = [
        float(np.square(drop - foretold * (foretold @ drop) / (foretold @ foretold)).mean())
        for foretold in (squares @ patch_mask().flatten().double().numpy(), squares.sum(1))
    ]
    assert 0.5 < 1 - left[0] / left[1] < 0.999
    assert spot.value == pytest.approx(left[0], rel=1e-5)
    assert flat.value == pytest.approx(left[1], rel=1e-5)
    assert spot.details["explained beyond a flat map"] == pytest.approx(1 - left[0] / left[1], rel=1e-5)
    assert spot.good is True


def test_a_map_of_a_scene_convinces_and_a_shuffled_one_does_not() -> None:
    model, honest, mixed = ex.load_model("demo:signs-cnn"), [], []
    for number, scene in enumerate(sign_scenes(12)):
        attribution = ex.explain(model, scene.image, "grad-cam", scene.label)
        other = replace(attribution, values=shuffled(attribution.values, number))
        honest.append(ex.verify(model, scene.image, attribution, "infidelity")["infidelity"].good)
        mixed.append(ex.verify(model, scene.image, other, "infidelity")["infidelity"].good)
    assert honest.count(True) >= 11
    assert mixed.count(True) <= 1
