"""Infidelity and max-sensitivity: Captum's numbers, from the same perturbations."""

from __future__ import annotations

import pytest
import torch
from captum.metrics import infidelity, sensitivity_max
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from torch import Tensor

import explainers as ex
from explainers.inputs.baselines import Fill, baseline_for
from explainers.trust.checks.infidelity import InfidelityOptions, random_squares
from explainers.trust.checks.max_sensitivity import MaxSensitivityOptions, nudges
from explainers.trust.checks.road import impute
from tests.support.attributions import random_map
from tests.support.models.networks import assert_close, random_inputs, small_model

CLASS = 2


@pytest.mark.parametrize("method", ["gradient", "input-x-gradient", "grad-cam"])
def test_infidelity(method: str) -> None:
    """Slopes times the change of the input; shares of the score times what is covered."""
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    attribution = ex.explain(model, image, method, CLASS)
    options = InfidelityOptions(samples=40, fill=Fill.BLUR, seed=3)
    finding = ex.verify(model, image, attribution, "infidelity", **options.model_dump()).findings[0]
    squares = random_squares(image, options).double().expand(-1, 3, -1, -1)
    away = squares * (image - baseline_for(model, image, Fill.BLUR, 3))
    slopes = method == "gradient"
    # One channel stands for all of what is covered; Captum multiplies what it is given and adds it up.
    heat = torch.cat([attribution.heatmap().unsqueeze(1), torch.zeros(1, 2, 16, 16)], 1)
    expected = infidelity(
        model.network.eval(),
        lambda inputs: (away if slopes else squares, inputs - away),
        image,
        (attribution.values if slopes else heat).double(),
        target=CLASS,
        n_perturb_samples=40,
        max_examples_per_batch=None,
        normalize=True,
    )
    assert finding.value == pytest.approx(float(expected), rel=1e-5)
    assert finding.value > 0
    assert len(finding.table) == 40


@pytest.mark.parametrize("method", ["gradient", "grad-cam", "occlusion"])
def test_max_sensitivity(method: str) -> None:
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    attribution = ex.explain(model, image, method, CLASS)
    options = MaxSensitivityOptions(samples=6, radius=0.05, seed=2)
    finding = ex.verify(model, image, attribution, "max-sensitivity", **options.model_dump()).findings[0]
    away = nudges(image, options)

    def explained(inputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor]:
        rows = inputs if isinstance(inputs, Tensor) else inputs[0]
        return (torch.cat([ex.explain(model, row[None], method, CLASS).values for row in rows]).double(),)

    expected = sensitivity_max(
        explained, (image,), perturb_func=lambda inputs, radius: (inputs[0] + away,), perturb_radius=0.05,
        n_perturb_samples=6, max_examples_per_batch=None,
    )  # fmt: skip
    assert finding.value == pytest.approx(float(expected), rel=1e-4)
    assert finding.value > 0


def test_holes_are_filled_as_the_authors_of_road_fill_them() -> None:
    """Their code, without its noise, as pytorch-grad-cam carries it."""
    image = random_inputs(1)[0]
    for seed, share in enumerate((0.1, 0.5, 0.9)):
        covered = random_map(seed) < random_map(seed).quantile(share)
        expected = NoisyLinearImputer(noise=0)(image, (~covered).float())
        assert_close(impute(image, covered), expected, 1e-5)
