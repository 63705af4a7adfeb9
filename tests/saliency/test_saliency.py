"""The gradient family against answers worked out by hand, and against its own laws."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.rng import seeded_noise
from explainers.core.target import ClassTarget, ContrastTarget, RegressionTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.inputs.noise import noise_deviation
from explainers.registry import methods
from tests.support.networks import Formula, Linear, assert_close, fixed_engine, random_inputs, small_model

SALIENCY = ["gradient", "input-x-gradient", "integrated-gradients", "smoothgrad", "guided-backprop", "deeplift"]


SALIENCY += [
    "gradient-shap",
    "smoothgrad-squared",
    "vargrad",
    "blur-integrated-gradients",
    "guided-integrated-gradients",
]


SALIENCY += ["expected-gradients", "deeplift-shap", "deconvolution", "guided-grad-cam", "fullgrad", "xrai"]


SALIENCY += [
    "layer-gradient-x-activation",
    "internal-influence",
    "layer-integrated-gradients",
    "layer-conductance",
    "layer-deeplift",
    "layer-deeplift-shap",
    "layer-gradient-shap",
]


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


WEIGHTS = torch.tensor([[1.0, -2.0], [0.5, 3.0], [-4.0, 0.25]], dtype=torch.float64)


POINT = torch.tensor([[2.0, -1.0, 3.0]], dtype=torch.float64)


@pytest.fixture(scope="module")
def linear() -> Model:
    return Model("linear", Linear(WEIGHTS), (3,))


class TwoReLUs(nn.Module):
    """relu(2 a - b) - 2 relu(a + b + shift): small enough to differentiate by hand."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2).double()
        self.last = nn.Linear(2, 1, bias=False).double()
        self.first.weight.data = torch.tensor([[2.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
        self.first.bias.data = torch.tensor([0.0, shift], dtype=torch.float64)
        self.last.weight.data = torch.tensor([[1.0, -2.0]], dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.first(inputs).relu())


@pytest.fixture(scope="module")
def two_relus() -> Model:
    return Model("two-relus", TwoReLUs(-3.0), (2,), task="regression")


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("method", "options", "times"),
    [
        ("gradient", {}, "one"),
        ("input-x-gradient", {}, "input"),
        ("integrated-gradients", {"steps": 2}, "input"),
        ("smoothgrad", {"samples": 4}, "one"),
        ("guided-backprop", {}, "one"),
        ("deeplift", {}, "input"),
        ("gradient-shap", {"samples": 4, "noise": 0}, "input"),
    ],
)
def test_linear_network(linear, method, options, times, index):
    expected = WEIGHTS[:, index].unsqueeze(0) * (POINT if times == "input" else 1)
    result = explain(linear, POINT, method, index, **options)
    assert_close(result.values, expected, 1e-7)
    assert float(result.score) == float(POINT[0] @ WEIGHTS[:, index])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # At (3, 1) both units are on: 2 a - b = 5, a + b - 3 = 1.
        ("gradient", (2 - 2 * 1, -1 - 2 * 1)),
        ("input-x-gradient", (0, -3)),
        # What comes back to the second ReLU is -2, which is cut off; the first alone remains.
        ("guided-backprop", (2, -1)),
        # From (0, 0): unit 1 goes 0 -> 5 (slope 1), unit 2 goes -3 -> 1, its ReLU 0 -> 1 (slope 1/4).
        ("deeplift", (3 * (2 - 2 / 4), 1 * (-1 - 2 / 4))),
        # Unit 2 is on for the last quarter of the path, where 4 t > 3.
        ("integrated-gradients", (3 * (2 - 2 / 4), 1 * (-1 - 2 / 4))),
    ],
)
def test_two_relus(two_relus, method, expected):
    options = {"steps": 500} if method == "integrated-gradients" else {}
    point = torch.tensor([[3.0, 1.0]], dtype=torch.float64)
    result = explain(two_relus, point, method, 0, **options)
    assert_close(result.values, torch.tensor([expected]), 1e-2 if options else 1e-7)
    assert float(result.score) == 3.0


@given(
    a=st.floats(-10, 10).filter(lambda x: abs(x) > 1e-3),
    b=st.floats(-10, 10).filter(lambda x: abs(x) > 1e-3),
    steps=st.integers(2, 20),
)
@settings(max_examples=25, deadline=None)
def test_integrated_gradients_of_a_product_share_it_equally(a, b, steps):
    """f = a b has the known answer (a b / 2, a b / 2); Gauss-Legendre is exact on its linear gradient."""
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[a, b]], dtype=torch.float64), "integrated-gradients", steps=steps)
    assert_close(result.values, torch.tensor([[a * b / 2, a * b / 2]]), 1e-6)
    assert float(result.completeness.gap.abs()) <= 1e-5 * abs(a * b)


def test_gradient_of_a_product(linear):
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[3.0, 5.0]]), "gradient")
    assert result.values.tolist() == [[5.0, 3.0]]


