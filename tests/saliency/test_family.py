"""The saliency family by hand, and the laws that all of it obeys."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.models import load_model
from explainers.registry import methods
from tests.support.announced import assert_announced_passes
from tests.support.models.networks import Linear, assert_close, fixed_engine, random_inputs, small_model
from tests.support.rounding import FLOAT32
from tests.support.worked_example import LINEAR_POINT, LINEAR_WEIGHTS, TwoReLUs

METHODS = [method.name for method in methods() if method.family == "saliency" and method.name != "sess"]

QUICK = {
    "integrated-gradients": {"steps": 4},
    "smoothgrad": {"samples": 3},
    "gradient-shap": {"samples": 3},
    "smoothgrad-squared": {"samples": 3},
    "vargrad": {"samples": 3},
    "blur-integrated-gradients": {"steps": 4},
    "guided-integrated-gradients": {"steps": 4},
    "expected-gradients": {"samples": 5, "number": 2},
    "deeplift-shap": {"number": 2},
    "internal-influence": {"steps": 4},
    "layer-integrated-gradients": {"steps": 4},
    "layer-conductance": {"steps": 4},
    "layer-deeplift-shap": {"number": 2},
    "layer-gradient-shap": {"samples": 5, "number": 2},
    "xrai": {"steps": 3},
}


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("method", "options", "factor"),
    [
        ("gradient", {}, 1),
        ("input-x-gradient", {}, LINEAR_POINT),
        ("integrated-gradients", {"steps": 2}, LINEAR_POINT),
        ("smoothgrad", {"samples": 4}, 1),
        ("guided-backprop", {}, 1),
        ("deconvolution", {}, 1),
        ("deeplift", {}, LINEAR_POINT),
        ("gradient-shap", {"samples": 4, "noise": 0}, LINEAR_POINT),
        ("guided-integrated-gradients", {"steps": 5}, LINEAR_POINT),
    ],
)
def test_a_linear_network_is_its_weights(method, options, factor, index):
    model = Model("linear", Linear(LINEAR_WEIGHTS), (3,))
    result = explain(model, LINEAR_POINT, method, index, **options)
    assert_close(result.values, LINEAR_WEIGHTS[:, index].unsqueeze(0) * factor, FLOAT32)
    assert float(result.score) == float(LINEAR_POINT[0] @ LINEAR_WEIGHTS[:, index])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # At (3, 1) both units are on: 2 a - b = 5, a + b - 3 = 1.
        ("gradient", (2 - 2 * 1, -1 - 2 * 1)),
        ("input-x-gradient", (0, -3)),
        # What comes back to the second ReLU is -2, which is cut off; the first alone remains.
        ("guided-backprop", (2, -1)),
        ("deconvolution", (2, -1)),
        # From (0, 0): unit 1 goes 0 -> 5 (slope 1), unit 2 goes -3 -> 1, its ReLU 0 -> 1 (slope 1/4).
        ("deeplift", (3 * (2 - 2 / 4), 1 * (-1 - 2 / 4))),
        # Unit 2 is on for the last quarter of the path, where 4 t > 3.
        ("integrated-gradients", (3 * (2 - 2 / 4), 1 * (-1 - 2 / 4))),
    ],
)
def test_two_relus_by_hand(method, expected):
    model = Model("two-relus", TwoReLUs(-3.0), (2,), task="regression")
    options = {"steps": 500} if method == "integrated-gradients" else {}
    point = torch.tensor([[3.0, 1.0]], dtype=torch.float64)
    result = explain(model, point, method, 0, **options)
    assert_close(result.values, torch.tensor([expected]), 1 / 200 if options else FLOAT32)  # a kink between two points
    assert float(result.score) == 3.0


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_without_target_is_its_inputs_one_by_one_under_their_top_classes(method):
    model, inputs, options = small_model(torch.float64), random_inputs(4, seed=5), QUICK.get(method, {})
    with torch.no_grad():
        tops = tuple(model.network(inputs.double()).argmax(1).tolist())
    assert len(set(tops)) > 1, "the inputs should not share their top class"
    together = explain(model, inputs, method, **options)
    assert together.target == ClassTarget(tops)
    for row, index in enumerate(tops):
        alone = explain(model, inputs[row : row + 1], method, index, **options)
        assert_close(together.values[row], alone.values[0], FLOAT32)
        assert_close(together.score[row], alone.score[0], FLOAT32)


@pytest.mark.parametrize("method", METHODS)
def test_the_chunk_size_does_not_matter(method):
    """Nor does it for the random methods: their noise depends on the seed alone. Paths are cut within and between inputs."""
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    options, target = QUICK.get(method, {}), ClassTarget((0, 3, 1))
    whole = explain(model, inputs, method, target, engine=fixed_engine(1000), **options)
    for chunk in (1, 2, 7):
        parts = explain(model, inputs, method, target, engine=fixed_engine(chunk), **options)
        assert_close(parts.values, whole.values, FLOAT32)
        assert parts.cost.forward == whole.cost.forward


@pytest.mark.parametrize("target", [None, 1], ids=["top class", "class 1"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_makes_the_passes_that_it_announces(name, target):
    """The progress bar and the estimate before the work rest on it."""
    assert_announced_passes(name, target, QUICK.get(name, {}))


@given(a=st.integers(0, 4), b=st.integers(0, 4), seed=st.integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_gradients_are_linear_in_the_target(a, b, seed):
    model, inputs = _LINEAR_IN_TARGET, random_inputs(2, seed=seed, dtype=torch.float64)
    for method, options in (("gradient", {}), ("integrated-gradients", {"steps": 3})):
        contrast = explain(model, inputs, method, ContrastTarget(a, b), **options).values
        first, second = (explain(model, inputs, method, ClassTarget(i), **options).values for i in (a, b))
        assert (contrast - (first - second)).abs().max() <= 1e-6 * float(first.abs().max())


_LINEAR_IN_TARGET = small_model(torch.float64)


def test_methods_in_one_call_equal_separate_calls_and_share_their_passes():
    model, inputs = small_model(torch.float64), random_inputs(3)
    names = ["gradient", "input-x-gradient", "integrated-gradients", "deeplift"]
    together = explain(model, inputs, names, None)
    for name, result in zip(names, together, strict=True):
        alone = explain(model, inputs, name, None)
        assert result.method == name
        assert_close(result.values, alone.values, FLOAT32)
    assert (together[0].cost.forward, together[0].cost.backward) == (3, 3)
    assert (together[1].cost.forward, together[1].cost.backward) == (0, 0)


@pytest.mark.parametrize("method", ["integrated-gradients", "deeplift", "guided-integrated-gradients"])
def test_an_input_that_equals_its_baseline_gets_nothing(model, method):
    assert not explain(model, torch.zeros(1, 3, 16, 16), method, 0).values.any()


def test_vectors():
    model = load_model("demo:diabetes-mlp")
    inputs = random_inputs(3, (10,))
    for method in ("expected-gradients", "deeplift-shap", "vargrad", "guided-integrated-gradients", "deconvolution"):
        result = explain(model, inputs, method)
        assert result.values.shape == (3, 10)
        assert result.values.any()
    assert explain(model, inputs, "deeplift-shap").completeness.relative.max() < 1e-3
