"""References: what is drawn, and for whom."""

from __future__ import annotations

import math

import pytest
import torch

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.saliency._references import ReferenceOptions, draw_references
from tests.support.models.networks import Formula, Linear, assert_close, random_inputs, small_model
from tests.support.worked_example import LINEAR_WEIGHTS


def test_colours_are_plain_and_between_black_and_white():
    preprocess = Preprocess(crop=(16, 16), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    model = Model("any", Formula(lambda x: x.flatten(1), torch.float32), (3, 16, 16), preprocess=preprocess)
    references = draw_references(model, random_inputs(2), ReferenceOptions(number=20))
    assert references.pool.shape == (20, 3, 16, 16)
    assert torch.equal(references.pool, references.pool[:, :, :1, :1].expand_as(references.pool))
    mean, std = (torch.tensor(part).view(3, 1, 1) for part in (preprocess.mean, preprocess.std))
    pixels = references.pool * std + mean
    assert 0 <= pixels.min() < 0.1
    assert 0.9 < pixels.max() <= 1
    assert references.indices.tolist() == [list(range(20))] * 2
    noise = draw_references(model, random_inputs(2), ReferenceOptions(number=2, references="noise")).pool * std + mean
    assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() <= 1
    assert len(noise.unique()) > 1000
    other = draw_references(model, random_inputs(2), ReferenceOptions(number=20, seed=1))
    assert not torch.equal(other.pool, references.pool)


def test_other_inputs_are_never_the_input_itself_and_all_take_part():
    inputs = random_inputs(4)
    references = draw_references(small_model(), inputs, ReferenceOptions(number=7, references="inputs"))
    assert references.pool is inputs
    for row, indices in enumerate(references.indices.tolist()):
        assert len(indices) == 7
        others = set(range(4)) - {row}
        assert set(indices[:3]) == set(indices[3:6]) == others
        assert indices[6] in others


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
    result = explain(model, inputs, method, 1, references=references, number=3, **options)
    assert_close(result.values, (inputs - pool.mean(0)) * weights[:, 1].view(shape), 1e-5)


@pytest.mark.parametrize("references", ["colours", "noise", "inputs"])
@pytest.mark.parametrize("method", ["expected-gradients", "deeplift-shap"])
def test_a_linear_network_is_compared_with_the_mean_reference(method, references):
    model = Model("linear", Linear(LINEAR_WEIGHTS), (3,))
    inputs = random_inputs(4, (3,), dtype=torch.float64)
    drawn = draw_references(model, inputs, ReferenceOptions(number=3, references=references))
    result = explain(model, inputs, method, 1, number=3, references=references)
    mean = drawn.pool[drawn.indices].mean(1)
    # 50 samples of 3 references: the first two are met once more.
    share = 1e-6 if method == "deeplift-shap" else 0.05
    assert_close(result.values, LINEAR_WEIGHTS[:, 1] * (inputs - mean), share)
    assert_close(result.completeness.expected, (inputs - mean) @ LINEAR_WEIGHTS[:, 1], 1e-6)
