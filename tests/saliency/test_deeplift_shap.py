"""DeepLift SHAP: complete, and the mean of DeepLift."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from explainers.core.target import ClassTarget
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.rounding import assert_like_float64


def test_deeplift_shap_is_complete_and_the_mean_of_deeplift():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    result = explain(model, inputs, "deeplift-shap", 2, number=4)
    assert result.completeness.expected.abs().min() > 0.01
    assert result.completeness.relative.max() < 1e-5
    pair = random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    alone = explain(model, pair, "deeplift-shap", 2, references="inputs", number=2)
    assert_close(alone.values[0], explain(model, pair[:1], "deeplift", 2).values[0], 1e-6)


def test_each_input_is_compared_under_its_own_target():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    together = explain(model, inputs, "deeplift-shap", ClassTarget((0, 3, 1)), references="inputs", number=2)
    for row, index in enumerate((0, 3, 1)):
        same = explain(model, inputs, "deeplift-shap", index, references="inputs", number=2)
        assert_close(together.values[row], same.values[row], 1e-6)
        assert_close(together.completeness.expected[row], same.completeness.expected[row], 1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_have_the_map_of_float64(dtype):
    assert_like_float64("deeplift-shap", {"number": 5}, dtype)
