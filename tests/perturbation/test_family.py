"""What holds of all perturbation methods, or of several: axioms, closed forms, passes, chunks and batches."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from explainers.api import explain
from explainers.core.model import Model
from explainers.inputs.baselines import Fill, masker_for
from explainers.inputs.segments import Segments, segment_input
from explainers.registry import find_method, methods
from tests.support.methods import FEW
from tests.support.models.networks import Formula, Linear, assert_close, fixed_engine, random_inputs, small_model

SIDE = 16
FAMILY = [method.name for method in methods() if method.family == "perturbation"]
BY_REGIONS = [name for name in FAMILY if "segments" in find_method(name).options.model_fields]
SHAPLEY = ["kernel-shap", "shapley", "shapley-sampling"]
NINE = {"segments": "grid", "regions": 9, "fill": "zero"}
EXACT: dict[str, dict[str, Any]] = {"lime": {"penalty": 0.0, "samples": 200}, "kernel-shap": {"samples": 300}}
"""Options with which a fit to an additive score has nothing to regularise and enough rows."""


def additive_model(shape: tuple[int, ...]) -> tuple[Model, Tensor]:
    """A model whose first score is a weighted sum of its inputs' values, and the weights, of an input's shape."""
    weights = random_inputs(1, (math.prod(shape), 2), seed=5, dtype=torch.float64)[0]
    return Model("additive", Linear(weights), shape), weights[:, 0].view(shape)


def shares_of_regions(values: Tensor, regions: Tensor) -> Tensor:
    """What the values (C, ...) in each region add up to, at each of the region's places."""
    sums = torch.zeros(int(regions.max()) + 1, dtype=torch.float64)
    return sums.index_add_(0, regions.flatten(), values.sum(0).flatten())[regions]


@pytest.mark.parametrize("name", ["feature-ablation", "lime", *SHAPLEY])
def test_an_additive_score_is_shared_out_exactly(name: str) -> None:
    model, weights = additive_model((3, SIDE, SIDE))
    image = random_inputs(1, (3, SIDE, SIDE), seed=6, dtype=torch.float64)
    attribution = explain(model, image, name, 0, **NINE, **EXACT.get(name, {}))
    expected = shares_of_regions(image[0] * weights, segment_input(model, image, Segments.GRID, 9))
    assert_close(attribution.values[0], expected, 1e-5)


@pytest.mark.parametrize("shape", [(4, 20), (2, 4, 6, 6)], ids=["sequence", "volume"])
@pytest.mark.parametrize("name", BY_REGIONS)
def test_an_additive_score_of_sequences_and_volumes_is_shared_out_exactly(name: str, shape: tuple[int, ...]) -> None:
    model, weights = additive_model(shape)
    pair = random_inputs(2, shape, dtype=torch.float64)
    pair[1] = 0  # the only donor of the first
    regions = segment_input(model, pair, Segments.SLIC, 8)
    assert int(regions.max()) + 1 == 8
    attribution = explain(model, pair, name, 0, regions=8, fill="zero", **EXACT.get(name, {}))
    assert_close(attribution.values[0], shares_of_regions(pair[0] * weights, regions), 1e-5)


def test_vectors_are_explained_by_their_features() -> None:
    weights = torch.tensor([[2.0, 0.0], [-1.0, 1.0], [0.5, 3.0]])
    model = Model("linear", Linear(weights), (3,), task="regression")
    inputs = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, -2.0]])
    for name in ("feature-ablation", *SHAPLEY):
        assert_close(explain(model, inputs, name, 0).values, inputs * weights[:, 0], 1e-5)


@pytest.mark.parametrize("name", SHAPLEY)
def test_shapley_values_add_up_to_the_change_of_the_score(name: str) -> None:
    model, image = small_model(), random_inputs(1)
    attribution = explain(model, image, name, 1, **NINE)
    regions = segment_input(model, image, Segments.GRID, 9)
    total = sum(float(attribution.values[0][regions == region].mean()) for region in range(9))
    hidden_score = explain(model, torch.zeros_like(image), "gradient", 1).score
    assert total == pytest.approx(float(attribution.score[0] - hidden_score[0]), rel=1e-4)


