"""Weight statistics against closed forms, planted faults, and invariances that must hold for any weights."""

from __future__ import annotations

import itertools
import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from explainers.core.errors import Cancelled, VitrineError
from explainers.core.model import Model
from explainers.core.spectrum import Spectrum, fit_power_law
from explainers.core.weights import as_filters, count_filters, moments
from explainers.weight_stats import COLUMNS, compare, first_layer_filters, health, histogram, spectrum, weight_stats


def model_of(network: nn.Module, name: str = "test") -> Model:
    return Model(name, network, (3, 8, 8))


class Holder(nn.Module):
    """A network of one parameter called `weight`."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=weight.is_floating_point())


def stats_of(weight: Tensor) -> dict[str, Any]:
    return {str(k): v for k, v in weight_stats(model_of(Holder(weight))).iloc[0].items()}


def known_spectrum(weight: Tensor) -> Spectrum:
    found = spectrum(weight)
    assert found is not None
    return found


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def small_cnn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))


# The table


def test_a_row_per_parameter_in_network_order() -> None:
    network = small_cnn()
    table = weight_stats(model_of(network))
    assert tuple(table.columns) == COLUMNS
    assert list(table["tensor"]) == [name for name, _ in network.named_parameters()]
    assert list(table["kind"]) == ["Conv2d", "Conv2d", "BatchNorm2d", "BatchNorm2d", "Linear", "Linear"]
    assert list(table["shape"]) == [tuple(p.shape) for p in network.parameters()]
    assert list(table["count"]) == [p.numel() for p in network.parameters()]
    assert list(table["filters"]) == [8, 0, 0, 0, 10, 0]
    assert set(table["dtype"]) == {"float32"}


def test_moments_are_numpys() -> None:
    weight = random(300, 400) * 3 + 100  # several blocks, and a mean far from zero
    array = weight.double().numpy()
    row = stats_of(weight)
    expected = {
        "mean": array.mean(), "std": array.std(), "min": array.min(), "max": array.max(), "l1": np.abs(array).sum(),
        "l2": np.linalg.norm(array), "sparsity": 0.0, "nan": 0, "inf": 0,
    }  # fmt: skip
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-12)


def test_sparsity_is_the_share_of_exact_zeros() -> None:
    weight = random(10, 10)
    weight[:, :3] = 0
    weight[0, 3] = 1e-9
    row = stats_of(weight)
    assert row["sparsity"] == 0.3
    assert row["near_zero"] >= 31


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float8_e4m3fn])
def test_every_float_dtype(dtype: torch.dtype) -> None:
    weight = random(64, 70).to(dtype)
    row = stats_of(weight)
    array = weight.double().numpy()
    assert row["dtype"] == str(dtype).removeprefix("torch.")
    assert row["std"] == pytest.approx(array.std(), rel=1e-12)
    assert row["spectral_norm"] == pytest.approx(np.linalg.norm(array, 2), rel=1e-10)


def test_complex_weights_count_by_modulus_and_integers_as_they_are() -> None:
    assert stats_of(torch.full((4, 4), 3 + 4j))["max"] == pytest.approx(5)
    assert stats_of(torch.arange(6, dtype=torch.int8).view(2, 3))["mean"] == 2.5


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (4, 0), (1,), (1, 1), (3, 1, 1)])
def test_degenerate_shapes_do_not_crash(shape: tuple[int, ...]) -> None:
    row = stats_of(torch.full(shape, 2.0))
    assert row["count"] == math.prod(shape)
    assert row["mean"] == 2 if row["count"] else math.isnan(row["mean"])
    assert math.isnan(row["alpha"])
    assert health(weight_stats(model_of(Holder(torch.full(shape, 2.0))))) is not None


def test_a_network_without_parameters_has_an_empty_table() -> None:
    table = weight_stats(model_of(nn.ReLU()))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 0
    assert health(table) == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_counted_and_left_out(bad: float) -> None:
    weight = random(60, 60)
    rest = weight[1:].double().numpy()
    weight[0] = bad
    row = stats_of(weight)
    assert (row["nan"], row["inf"]) == ((60, 0) if math.isnan(bad) else (0, 60))
    assert row["std"] == pytest.approx(rest.std())
    assert row["l1"] == pytest.approx(np.abs(rest).sum())
    assert (row["filters"], row["dead_filters"]) == (60, 0)
    assert all(math.isnan(row[name]) for name in ("spectral_norm", "stable_rank", "alpha", "ks_distance"))
    assert spectrum(weight) is None


def test_nothing_finite_at_all() -> None:
    row = stats_of(torch.full((5, 5), math.nan))
    assert (row["nan"], row["l2"], row["filters"], row["dead_filters"]) == (25, 0, 5, 0)
    assert all(math.isnan(row[name]) for name in ("mean", "std", "min", "max", "sparsity"))


def test_without_spectra_the_columns_stay() -> None:
    table = weight_stats(model_of(small_cnn()), spectra=False)
    assert tuple(table.columns) == COLUMNS
    assert table[["spectral_norm", "stable_rank", "alpha", "alpha_xmin", "ks_distance"]].isna().all().all()


def test_progress_rises_to_one_and_may_cancel() -> None:
    shares: list[float] = []
    weight_stats(model_of(small_cnn()), progress=lambda share, words: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], len(shares)) == (0.0, 1.0, 7)

    def cancel(share: float, words: str) -> None:
        if share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        weight_stats(model_of(small_cnn()), progress=cancel)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(VitrineError, match="abacus"):
        weight_stats(model_of(small_cnn()), device="abacus")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu() -> None:
    model = model_of(torchvision.models.resnet18())
    pd.testing.assert_frame_equal(weight_stats(model), weight_stats(model, "cuda"), rtol=1e-4, atol=1e-9)


def test_the_network_is_left_alone() -> None:
    network = small_cnn().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    weight_stats(model_of(network))
    assert network.training
    assert all(p.requires_grad and p.grad is None for p in network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
def test_resnet50() -> None:
    model = model_of(torchvision.models.resnet50())
    begun = time.process_time()
    table = weight_stats(model)
    assert time.process_time() - begun < 60  # of all cores together: about 8 measured, whatever else is running
    assert len(table) == 161
    assert table["spectral_norm"].notna().sum() == 54
    assert table["alpha"].notna().sum() == 54


# Spectra


def test_a_diagonal_matrix_has_its_diagonal_as_singular_values() -> None:
    diagonal = torch.linspace(1, 9, 60)
    found = known_spectrum(torch.diag(diagonal)[torch.randperm(60, generator=torch.Generator().manual_seed(0))])
    assert found.singular_values == pytest.approx(diagonal.flip(0).numpy(), rel=1e-6)
    assert found.eigenvalues == pytest.approx(diagonal.flip(0).numpy() ** 2, rel=1e-6)
    assert found.spectral_norm == pytest.approx(9)
    assert found.stable_rank == pytest.approx(float((diagonal**2).sum() / 81), rel=1e-6)


def test_an_orthogonal_matrix_has_full_stable_rank_and_no_power_law() -> None:
    weight = torch.linalg.qr(random(80, 80)).Q
    found = known_spectrum(3 * weight)
    assert found.spectral_norm == pytest.approx(3, rel=1e-5)
    assert found.stable_rank == pytest.approx(80, rel=1e-5)
    assert math.isnan(found.alpha)
    assert found.tail == 0


def test_rank_one_has_stable_rank_one_and_no_power_law() -> None:
    left, right = random(70, 1), random(1, 90, seed=1)
    found = known_spectrum(left @ right)
    assert found.spectral_norm == pytest.approx(float(left.norm() * right.norm()), rel=1e-6)
    assert found.stable_rank == pytest.approx(1, rel=1e-6)
    assert math.isnan(found.alpha)


def test_zeros_have_a_norm_of_zero_and_no_stable_rank() -> None:
    found = known_spectrum(torch.zeros(60, 60))
    assert found.spectral_norm == 0
    assert math.isnan(found.stable_rank)
    assert math.isnan(found.alpha)


@pytest.mark.parametrize("shape", [(64, 64), (200, 51), (51, 200), (3, 500)])
def test_singular_values_are_those_of_a_decomposition(shape: tuple[int, int]) -> None:
    weight = random(*shape, dtype=torch.float64) @ torch.diag(torch.logspace(0, -4, shape[1], dtype=torch.float64))
    expected = torch.linalg.svdvals(weight).numpy()
    found = known_spectrum(weight.clone())
    assert found.singular_values == pytest.approx(expected, rel=1e-6, abs=1e-7 * expected[0])
    assert found.spectral_norm == pytest.approx(expected[0], rel=1e-12)


@pytest.mark.parametrize("shape", [(40, 12, 3, 3), (12, 40, 3, 3), (200, 10, 3, 3), (20, 30, 5), (6, 7, 3, 2, 2)])
def test_a_convolution_pools_its_kernel_positions_and_is_normed_flat(shape: tuple[int, ...]) -> None:
    weight = random(*shape)
    slices = weight.flatten(2).movedim(2, 0).double()
    pooled = torch.linalg.svdvals(slices).flatten().sort(descending=True).values
    flat = torch.linalg.svdvals(weight.flatten(1).double())
    found = known_spectrum(weight)
    assert found.singular_values == pytest.approx(pooled.numpy(), rel=1e-6)
    assert found.spectral_norm == pytest.approx(float(flat[0]), rel=1e-10)
    assert found.stable_rank == pytest.approx(float((flat**2).sum() / flat[0] ** 2), rel=1e-10)


def test_a_convolution_of_one_pixel_is_its_matrix() -> None:
    weight = random(60, 70)
    matrix, convolution = known_spectrum(weight), known_spectrum(weight[:, :, None, None])
    assert convolution.alpha == matrix.alpha
    assert convolution.spectral_norm == matrix.spectral_norm


def test_depthwise_convolutions_are_vectors_to_the_power_law() -> None:
    found = known_spectrum(random(96, 1, 7, 7))
    assert math.isnan(found.alpha)
    assert found.spectral_norm > 0


def test_vectors_have_no_spectrum() -> None:
    assert spectrum(torch.ones(5)) is None
    assert spectrum(torch.tensor(1.0)) is None
    assert spectrum(torch.ones(0, 5)) is None


def test_float64_weights_too_large_to_square() -> None:
    weight = random(60, 60, dtype=torch.float64)
    expected = known_spectrum(weight)
    for scale in (1e200, 1e-200):
        found = known_spectrum(weight * scale)
        assert found.spectral_norm == pytest.approx(expected.spectral_norm * scale)
        assert found.alpha == pytest.approx(expected.alpha)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 100),
    scale=st.floats(1e-6, 1e6).flatmap(lambda x: st.sampled_from([x, -x])),
    shape=st.sampled_from([(55, 60), (70, 52), (20, 8, 3, 3)]),
)
def test_scaling_scales_the_norm_and_nothing_else(seed: int, scale: float, shape: tuple[int, ...]) -> None:
    weight = random(*shape, seed=seed, dtype=torch.float64)
    before, after = known_spectrum(weight), known_spectrum(weight * scale)
    assert after.spectral_norm == pytest.approx(abs(scale) * before.spectral_norm, rel=1e-9)
    assert after.stable_rank == pytest.approx(before.stable_rank, rel=1e-9)
    assert after.alpha == pytest.approx(before.alpha, rel=1e-6)
    assert after.tail == before.tail


# The power law


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0])
def test_a_pareto_sample_gives_its_exponent_back(alpha: float) -> None:
    sample = 0.3 * (1 + np.random.default_rng(1).pareto(alpha - 1, 3000))
    found = fit_power_law(sample)
    assert found.alpha == pytest.approx(alpha, abs=4 * (alpha - 1) / math.sqrt(found.tail))
    assert found.ks < 0.03


def test_the_tail_begins_where_the_body_ends() -> None:
    rng = np.random.default_rng(2)
    sample = np.concatenate([rng.uniform(0.01, 1, 1500), 1 + rng.pareto(1.5, 1500)])
    found = fit_power_law(sample)
    assert found.xmin == pytest.approx(1, rel=0.35)
    assert found.alpha == pytest.approx(2.5, abs=0.25)
    assert found.tail == (sample >= found.xmin).sum()


def test_the_formula_by_hand() -> None:
    values = np.exp([0.0, 1.0, 3.0, 4.0])  # two candidates: all four values, and the last three
    first = 1 / np.mean([0, 1, 3, 4])
    second = 1 / np.mean([0, 2, 3])
    distances = [
        max(abs(1 - math.exp(-first * x) - rank / 4) for rank, x in enumerate([0, 1, 3, 4])),
        max(abs(1 - math.exp(-second * x) - rank / 3) for rank, x in enumerate([0, 2, 3])),
    ]
    found = fit_power_law(values, fewest=4)
    best = int(np.argmin(distances))
    assert found.alpha == pytest.approx(1 + (first, second)[best])
    assert found.ks == pytest.approx(distances[best])
    assert found.xmin == values[best]


@pytest.mark.parametrize("values", [[], [1.0] * 100, [0.0] * 100, np.linspace(1, 2, 49), [1.0, 2.0, 3.0] * 30])
def test_no_fit_to_what_has_none(values: Any) -> None:
    found = fit_power_law(values)
    assert math.isnan(found.alpha)
    assert math.isnan(found.ks)
    assert found.tail == 0


def test_values_without_a_logarithm_are_left_out() -> None:
    sample = 1 + np.random.default_rng(3).pareto(2, 200)
    assert fit_power_law([*sample, 0, -1, math.nan, math.inf]) == fit_power_law(sample)


def test_too_few_values_to_choose_from_is_refused() -> None:
    with pytest.raises(VitrineError, match="fewest=3"):
        fit_power_law([1, 2, 3], fewest=3)


# Filters


def test_planted_filters_are_found() -> None:
    weight = random(40, 4, 3, 3)
    weight[[3, 17]] = 0
    weight[20] *= 1e-5
    weight[8] = 2 * weight[5]
    weight[30] = weight[5] + 0.01 * random(4, 3, 3, seed=9)
    weight[31] = -weight[6]
    counts = count_filters(weight)
    assert (counts.filters, counts.dead, counts.near_duplicate) == (40, 3, 3)


def test_twins_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = random(50, 30)
    for a, b in [(0, 49), (7, 8), (20, 33)]:
        weight[b] = weight[a]
    for pairs in (1, 60, 350, 10_000):
        monkeypatch.setattr("explainers.core.weights._COMPARED", pairs)
        assert count_filters(weight).near_duplicate == 6


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_filters_of_extreme_size(scale: float) -> None:
    weight = random(20, 16)
    weight[4] = weight[11]
    weight[2] = 0
    counts = count_filters(weight * scale)
    assert (counts.dead, counts.near_duplicate) == (1, 2)


def test_long_filters_that_agree_only_in_the_part_compared_first_are_no_twins() -> None:
    weight = random(30, 256)
    weight[9, ::8] = weight[4, ::8]
    weight[:20, ::8] *= 1e-3
    assert count_filters(weight).near_duplicate == 0
    weight[12] = 5 * weight[3]
    assert count_filters(weight).near_duplicate == 2


def test_twins_are_those_of_the_whole_similarity_matrix() -> None:
    weight = random(40, 100) + 6 * random(8, 100, seed=1).repeat(5, 1)  # similar by eights, around 0.97
    weight[:16] += 6 * random(8, 100, seed=1).repeat(2, 1)
    units = weight.double() / weight.double().norm(dim=1, keepdim=True)
    expected = (((units @ units.T).fill_diagonal_(0)) > 0.99).any(1).sum()
    assert 0 < expected < 40
    assert count_filters(weight).near_duplicate == expected


def test_one_weight_per_filter_has_no_twin() -> None:
    assert count_filters(torch.ones(10, 1)).near_duplicate == 0
    assert count_filters(torch.zeros(10, 5)).dead == 10


def test_transposed_convolutions_have_their_filters_second() -> None:
    layer = nn.ConvTranspose2d(6, 8, 3, groups=2)
    filters = as_filters(layer.weight, layer)
    assert filters.shape == (8, 3, 3, 3)
    for group, out, incoming in itertools.product(range(2), range(4), range(3)):
        assert torch.equal(filters[group * 4 + out, incoming], layer.weight[group * 3 + incoming, out])
    with torch.no_grad():
        layer.weight[:3, 1] = 0
    row = weight_stats(model_of(layer)).iloc[0]
    assert (row["shape"], row["filters"], row["dead_filters"]) == ((6, 4, 3, 3), 8, 1)


# Histogram, first layer


def test_a_histogram_counts_every_finite_value() -> None:
    weight = random(200, 300)
    weight[0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    counts, edges = histogram(weight, 40)
    values = weight[weight.isfinite()].double().numpy()
    expected, expected_edges = np.histogram(values, 40)
    assert counts.sum() == 59_997
    assert (counts == expected).all()
    assert edges == pytest.approx(expected_edges)


@pytest.mark.parametrize("weight", [torch.ones(7), torch.tensor(3.0), torch.tensor([3e38, -3e38])])
def test_a_histogram_of_little(weight: Tensor) -> None:
    counts, edges = histogram(weight)
    assert counts.sum() == weight.numel()
    assert len(edges) == 61
    assert (np.diff(edges) > 0).all()


def test_a_histogram_of_nothing() -> None:
    counts, edges = histogram(torch.full((3,), math.nan))
    assert counts.sum() == 0
    assert len(edges) == 61


def test_the_first_convolution() -> None:
    network = small_cnn().bfloat16()
    found = first_layer_filters(model_of(network))
    assert found is not None
    name, weights = found
    assert (name, tuple(weights.shape), weights.dtype, weights.requires_grad) == (
        "0",
        (8, 3, 3, 3),
        torch.float32,
        False,
    )
    weights.zero_()
    assert network[0].weight.abs().sum() > 0  # type: ignore[index]
    assert first_layer_filters(model_of(nn.Linear(3, 2))) is None


# Health


def findings(network: nn.Module) -> dict[str, tuple[str, str]]:
    return {f.tensor: (f.level, f.sentence) for f in reversed(health(weight_stats(model_of(network))))}


def test_a_freshly_initialised_network_is_healthy() -> None:
    assert health(weight_stats(model_of(small_cnn()))) == []


def test_planted_faults_are_told_worst_first() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 40, 3),
        nn.BatchNorm2d(40),
        nn.Conv2d(40, 40, 1),
        nn.Linear(40, 40),
        nn.Linear(40, 40),
        nn.Linear(9, 9),
    )
    with torch.no_grad():
        network[0].weight[:12] = 0
        network[1].weight[:1] = 1e-9
        network[2].weight[0, 0] = math.nan
        network[3].weight[:] = 0
        network[4].weight *= 1e6
        network[5].weight.fill_(0.25)
    listed = health(weight_stats(model_of(network)))
    assert [(f.level, f.tensor) for f in listed] == [
        ("problem", "2.weight"),
        ("problem", "3.weight"),
        ("warning", "5.weight"),
        ("warning", "4.weight"),
        ("warning", "0.weight"),
        ("note", "1.weight"),
    ]
    said = {f.tensor: f.sentence for f in listed}
    assert said["0.weight"].startswith("0.weight: 12 of 40 filters are zero")
    assert "1 NaN among 1,600 values" in said["2.weight"]
    assert "all 1,600 weights are zero" in said["3.weight"]
    assert "exploded" in said["4.weight"]
    assert "all 81 weights are 0.25" in said["5.weight"]
    assert "1 of 40 scales" in said["1.weight"]


def test_vanished_and_twin_and_pruned_weights() -> None:
    network = nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20), nn.Linear(20, 20))
    with torch.no_grad():
        network[0].weight *= 1e-6
        network[1].weight[3] = network[1].weight[4]
        network[2].weight[:, :12] = 0
    told = findings(network)
    assert "vanished" in told["0.weight"][1]
    assert told["1.weight"] == (
        "note",
        "1.weight: 2 of 20 filters have a near-duplicate (cosine similarity above 0.99): capacity unused.",
    )
    assert "60% of its weights are exactly zero" in told["2.weight"][1]


def test_an_embeddings_padding_row_is_no_fault() -> None:
    assert findings(nn.Embedding(30, 16, padding_idx=0)) == {}


def test_unusual_exponents_share_one_careful_note() -> None:
    table = weight_stats(model_of(small_cnn()))
    table["alpha"] = [8.0, math.nan, math.nan, 3.0, 1.2, 9.0]
    table["alpha_tail"] = [60, 0, 0, 60, 60, 10]  # the last rests on too few eigenvalues to be told
    (only,) = health(table)
    assert (only.level, only.tensor) == ("note", "4.weight")
    assert "exponent is 1.2 (over 60 eigenvalues); 2 of 3" in only.sentence
    assert "Nature Communications" in only.sentence


# Compare


def test_equal_bit_for_bit_is_the_same() -> None:
    network = small_cnn()
    with torch.no_grad():
        network[0].weight[0] = math.nan  # type: ignore[index]
    table = compare(model_of(network), model_of(network))
    assert set(table["status"]) == {"same"}
    assert list(table["tensor"]) == list(network.state_dict())
    assert set(table["relative_change"]) == {0.0}


def test_a_change_in_numbers() -> None:
    first, second = Holder(random(300, 300)), Holder(random(300, 300))
    change = 0.1 * random(300, 300, seed=1)
    with torch.no_grad():
        second.weight += change
    row = compare(model_of(first), model_of(second)).iloc[0]
    a, b = (m.weight.detach().double().numpy().ravel() for m in (first, second))
    assert row["status"] == "changed"
    assert row["difference_l2"] == pytest.approx(np.linalg.norm(b - a), rel=1e-10)
    assert row["relative_change"] == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-10)
    assert row["cosine"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-10)
    assert row["max_abs_difference"] == pytest.approx(np.abs(b - a).max(), rel=1e-10)
    assert row["std_ratio"] == pytest.approx(b.std() / a.std(), rel=1e-10)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (torch.zeros(3, 3), torch.ones(3, 3), {"relative_change": math.inf, "cosine": math.nan}),
        (torch.ones(3, 3), torch.zeros(3, 3), {"relative_change": 1.0, "cosine": math.nan, "std_ratio": math.nan}),
        (torch.ones(3, 3), -torch.ones(3, 3), {"relative_change": 2.0, "cosine": -1.0, "max_abs_difference": 2.0}),
        (torch.ones(3, 3), torch.full((3, 3), math.nan), {"relative_change": math.nan, "difference_l2": math.nan}),
        (torch.ones(3, 3), torch.ones(3, 3).half(), {"relative_change": 0.0, "cosine": 1.0}),
    ],
)
def test_changes_at_the_edges(a: Tensor, b: Tensor, expected: dict[str, float]) -> None:
    row = compare(model_of(Holder(a)), model_of(Holder(b))).iloc[0]
    assert row["status"] == "changed"
    assert {k: row[k] for k in expected} == pytest.approx(expected, nan_ok=True)


def test_tensors_of_one_side_and_of_another_shape() -> None:
    first = nn.ModuleDict(
        {"trunk": nn.Linear(4, 4), "head": nn.Linear(4, 3, bias=False), "old": nn.Linear(2, 2, bias=False)}
    )
    second = nn.ModuleDict({"trunk": first["trunk"], "head": nn.Linear(4, 5, bias=False), "new": nn.PReLU()})
    table = compare(model_of(first), model_of(second)).set_index("tensor")
    assert dict(table["status"]) == {
        "trunk.weight": "same",
        "trunk.bias": "same",
        "head.weight": "shape differs",
        "old.weight": "only in first",
        "new.weight": "only in second",
    }
    assert table.loc["head.weight", "other_shape"] == (5, 4)
    assert table.loc["new.weight", "shape"] is None
    assert table.loc["new.weight", "kind"] == "PReLU"
    assert table.loc[["head.weight", "old.weight", "new.weight"], "relative_change"].isna().all()


def test_buffers_are_compared_too() -> None:
    first, second = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    second(torch.ones(8, 4))
    table = compare(model_of(first), model_of(second)).set_index("tensor")
    assert table.loc["running_mean", "status"] == "changed"
    assert table.loc["num_batches_tracked", "status"] == "changed"


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(VitrineError, match=r"first and second have no tensor in common \(0\.weight, 0\.bias, \.\.\."):
        compare(model_of(small_cnn(), "first"), model_of(nn.Linear(2, 2), "second"))


def test_moments_of_a_large_offset_do_not_cancel() -> None:
    values = random(200_000, dtype=torch.float64) + 1e8
    assert moments(values).std == pytest.approx(float(values.std(correction=0)), rel=1e-9)
