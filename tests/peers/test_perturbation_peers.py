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
from explainers.perturbation._region_scores import coalition_scores
from explainers.perturbation.lime import LimeOptions, lime_kernel, weighted_ridge
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.models.peers import TARGETS, inputs

TARGET = ClassTarget(TARGETS)


def test_occlusion_is_captums(pair: tuple[Model, nn.Module]) -> None:
    model, _ = pair
    images = inputs()
    windows = Occlusion(model.network).attribute(
        images,
        (3, 24, 24),
        (3, 20, 20),
        baselines=baseline_for(model, images, Fill.BLUR),
        target=list(TARGETS),
        perturbations_per_eval=9,
    )
    attribution = explain(model, images, "occlusion", TARGET, patch=24, stride=20, fill="blur")
    assert_close(attribution.values, windows.sum(1) / 3, 1e-4)  # Captum gives every channel the whole drop


@pytest.mark.parametrize("segments", [Segments.GRID, Segments.SLIC])
def test_feature_ablation_is_captums(pair: tuple[Model, nn.Module], segments: Segments) -> None:
    """Regions in boxes of one size, and of many."""
    model, _ = pair
    images = inputs()
    attribution = explain(model, images, "feature-ablation", TARGET, segments=segments.value, regions=8, fill="mean")
    for row in range(2):
        image = images[row : row + 1]
        regions = segment_input(model, image, segments, 8)
        expected = FeatureAblation(model.network).attribute(
            image,
            baseline_for(model, image, Fill.MEAN),
            TARGETS[row],
            feature_mask=regions.expand(1, 3, -1, -1),
            perturbations_per_eval=9,
        )
        assert_close(attribution.values[row], expected[0, 0], 1e-4)


def test_lime_is_its_authors() -> None:
    """Same pictures, same distances, same kernel: the package's own fit, which is scikit-learn's."""
    from lime.lime_base import LimeBase
    from sklearn.metrics import pairwise_distances

    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = LimeOptions(segments=Segments.GRID, regions=9, samples=80)
    attribution = explain(model, image, "lime", 1, segments="grid", regions=9, samples=80)

    def draw(count: int) -> torch.Tensor:
        shown = torch.rand(80, count, generator=torch.Generator().manual_seed(0)) < 0.5
        shown[0] = True
        return shown

    regions, chunks = coalition_scores(Run(model, engine_for("cpu")), image, ClassTarget(1), options, draw)
    shown, scores = (torch.cat(parts).numpy() for parts in zip(*chunks, strict=True))
    distances = pairwise_distances(shown, shown[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)))
    np.testing.assert_allclose(lime_kernel(torch.from_numpy(shown), 0.25).numpy(), base.kernel_fn(distances), rtol=1e-9)
    _, weights, _, _ = base.explain_instance_with_data(shown, scores[:, None], distances, 0, 9, "none")
    expected = torch.tensor([weight for _, weight in sorted(weights)])
    assert_close(attribution.values[0], expected[regions], 1e-5)


def test_weighted_ridge_is_scikit_learns() -> None:
    from sklearn.linear_model import Ridge

    features = (random_inputs(1, (80, 7), dtype=torch.float64)[0] > 0).double()
    values = random_inputs(1, (80,), seed=2, dtype=torch.float64)[0]
    weights = random_inputs(1, (80,), seed=3, dtype=torch.float64)[0].abs()
    fitted = Ridge(alpha=0.7).fit(features.numpy(), values.numpy(), sample_weight=weights.numpy())
    coefficients, _ = weighted_ridge(features, values, weights, 0.7)
    np.testing.assert_allclose(coefficients.numpy(), fitted.coef_, rtol=1e-9)


def test_kernel_shap_is_the_shap_packages() -> None:
    """With so few regions that both enumerate every coalition."""
    import shap

    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    regions = segment_input(model, image, Segments.GRID, 6)
    mask_input = masker_for(model, image, Fill.BLUR)

    def score(shown: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            pictures = mask_input(region_masks(torch.from_numpy(shown).double(), regions, image))
            return model.network.eval()(pictures)[:, 2].numpy()

    expected = shap.KernelExplainer(score, np.zeros((1, 6))).shap_values(np.ones((1, 6)), nsamples=62, silent=True)
    attribution = explain(model, image, "kernel-shap", 2, segments="grid", regions=6, samples=62, fill="blur")
    assert_close(attribution.values[0], torch.from_numpy(expected[0])[regions], 1e-5)


def test_exact_shapley_values_are_captums() -> None:
    """Its average over every order of uncovering; ours is over every subset."""
    model, image, regions, filled = four_regions()
    expected = ShapleyValues(model.network).attribute(image, filled, 1, feature_mask=regions.repeat(1, 3, 1, 1))
    attribution = explain(model, image, "shapley", 1, segments="grid", regions=4, fill="mean")
    assert_close(attribution.values[0], expected[0, 0], 1e-6)


def test_sampled_shapley_values_are_captums_of_the_same_orders() -> None:
    model, image, regions, filled = four_regions()
    drawn = torch.rand(5, 4, generator=seeded_generator("cpu", 3)).argsort(1)
    orders = torch.stack([drawn, drawn.flip(1)], 1).flatten(0, 1)  # each also in reverse
    peer = ShapleyValueSampling(model.network)
    peer.permutation_generator = lambda features, samples: iter(orders.tolist())
    expected = peer.attribute(image, filled, 1, feature_mask=regions.repeat(1, 3, 1, 1), n_samples=len(orders))
    attribution = explain(
        model, image, "shapley-sampling", 1, segments="grid", regions=4, orders=5, seed=3, fill="mean"
    )
    assert_close(attribution.values[0], expected[0, 0], 1e-6)


def test_captums_kernel_shap_is_a_noisy_version_of_ours() -> None:
    """It draws coalitions by their kernel with replacement and fits them all alike, so it never enumerates: with thousands
    of draws of four regions it comes near the exact values that Vitrine has after fourteen."""
    model, image, regions, filled = four_regions()
    ours = explain(model, image, "kernel-shap", 1, segments="grid", regions=4, samples=20, fill="mean").values[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = KernelShap(model.network).attribute(
            image, filled, 1, feature_mask=regions.repeat(1, 3, 1, 1), n_samples=4000, perturbations_per_eval=400
        )
    assert_close(theirs[0, 0], ours, 0.1)


def test_feature_permutation_is_captums_of_the_same_swaps() -> None:
    """Captum shuffles a region's values among the inputs of a batch: with two inputs and no fixed point, each gets the
    other's, which is what Vitrine's every draw is then as well."""
    model = small_model(torch.float64)
    images = random_inputs(2, dtype=torch.float64)
    regions = segment_input(model, images[:1], Segments.GRID, 4)

    def swapped(batch: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.where(mask, batch.flip(0), batch)

    with torch.no_grad():
        peer = FeaturePermutation(model.network.eval(), perm_func=swapped)
        expected = peer.attribute(images, 1, feature_mask=regions.repeat(1, 3, 1, 1))
    attribution = explain(model, images, "feature-permutation", 1, segments="grid", regions=4, draws=2)
    assert_close(attribution.values, expected[:, 0], 1e-6)


def four_regions() -> tuple[Model, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A model, one input, its four regions, and what is seen where they are hidden."""
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    model.network.eval()
    return model, image, segment_input(model, image, Segments.GRID, 4), baseline_for(model, image, Fill.MEAN)