@pytest.mark.parametrize(("name", "size"), [("kernel-shap", {"samples": 200}), ("shapley-sampling", {"orders": 20})])
def test_sampled_shapley_values_lie_within_their_standard_errors(name: str, size: dict[str, int]) -> None:
    """Their distance from the truth over their standard error has a root mean square of 1.

    Over 126 values that is known to about a tenth, and the errors are estimates themselves.
    """
    model, image = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = {"segments": "grid", "regions": 9, "fill": "blur"}
    regions = segment_input(model, image, Segments.GRID, 9)
    exact = explain(model, image, "shapley", 2, **options).values
    deviations = []
    for seed in range(14):
        attribution = explain(model, image, name, 2, seed=seed, **options, **size)
        assert attribution.error is not None
        in_errors = ((attribution.values - exact) / attribution.error)[0]
        deviations += [in_errors[regions == region][0] for region in range(9)]
    spread = float(torch.stack(deviations).square().mean().sqrt())
    assert 0.7 < spread < 1.4, f"values lie {spread:.2f} standard errors from the truth"


@pytest.mark.parametrize("name", ["sobol", "hsic"])
def test_the_only_cell_that_counts_has_the_whole_index(name: str) -> None:
    def upper_left(x: Tensor) -> Tensor:
        return x[:, :, :4, :4].sum((1, 2, 3)).unsqueeze(1)

    model = Model("corner", Formula(upper_left), (3, SIDE, SIDE))
    image = random_inputs(1, dtype=torch.float64)
    values = explain(model, image, name, 0, cells=4, fill="zero").values[0, ::4, ::4]
    assert values.argmax() == 0
    assert values.flatten()[1:].max() < 0.05 * values[0, 0]


@pytest.mark.parametrize("name", FAMILY)
def test_the_map_does_not_depend_on_the_chunks(name: str) -> None:
    model, image = small_model(), random_inputs(1)
    whole = explain(model, image, name, 1, engine=fixed_engine(1000), **FEW.get(name, {}))
    parts = explain(model, image, name, 1, engine=fixed_engine(7), **FEW.get(name, {}))
    assert_close(parts.values, whole.values, 1e-4)
    assert parts.share == whole.share == 1


@pytest.mark.parametrize("name", [name for name in FAMILY if name != "feature-permutation"])
def test_inputs_of_a_batch_are_explained_each_for_itself(name: str) -> None:
    """All but feature permutation, which takes its values from the other inputs."""
    model, inputs = small_model(), random_inputs(2)
    together = explain(model, inputs, name, **FEW.get(name, {}))
    alone = explain(model, inputs[1:], name, **FEW.get(name, {}))
    assert_close(together.values[1:], alone.values, 1e-4)


@pytest.mark.parametrize("name", FAMILY)
def test_the_passes_are_those_announced(name: str) -> None:
    method = find_method(name)
    options = FEW.get(name, {}) | ({"segments": "grid", "regions": 6} if name in BY_REGIONS else {})
    model, inputs = small_model(), random_inputs(2)
    announced = method.cost(inputs.shape, method.options.read(name, options))
    spent = explain(model, inputs, name, **options).cost
    # Each input is looked at for itself; where the batch's scores are asked for besides, that is a pass each.
    assert announced.forward <= spent.forward <= announced.forward + 2 * len(inputs)
    assert spent.backward == announced.backward == 0


@pytest.mark.parametrize("name", ["occlusion", "feature-ablation", "rise", "kernel-shap"])
def test_hiding_behind_the_input_itself_changes_nothing(name: str) -> None:
    flat = torch.full((1, 3, SIDE, SIDE), 0.3)
    attribution = explain(small_model(), flat, name, 1, fill="mean", **FEW.get(name, {}))
    assert float(attribution.values.abs().max()) < 1e-4 * float(attribution.score.abs().max())


@pytest.mark.parametrize("fill", list(Fill))
def test_every_fill_hides_what_the_mask_hides(fill: Fill) -> None:
    image = random_inputs(1)
    masks = (random_inputs(4, (1, SIDE, SIDE), seed=9) > 0).float()
    masked = masker_for(small_model(), image, fill)(masks)
    assert masked.shape == (4, 3, SIDE, SIDE)
    shown = masks.bool().expand_as(masked)
    torch.testing.assert_close(masked[shown], image.expand_as(masked)[shown])
    assert not torch.equal(masked[~shown], image.expand_as(masked)[~shown])