def test_smoothgrad_of_a_cube_is_raised_by_the_variance_of_the_noise():
    """E[3 (x + n)^2] = 3 (x^2 + sigma^2), and sigma is the share times the range of the input."""
    cubes = Model("cubes", Formula(lambda x: (x**3).sum(1, keepdim=True)), (2000,), task="regression")
    point = torch.full((1, 2000), 0.5, dtype=torch.float64)
    point[0, :1000] = 1.5  # the range is 1
    result = explain(cubes, point, "smoothgrad", samples=200, noise=0.3, engine=fixed_engine(200))
    means = result.values[0].view(2, 1000).double().mean(1)
    expected = 3 * (torch.tensor([1.5, 0.5]) ** 2 + 0.3**2)
    # 200 000 draws each; the deviation of 3 (x + n)^2 is below 3.2.
    assert (means - expected).abs().max() < 5 * 3.2 / math.sqrt(200_000)


def test_gradient_shap_in_expectation():
    """For f = x^2 from 0: E[(x + n) 2 t (x + n)] = x^2 + sigma^2, with the input's own noise in the difference."""
    squares = Model("squares", Formula(lambda x: (x**2).sum(1, keepdim=True)), (2000,), task="regression")
    point = torch.full((1, 2000), 1.0, dtype=torch.float64)
    point[0, :1000] = 2.0  # the range is 1
    result = explain(squares, point, "gradient-shap", samples=300, noise=0.5, engine=fixed_engine(300))
    means = result.values[0].view(2, 1000).double().mean(1)
    # The 300 points are shared by all features, and so known; what is left to chance is the noise.
    points = torch.rand(300, generator=torch.Generator().manual_seed(0)).double()
    expected = 2 * points.mean() * (torch.tensor([4.0, 1.0]) + 0.5**2)
    assert ((means - expected) / expected).abs().max() < 0.01
    assert abs(2 * points.mean() - 1) < 4 / math.sqrt(3 * 300)


def test_gradient_shap_without_noise_is_the_sum_over_its_points():
    product = Model("product", Formula(lambda x: x[:, :1] * x[:, 1:]), (2,), task="regression")
    result = explain(product, torch.tensor([[2.0, 7.0]]), "gradient-shap", samples=100, noise=0, seed=3)
    mean = float(torch.rand(100, generator=torch.Generator().manual_seed(3)).double().mean())
    assert_close(result.values, torch.tensor([[14 * mean, 14 * mean]]), 1e-6)
    assert abs(mean - 0.5) < 4 / math.sqrt(12 * 100)


def test_integrated_gradients_close_their_gap_with_more_steps():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    gaps = [
        float(explain(model, inputs, "integrated-gradients", 1, steps=steps).completeness.gap.abs().max())
        for steps in (2, 20, 200)
    ]
    assert gaps[0] > 5 * gaps[1]
    assert gaps[1] > 2 * gaps[2]
    assert gaps[2] < 1e-3


def test_deeplift_is_complete_on_a_relu_network():
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    completeness = explain(model, inputs, "deeplift", 2).completeness
    with torch.no_grad():
        difference = model.network(inputs)[:, 2] - model.network(torch.zeros_like(inputs))[:, 2]
    assert_close(completeness.expected, difference, 1e-6)
    assert completeness.expected.abs().min() > 0.01
    assert completeness.relative.max() < 1e-5


@pytest.mark.parametrize("method", SALIENCY)
def test_a_batch_equals_its_inputs_one_by_one(model, method):
    inputs = random_inputs(4)
    together = explain(model, inputs, method, ClassTarget((0, 1, 4, 1)), **QUICK.get(method, {}))
    for row, index in enumerate((0, 1, 4, 1)):
        alone = explain(model, inputs[row : row + 1], method, index, **QUICK.get(method, {}))
        assert_close(together.values[row], alone.values[0], 1e-4)
        assert_close(together.score[row], alone.score[0], 1e-5)


@pytest.mark.parametrize("method", SALIENCY)
def test_no_target_is_the_top_class_of_each_input(model, method):
    inputs = random_inputs(4, seed=5)
    with torch.no_grad():
        tops = tuple(model.network(inputs).argmax(1).tolist())
    assert len(set(tops)) > 1, "the inputs should not share their top class"
    unasked = explain(model, inputs, method, **QUICK.get(method, {}))
    asked = explain(model, inputs, method, ClassTarget(tops), **QUICK.get(method, {}))
    assert unasked.target == asked.target == ClassTarget(tops)
    assert_close(unasked.values, asked.values, 1e-5)


@pytest.mark.parametrize("method", SALIENCY)
def test_the_chunk_size_does_not_matter(method):
    """Nor does it for the random methods: their noise depends on the seed alone."""
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    options = {"samples": 7} if method in ("smoothgrad", "gradient-shap") else QUICK.get(method, {})
    whole = explain(model, inputs, method, 3, engine=fixed_engine(1000), **options)
    for chunk in (1, 2, 5, 7, 8):
        assert_close(
            explain(model, inputs, method, 3, engine=fixed_engine(chunk), **options).values, whole.values, 1e-6
        )


