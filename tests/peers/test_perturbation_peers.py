"""Perturbation methods against Captum, lime, shap and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, FeaturePermutation, KernelShap, Occlusion, ShapleyValues, ShapleyValueSampling
from torch import nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.rng import seeded_generator
from explainers.core.target import ClassTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.inputs.baselines import Fill, baseline_for, masker_for
from explainers.inputs.segments import Segments, region_masks, segment_input
from explainers.perturbation._region_scores import regions_to_scores
from explainers.perturbation.lime import LimeOptions, lime_kernel
from tests.support.networks import assert_close, random_inputs, small_model
from tests.support.peers import TARGETS, inputs

TARGET = ClassTarget(TARGETS)


@pytest.mark.parametrize("fill", [Fill.ZERO, Fill.BLUR])
def test_occlusion_is_captums(pair: tuple[Model, nn.Module], fill: Fill) -> None:
    model, _ = pair
    x = inputs()
    windows = Occlusion(model.network).attribute(
        x,
        (3, 24, 24),
        (3, 20, 20),
        baselines=baseline_for(model, x, fill),
        target=list(TARGETS),
        perturbations_per_eval=4,
    )
    found = explain(model, x, "occlusion", TARGET, patch=24, stride=20, fill=fill.value)
    assert_close(found.values, windows.sum(1) / 3, 1e-4)  # Captum gives every channel the whole drop


@pytest.mark.parametrize("segments", list(Segments))
def test_feature_ablation_is_captums(pair: tuple[Model, nn.Module], segments: Segments) -> None:
    model, _ = pair
    x = inputs()
    found = explain(model, x, "feature-ablation", TARGET, segments=segments.value, regions=8, fill="mean")
    for place in range(2):
        one = x[place : place + 1]
        regions = segment_input(model, one, segments, 8)
        expected = FeatureAblation(model.network).attribute(
            one, baseline_for(model, one, Fill.MEAN), TARGETS[place], feature_mask=regions.expand(1, 3, -1, -1)
        )
        assert_close(found.values[place], expected[0, 0], 1e-4)


def test_lime_is_its_authors() -> None:
    """Same pictures, same distances, same kernel: the package's own fit, which is scikit-learn's."""
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = LimeOptions(segments=Segments.GRID, regions=9, samples=80)
    found = explain(model, one, "lime", 1, segments="grid", regions=9, samples=80)

    def draws(count: int) -> torch.Tensor:
        shown = torch.rand(80, count, generator=torch.Generator().manual_seed(0)) < 0.5
        shown[0] = True
        return shown

    regions, chunks = regions_to_scores(Run(model, engine_for("cpu")), one, ClassTarget(1), options, draws)
    shown, scores = (torch.cat(parts).numpy() for parts in zip(*chunks, strict=True))
    distances = pairwise_distances(shown, shown[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    np.testing.assert_allclose(lime_kernel(torch.from_numpy(shown), 0.25).numpy(), base.kernel_fn(distances), rtol=1e-9)
    _, weights, _, _ = base.explain_instance_with_data(shown, scores[:, None], distances, 0, 9, "none")
    expected = torch.tensor([weight for _, weight in sorted(weights)])
    assert_close(found.values[0], expected[regions], 1e-5)


def test_kernel_shap_is_the_shap_packages() -> None:
    """With so few regions that both enumerate every coalition."""
    import shap

    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    regions = segment_input(model, one, Segments.GRID, 6)
    hidden_by = masker_for(model, one, Fill.BLUR)

    def score(shown: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            rows = hidden_by(region_masks(torch.from_numpy(shown).double(), regions, one))
            return model.network.eval()(rows)[:, 2].numpy()

    expected = shap.KernelExplainer(score, np.zeros((1, 6))).shap_values(np.ones((1, 6)), nsamples=62, silent=True)
    found = explain(model, one, "kernel-shap", 2, segments="grid", regions=6, samples=62, fill="blur")
    assert_close(found.values[0], torch.from_numpy(expected[0])[regions], 1e-5)


def test_exact_shapley_values_are_captums() -> None:
    """Its average over every order of uncovering; ours is over every subset."""
    model, one, regions, hidden = four_regions()
    expected = ShapleyValues(model.network).attribute(one, hidden, 1, feature_mask=regions.repeat(1, 3, 1, 1))
    found = explain(model, one, "shapley", 1, segments="grid", regions=4, fill="mean")
    assert_close(found.values[0], expected[0, 0], 1e-6)


def test_sampled_shapley_values_are_captums_of_the_same_orders() -> None:
    model, one, regions, hidden = four_regions()
    drawn = torch.rand(5, 4, generator=seeded_generator("cpu", 3)).argsort(1)
    orders = torch.stack([drawn, drawn.flip(1)], 1).flatten(0, 1)  # each also in reverse
    peer = ShapleyValueSampling(model.network)
    peer.permutation_generator = lambda features, samples: iter(orders.tolist())
    expected = peer.attribute(one, hidden, 1, feature_mask=regions.repeat(1, 3, 1, 1), n_samples=len(orders))
    found = explain(model, one, "shapley-sampling", 1, segments="grid", regions=4, orders=5, seed=3, fill="mean")
    assert_close(found.values[0], expected[0, 0], 1e-6)


def test_captums_kernel_shap_is_a_noisy_version_of_ours() -> None:
    """It draws coalitions by their kernel with replacement and fits them all alike, so it never enumerates: with thousands
    of draws of four regions it comes near the exact values that Vitrine has after fourteen."""
    model, one, regions, hidden = four_regions()
    found = explain(model, one, "kernel-shap", 1, segments="grid", regions=4, samples=20, fill="mean").values[0]
    torch.manual_seed(0)
    theirs = KernelShap(model.network).attribute(
        one, hidden, 1, feature_mask=regions.repeat(1, 3, 1, 1), n_samples=4000, perturbations_per_eval=200
    )
    assert_close(theirs[0, 0], found, 0.1)


def test_feature_permutation_is_captums_of_the_same_swaps() -> None:
    """Captum shuffles a region's values among the inputs of a batch: with two inputs and no fixed point, each gets the
    other's, which is what Vitrine's every draw is then as well."""
    model = small_model(torch.float64)
    rows = random_inputs(2, dtype=torch.float64)
    regions = segment_input(model, rows[:1], Segments.GRID, 4)

    def swapped(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.where(mask, x.flip(0), x)

    with torch.no_grad():
        peer = FeaturePermutation(model.network.eval(), perm_func=swapped)
        expected = peer.attribute(rows, 1, feature_mask=regions.repeat(1, 3, 1, 1))
    found = explain(model, rows, "feature-permutation", 1, segments="grid", regions=4, draws=2)
    assert_close(found.values, expected[:, 0], 1e-6)


def four_regions() -> tuple[Model, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A model, one input, its four regions, and what is seen where they are hidden."""
    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    model.network.eval()
    return model, one, segment_input(model, one, Segments.GRID, 4), baseline_for(model, one, Fill.MEAN)
