"""What an explainer hands back."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from explainers.core.attribution import Attribution, Completeness, fold_channels
from explainers.core.errors import VitrineError
from explainers.core.fingerprint import fingerprint_tensor
from explainers.core.target import ClassTarget
from tests.support.models.networks import random_inputs

VALUES = torch.tensor([[[[3.0, -1.0]], [[-4.0, 0.5]]]])  # (1, 2 channels, 1, 2)


@pytest.mark.parametrize(
    ("reduce", "expected"),
    [("sum", [-1.0, -0.5]), ("abs", [7.0, 1.5]), ("max-abs", [4.0, 1.0]), ("l2", [5.0, 1.25**0.5])],
)
def test_folding_channels(reduce, expected):
    assert fold_channels(VALUES, reduce).flatten().tolist() == pytest.approx(expected)
    maps = torch.tensor([[[-2.0, 3.0]]])
    assert fold_channels(maps, reduce).flatten().tolist() == ([-2.0, 3.0] if reduce == "sum" else [2.0, 3.0])


def test_an_unknown_way_of_folding_is_refused():
    with pytest.raises(VitrineError, match="not 'mean'"):
        fold_channels(VALUES, "mean")


def attribution(values: torch.Tensor, shape: tuple[int, ...]) -> Attribution:
    return Attribution(values, "gradient", ClassTarget(0), torch.zeros(1), torch.zeros(1, *shape), signed=True)


def test_heatmap_of_the_inputs_own_size_is_not_resampled():
    values = random_inputs(2, (3, 5, 7))
    assert torch.equal(attribution(values, (3, 5, 7)).heatmap(), values.sum(1))
    assert torch.equal(attribution(values, (3, 5, 7)).heatmap(reduce="abs"), values.abs().sum(1))


def test_heatmap_is_not_normalised():
    flat = attribution(torch.full((1, 2, 2), 42.0), (3, 8, 6))
    assert torch.equal(flat.heatmap(), torch.full((1, 8, 6), 42.0))
    assert flat.heatmap((3, 4)).shape == (1, 3, 4)


def test_vectors_have_no_heatmap():
    with pytest.raises(VitrineError, match="no heat map"):
        attribution(torch.zeros(1, 4), (4,)).heatmap()


def test_completeness_in_numbers():
    completeness = Completeness(torch.tensor([3.0, -1.0]), torch.tensor([2.0, -4.0]))
    assert completeness.gap.tolist() == [1.0, 3.0]
    assert completeness.relative.tolist() == [0.5, 0.75]
    assert Completeness(torch.tensor([1.0]), torch.tensor([0.0])).relative.isfinite().all()


def test_an_attribution_says_where_it_comes_from(model):
    inputs = random_inputs(2)
    result = explain(model, inputs, "grad-cam", 3, layer="norm2")
    assert (result.method, result.target, result.layer) == ("grad-cam", ClassTarget(3), "norm2")
    assert torch.equal(result.inputs, inputs)
    assert result.model_fingerprint == model.fingerprint
    assert result.input_fingerprint == fingerprint_tensor(inputs)
    assert result.values.dtype == torch.float32
    assert not result.signed
    assert result.completeness is None
    assert (result.cost.forward, result.cost.backward) == (2, 2)
    assert result.cost.seconds > 0
