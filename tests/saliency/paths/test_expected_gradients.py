"""Expected gradients and DeepLift SHAP: several references instead of one baseline."""

from __future__ import annotations

import math

import pytest
import torch

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.core.target import ClassTarget
from explainers.models import load_model
from explainers.saliency._references import ReferenceOptions, draw_references
from tests.support.networks import Formula, Linear, assert_close, random_inputs, small_model

WEIGHTS = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-4.0, 0.25]], dtype=torch.float64)


def test_colours_are_plain_and_between_black_and_white():
    preprocess = Preprocess(crop=(16, 16), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    model = Model("any", Formula(lambda x: x.flatten(1), torch.float32), (3, 16, 16), preprocess=preprocess)
    drawn = draw_references(model, random_inputs(2), ReferenceOptions(number=20))
    assert drawn.pool.shape == (20, 3, 16, 16)
    assert torch.equal(drawn.pool, drawn.pool[:, :, :1, :1].expand_as(drawn.pool))
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (preprocess.mean, preprocess.std))
    pixels = drawn.pool * std + mean
    assert 0 <= pixels.min() < 0.1
    assert 0.9 < pixels.max() <= 1
    assert drawn.indices.tolist() == [list(range(20))] * 2
    noise = draw_references(model, random_inputs(2), ReferenceOptions(number=2, references="noise")).pool * std + mean
    assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() <= 1
    assert len(noise.unique()) > 1000
    other = draw_references(model, random_inputs(2), ReferenceOptions(number=20, seed=1))
    assert not torch.equal(other.pool, drawn.pool)


def test_other_inputs_are_never_the_input_itself_and_all_take_part():
    inputs = random_inputs(4)
    drawn = draw_references(small_model(), inputs, ReferenceOptions(number=7, references="inputs"))
    assert drawn.pool is inputs
    for row, chosen in enumerate(drawn.indices.tolist()):
        assert len(chosen) == 7
        others = set(range(4)) - {row}
        assert set(chosen[:3]) == set(chosen[3:6]) == others
        assert chosen[6] in others


def test_one_input_has_no_others():
    for method in ("expected-gradients", "deeplift-shap"):
        with pytest.raises(VitrineError, match="only one came"):
            explain(small_model(), random_inputs(1), method, 0, references="inputs")


@pytest.mark.parametrize("shape", [(4, 20), (3, 2, 4, 4)], ids=["sequence", "volume"])
@pytest.mark.parametrize("references", ["colours", "noise"])
@pytest.mark.parametrize("method", ["expected-gradients", "deeplift-shap"])
def test_sequences_and_volumes_are_compared_with_the_mean_reference(method, references, shape):
    """One number per channel, or one in every place, from 0 to 1; a linear network makes the mean exact."""
    weights = random_inputs(1, (math.prod(shape), 2), seed=5, dtype=torch.float64)[0]
    model, inputs = Model("linear", Linear(weights), shape), random_inputs(2, shape, dtype=torch.float64)
    pool = draw_references(model, inputs, ReferenceOptions(number=3, references=references)).pool
    assert pool.shape == (3, *shape)
    assert 0 <= pool.min() < pool.max() <= 1
    assert len(pool.unique()) == 3 * (shape[0] if references == "colours" else math.prod(shape))
    options = {"samples": 6} if method == "expected-gradients" else {}
    found = explain(model, inputs, method, 1, references=references, number=3, **options)
    assert_close(found.values, (inputs - pool.mean(0)) * weights[:, 1].view(shape), 1e-5)


@pytest.mark.parametrize("references", ["colours", "noise", "inputs"])
@pytest.mark.parametrize("method", ["expected-gradients", "deeplift-shap"])
def test_a_linear_network_is_compared_with_the_mean_reference(method, references):
    model = Model("linear", Linear(WEIGHTS), (3,))
    inputs = random_inputs(4, (3,), dtype=torch.float64)
    drawn = draw_references(model, inputs, ReferenceOptions(number=3, references=references))
    result = explain(model, inputs, method, 1, number=3, references=references)
    mean = drawn.pool[drawn.indices].mean(1)
    # 50 samples of 3 references: the first two are met once more.
    share = 1e-6 if method == "deeplift-shap" else 0.05
    assert_close(result.values, WEIGHTS[:, 1] * (inputs - mean), share)
    assert_close(result.completeness.expected, (inputs - mean) @ WEIGHTS[:, 1], 1e-6)


def test_deeplift_shap_is_complete_and_the_mean_of_deeplift():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    result = explain(model, inputs, "deeplift-shap", 2, number=4)
    assert result.completeness.expected.abs().min() > 0.01
    assert result.completeness.relative.max() < 1e-5
    pair = random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    alone = explain(model, pair, "deeplift-shap", 2, references="inputs", number=2)
    assert_close(alone.values[0], explain(model, pair[:1], "deeplift", 2).values[0], 1e-6)


def test_expected_gradients_against_zeros_are_integrated_gradients():
    model = small_model(torch.float64)
    pair = random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    drawn = explain(model, pair, "expected-gradients", 2, references="inputs", number=2, samples=500)
    straight = explain(model, pair[:1], "integrated-gradients", 2, steps=300)
    assert_close(drawn.values[:1], straight.values, 2e-2)
    assert abs(float(drawn.completeness.gap[0])) < 0.02 * abs(float(drawn.completeness.expected[0]))


def test_each_input_is_compared_under_its_own_target():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    together = explain(model, inputs, "deeplift-shap", ClassTarget((0, 3, 1)), references="inputs", number=2)
    for row, index in enumerate((0, 3, 1)):
        same = explain(model, inputs, "deeplift-shap", index, references="inputs", number=2)
        assert_close(together.values[row], same.values[row], 1e-6)
        assert_close(together.completeness.expected[row], same.completeness.expected[row], 1e-6)


def test_vectors():
    model = load_model("demo:diabetes-mlp")
    inputs = random_inputs(3, (10,))
    for method in ("expected-gradients", "deeplift-shap", "vargrad", "guided-integrated-gradients", "deconvolution"):
        result = explain(model, inputs, method)
        assert result.values.shape == (3, 10)
        assert result.values.any()
    assert explain(model, inputs, "deeplift-shap").completeness.relative.max() < 1e-3
