"""The power law against the `powerlaw` library, and spectra against torch's decomposition."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import powerlaw
import pytest
import torch

from explainers.weight_stats.spectral import fit_power_law, spectrum

Floats = npt.NDArray[np.float64]


def peer(values: Floats) -> powerlaw.Fit:
    """The library's fit. By default it refuses exponents above 3, which a spectrum may well have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return powerlaw.Fit(values, parameter_ranges={"alpha": [1.0, 1e4]}, verbose=0)


def gaussian_matrix(rows: int, columns: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def samples() -> dict[str, Floats]:
    rng = np.random.default_rng(0)
    heavy = torch.from_numpy(rng.standard_t(2.5, (120, 150)))
    trained = gaussian_matrix(100, 140, 1) @ torch.diag(torch.logspace(0.5, -1, 140))
    return {
        "pareto": 1 + rng.pareto(1.3, 250),
        "body and tail": np.concatenate([rng.uniform(0.1, 1, 100), 1 + rng.pareto(1.5, 150)]),
        "ties": np.round(1 + rng.pareto(1.4, 200), 1),
        "lognormal": rng.lognormal(0, 1.5, 200),
        "heavy-tailed matrix": torch.linalg.svdvals(heavy).square().numpy(),
        "graded matrix": torch.linalg.svdvals(trained.double()).square().numpy(),
        "random matrix": torch.linalg.svdvals(gaussian_matrix(80, 160, 2).double()).square().numpy(),
    }


@pytest.mark.parametrize("name", list(samples()))
def test_the_power_law_is_the_librarys(name: str) -> None:
    values = samples()[name]
    expected, fit = peer(values), fit_power_law(values)
    # Outside 1.5 to 3 the library searches numerically for what the formula gives, to a tolerance of 1e-4.
    assert fit.alpha == pytest.approx(expected.alpha, rel=1e-3)
    assert fit.ks == pytest.approx(expected.D, abs=2e-4)
    assert fit.xmin == expected.xmin
    if 1.5 < expected.alpha <= 3:
        assert fit.alpha == pytest.approx(expected.alpha, rel=1e-9)
        assert fit.ks == pytest.approx(expected.D, rel=1e-9)


def test_every_candidate_is_judged_as_the_library_does() -> None:
    values = np.sort(1 + np.random.default_rng(5).pareto(1.2, 120))
    expected = peer(values).xmin_fitting_results
    for start, alpha, distance in zip(
        range(0, 100, 10), expected["alphas"][::10], expected["distances"][::10], strict=False
    ):
        # A tail of its own, of which the whole is one candidate.
        tail = values[start:]
        excess = np.log(tail / tail[0]).mean()
        assert 1 + 1 / excess == pytest.approx(alpha, rel=2e-4)
        assert fit_power_law(tail, fewest=4).ks <= distance + 1e-4


def test_a_matrix_in_one_call() -> None:
    weight = gaussian_matrix(90, 120, 3) @ torch.diag(torch.logspace(0.3, -1, 120))
    weight_spectrum = spectrum(weight)
    assert weight_spectrum is not None
    exact = torch.linalg.svdvals(weight.double()).numpy()
    assert weight_spectrum.singular_values == pytest.approx(exact, rel=1e-8)
    expected = peer(exact**2)
    assert weight_spectrum.alpha == pytest.approx(expected.alpha, rel=1e-3)
    assert weight_spectrum.xmin == pytest.approx(expected.xmin, rel=1e-8)


def test_a_convolution_is_fitted_over_all_its_kernel_positions() -> None:
    weight = gaussian_matrix(24, 24 * 9, 4).view(24, 24, 3, 3)
    weight_spectrum = spectrum(weight)
    assert weight_spectrum is not None
    pooled = torch.linalg.svdvals(weight.double().permute(2, 3, 0, 1)).square().flatten().numpy()
    expected = peer(pooled)
    assert weight_spectrum.alpha == pytest.approx(expected.alpha, rel=1e-3)
    assert weight_spectrum.xmin == pytest.approx(expected.xmin, rel=1e-8)
    assert weight_spectrum.ks == pytest.approx(expected.D, abs=2e-4)