def test_another_seed_is_another_sample(model):
    inputs = random_inputs(1)
    for method in ("smoothgrad", "gradient-shap"):
        first, again, other = (explain(model, inputs, method, 0, samples=4, seed=seed).values for seed in (0, 0, 1))
        assert torch.equal(first, again)
        assert (first - other).abs().max() > 0.01 * first.abs().max()


def test_noise_depends_on_seed_and_version_alone():
    like = torch.zeros(3, 2, 5)
    noise = seeded_noise(like, 4, torch.tensor([0, 1, 0]))
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(noise[1], seeded_noise(like[:1], 4, torch.tensor([1]))[0])
    many = seeded_noise(torch.zeros(50, 1000), 0, torch.arange(50))
    assert abs(float(many.mean())) < 5 / math.sqrt(50_000)
    assert abs(float(many.std()) - 1) < 5 / math.sqrt(100_000)


def test_noise_is_a_share_of_each_inputs_own_range():
    inputs = torch.stack([torch.linspace(-1, 3, 12).view(3, 2, 2), torch.full((3, 2, 2), 7.0)])
    assert noise_deviation(inputs, 0.25).flatten().tolist() == [1.0, 0.0]


def test_input_x_gradient_is_the_gradient_times_the_input(model):
    inputs = random_inputs(3)
    gradient, product = explain(model, inputs, ["gradient", "input-x-gradient"], 1)
    assert torch.equal(product.values, gradient.values * inputs)


@given(a=st.integers(0, 4), b=st.integers(0, 4), seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_gradients_are_linear_in_the_target(a, b, seed):
    model, inputs = _LINEAR_IN_TARGET, random_inputs(2, seed=seed, dtype=torch.float64)
    for method, options in (("gradient", {}), ("integrated-gradients", {"steps": 3})):
        contrast = explain(model, inputs, method, ContrastTarget(a, b), **options).values
        first, second = (explain(model, inputs, method, ClassTarget(i), **options).values for i in (a, b))
        assert (contrast - (first - second)).abs().max() <= 1e-6 * float(first.abs().max())


_LINEAR_IN_TARGET = small_model(torch.float64)


def test_methods_in_one_call_equal_separate_calls_and_share_their_passes(model):
    inputs = random_inputs(3)
    names = ["gradient", "input-x-gradient", "integrated-gradients", "deeplift"]
    together = explain(model, inputs, names, None)
    for name, result in zip(names, together, strict=True):
        alone = explain(model, inputs, name, None)
        assert result.method == name
        assert_close(result.values, alone.values, 1e-5)
    assert (together[0].cost.forward, together[0].cost.backward) == (3, 3)
    assert (together[1].cost.forward, together[1].cost.backward) == (0, 0)


@pytest.mark.parametrize("target", [None, 1], ids=["top class", "class 1"])
@pytest.mark.parametrize("method", [m.name for m in methods() if m.family in ("saliency", "cam") and m.name != "cam"])
def test_a_method_makes_the_passes_that_it_announces(method, target):
    """The progress bar and the estimate before the work rest on it."""
    (declared,) = (m for m in methods() if m.name == method)
    options = declared.options.read(method, QUICK.get(method, {}))
    cost = explain(small_model(), random_inputs(3), method, target, **QUICK.get(method, {})).cost
    run = Run(small_model(), engine_for("cpu"))
    announced = declared.passes((3, *small_model().input_shape), options, run)
    assert (cost.forward, cost.backward) == (announced.forward, announced.backward)


def test_regression_outputs_are_explained_one_at_a_time():
    network = Model("two outputs", Linear(WEIGHTS), (3,), task="regression")
    for output in (0, 1):
        result = explain(network, POINT, "gradient", output)
        assert result.target == RegressionTarget(output)
        assert_close(result.values, WEIGHTS[:, output].unsqueeze(0), 1e-7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("deeplift", {}),
        ("deeplift", {"baseline": "blur"}),
        ("deeplift-shap", {"number": 5}),
        ("layer-deeplift", {"layer": "conv2"}),
        ("guided-integrated-gradients", {"steps": 20}),
        ("opti-cam", {"steps": 50}),
        ("sess", {"scales": 2}),
    ],
)
def test_networks_in_half_the_bits_have_the_maps_of_float32(method, options, dtype):
    """Where differences, steps and squares are too small for half the bits; half of one input is its baseline."""
    halved = small_model().network.to(dtype)
    inputs = random_inputs(3).to(dtype).float()
    inputs[2, :, :8] = 0
    result, expected = (
        explain(Model("half", network, (3, 16, 16)), inputs, method, 2, **options).values.flatten()
        for network in (halved, deepcopy(halved).float())
    )
    assert result.isfinite().all()
    assert torch.corrcoef(torch.stack([result, expected]))[0, 1] > 0.995
