"""Perturbation methods against Captum, lime, shap and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, Occlusion
from torch import nn

from explainers.api import explain
from explainers.core.engine import engine_for
from explainers.core.fills import Fill, cover, fill_of
from explainers.core.model import Model
from explainers.core.regions import Segments, find_regions, region_masks
from explainers.core.run import Run
from explainers.core.target import ClassTarget
from explainers.surrogates import LimeOptions, lime_kernel, regions_to_scores
from tests.core.networks import assert_close, random_inputs, small_model
from tests.peers.networks import TARGETS, inputs

TARGET = ClassTarget(TARGETS)


@pytest.mark.parametrize("fill", [Fill.ZERO, Fill.BLUR])
def test_occlusion_is_captums(pair: tuple[Model, nn.Module], fill: Fill) -> None:
    model, _ = pair
    x = inputs()
    windows = Occlusion(model.network).attribute(
        x, (3, 24, 24), (3, 20, 20), baselines=fill_of(model, x, fill), target=list(TARGETS), perturbations_per_eval=4
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
        regions = find_regions(model, one, segments, 8)
        expected = FeatureAblation(model.network).attribute(
            one, fill_of(model, one, Fill.MEAN), TARGETS[place], feature_mask=regions.expand(1, 3, -1, -1)
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
    regions = find_regions(model, one, Segments.GRID, 6)
    hidden_by = cover(model, one, Fill.BLUR)

    def score(shown: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            rows = hidden_by(region_masks(torch.from_numpy(shown).double(), regions))
            return model.network.eval()(rows)[:, 2].numpy()

    expected = shap.KernelExplainer(score, np.zeros((1, 6))).shap_values(np.ones((1, 6)), nsamples=62, silent=True)
    found = explain(model, one, "kernel-shap", 2, segments="grid", regions=6, samples=62, fill="blur")
    assert_close(found.values[0], torch.from_numpy(expected[0])[regions], 1e-5)
