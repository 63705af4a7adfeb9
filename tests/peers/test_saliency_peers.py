"""The gradient family equals Captum's on three torchvision networks, in float64.

Attributions are kept in float32, hence one part in a million of the largest value.
"""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
import torch
from captum.attr import (
    DeepLift,
    GradientShap,
    GuidedBackprop,
    InputXGradient,
    IntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from captum.attr._core.gradient_shap import InputBaselineXGradient
from pytorch_grad_cam import FullGrad
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.rng import seeded_noise
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.run import Run
from explainers.inputs.noise import noise_deviation
from explainers.saliency.fullgrad import full_gradients
from tests.support.models.networks import Formula, assert_close, fixed_engine
from tests.support.models.peers import SHAPE, TARGETS, inputs, network, twin, with_windows_apart

pytestmark = pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")

FLOAT32 = 1e-6  # attributions are kept in float32
TARGET = ClassTarget(TARGETS)


def test_the_twins_compute_the_same(pair):
    model, twin = pair
    with torch.no_grad():
        assert_close(twin(inputs()), model.network(inputs()), 1e-12, dead=0.1)
        assert_close(with_windows_apart(twin)(inputs()), model.network(inputs()), 1e-12, dead=0.1)


def test_gradient(pair):
    model, twin = pair
    expected = Saliency(twin).attribute(inputs(), list(TARGETS), abs=False)
    assert_close(explain(model, inputs(), "gradient", TARGET).values, expected, FLOAT32)


def test_gradient_of_a_contrast(pair):
    model, twin = pair

    class Contrast(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return twin(x)[:, 2] - twin(x)[:, 5]

    expected = Saliency(Contrast()).attribute(inputs(), abs=False)
    assert_close(explain(model, inputs(), "gradient", ContrastTarget(2, 5)).values, expected, FLOAT32)


def test_input_x_gradient(pair):
    model, twin = pair
    expected = InputXGradient(twin).attribute(inputs(), list(TARGETS))
    assert_close(explain(model, inputs(), "input-x-gradient", TARGET).values, expected, FLOAT32)


def test_integrated_gradients(pair):
    """Captum scales the input by steps that it has rounded to float32.

    A step that is off by 6e-8 crosses a few ReLUs on the other side, so that whole gradients differ there: this is
    the reason for a thousandth here, and `test_integrated_gradients_with_exact_steps` shows that it is the only one.
    """
    model, twin = pair
    expected = IntegratedGradients(twin).attribute(inputs(), torch.ones_like(inputs()), list(TARGETS), n_steps=4)
    result = explain(model, inputs(), "integrated-gradients", TARGET, steps=4, baseline="white")
    assert_close(result.values, expected, 1e-3)


def test_integrated_gradients_with_exact_steps(pair):
    """The same sum, written out over Captum's gradient at the exact points."""
    model, twin = pair
    nodes, weights = np.polynomial.legendre.leggauss(4)
    expected = torch.zeros_like(inputs())
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        expected += weight * inputs() * Saliency(twin).attribute(node * inputs(), list(TARGETS), abs=False)
    result = explain(model, inputs(), "integrated-gradients", TARGET, steps=4)
    assert_close(result.values, expected, FLOAT32)


def noisy_copies(share: float, samples: int, seed: int) -> Tensor:
    """Our noisy copies of the inputs, (samples, N, ...)."""
    x = inputs()
    copies = [
        x + noise_deviation(x, share) * seeded_noise(x, seed, torch.full((len(x),), variant_index))
        for variant_index in range(samples)
    ]
    return torch.stack(copies)


def test_smoothgrad(pair):
    """Captum's NoiseTunnel draws its own noise; here its Saliency gets ours, and the average is taken by hand."""
    model, twin = pair
    gradients = [
        Saliency(twin).attribute(copy, list(TARGETS), abs=False) for copy in noisy_copies(share=0.1, samples=4, seed=2)
    ]
    result = explain(model, inputs(), "smoothgrad", TARGET, samples=4, noise=0.1, seed=2)
    assert_close(result.values, torch.stack(gradients).mean(0), FLOAT32)


def test_gradient_shap(pair, monkeypatch):
    """Captum's GradientShap is its NoiseTunnel over its InputBaselineXGradient: the latter gets our noise and points."""
    model, twin = pair
    points = torch.rand(4, generator=torch.Generator().manual_seed(2)).double().numpy()
    one_sample = InputBaselineXGradient(twin)
    attributions = []
    for point, copy in zip(points, noisy_copies(share=0.1, samples=4, seed=2), strict=True):
        monkeypatch.setattr(np.random, "uniform", lambda low, high, size, point=point: np.full(size, point))
        attributions.append(one_sample.attribute(copy, torch.ones_like(copy), list(TARGETS)))
    result = explain(model, inputs(), "gradient-shap", TARGET, samples=4, noise=0.1, seed=2, baseline="white")
    assert_close(result.values, torch.stack(attributions).mean(0), FLOAT32)


def test_guided_backprop(pair):
    """Captum works on the twin; the original has ReLUs that it gets wrong."""
    model, twin = pair
    expected = GuidedBackprop(twin).attribute(inputs(), list(TARGETS))
    result = explain(model, inputs(), "guided-backprop", TARGET)
    assert_close(result.values, expected, FLOAT32)
    plain = explain(model, inputs(), "gradient", TARGET).values
    assert (result.values - plain).abs().max() > 0.05 * plain.abs().max()


@pytest.mark.parametrize("baseline", ["zero", "white"])
def test_deeplift(pair, baseline):
    model, twin = pair
    start = torch.full_like(inputs(), float(baseline == "white"))
    expected = DeepLift(with_windows_apart(twin)).attribute(inputs(), start, list(TARGETS))
    result = explain(model, inputs(), "deeplift", TARGET, baseline=baseline)
    assert_close(result.values, expected, FLOAT32)
    plain = (inputs() - start) * explain(model, inputs(), "gradient", TARGET).values
    assert (result.values - plain).abs().max() > 0.01 * plain.abs().max()


def test_the_parts_of_fullgrad_are_those_of_pytorch_grad_cam():
    """The map made of them is not: it scales every channel by itself, where the authors' code scales every picture."""
    original = network("resnet18")
    run = Run(Model("resnet18", original, SHAPE), fixed_engine(2))
    ours = full_gradients(run, inputs(), ClassTarget(3))
    with contextlib.redirect_stdout(None), FullGrad(twin("resnet18", original), []) as cam:
        outputs = cam.activations_and_grads(inputs().requires_grad_())
        outputs[:, 3].sum().backward()
        pairs = zip(cam.bias_data, cam.activations_and_grads.gradients, strict=True)
        theirs = [(torch.from_numpy(bias)[:, None, None] * gradient).flatten(1).sum(1) for bias, gradient in pairs]
    # First the part of the input, last that of the classifier, which it leaves out.
    assert_close(ours[:, 1:-1], torch.stack(theirs, 1), 1e-5)


# -- the random methods in expectation ----------------------------------------------------------


@pytest.fixture
def cubes() -> Model:
    """f = sum of x^3 over many equal features, whose smoothed gradients are known: the mean is over them."""
    return Model("cubes", Formula(lambda x: (x**3).sum(1)), (4000,), task="regression")


def test_smoothgrad_in_expectation_equals_captums_noise_tunnel(cubes):
    """3 (x^2 + sigma^2), for both."""
    point = torch.cat([torch.full((1, 2000), 2.0), torch.full((1, 2000), 1.0)], 1).double()  # a range of 1
    torch.manual_seed(0)
    tunnel = NoiseTunnel(Saliency(cubes.network))
    theirs = tunnel.attribute(point, nt_samples=40, stdevs=0.5, abs=False).view(2, 2000).mean(1)
    scores = Model("cubes", Formula(lambda x: (x**3).sum(1, keepdim=True)), (4000,), task="regression")
    ours = explain(scores, point, "smoothgrad", samples=40, noise=0.5).values.view(2, 2000).double().mean(1)
    exact = torch.tensor([3 * (4 + 0.25), 3 * (1 + 0.25)])
    spread = 3 * 2 * 2.0 * 0.5 * 1.1 / math.sqrt(40 * 2000)  # of a mean over samples and features
    assert (theirs - exact).abs().max() < 5 * spread
    assert (ours - exact).abs().max() < 5 * spread


def test_gradient_shap_in_expectation_equals_captums(cubes):
    """E[(x + n) 3 t^2 (x + n)^2] = x^3 + 3 x sigma^2 from a baseline of zero, for both."""
    point = torch.cat([torch.full((1, 2000), 2.0), torch.full((1, 2000), 1.0)], 1).double()
    torch.manual_seed(0)
    np.random.seed(0)
    shap = GradientShap(cubes.network)
    theirs = shap.attribute(point, torch.zeros(1, 4000).double(), n_samples=400, stdevs=0.5).view(2, 2000).mean(1)
    scores = Model("cubes", Formula(lambda x: (x**3).sum(1, keepdim=True)), (4000,), task="regression")
    ours = explain(scores, point, "gradient-shap", samples=400, noise=0.5).values.view(2, 2000).double().mean(1)
    exact = torch.tensor([8 + 6 * 0.25, 1 + 3 * 0.25])
    # The points t are shared by all features: 3 t^2 has a deviation of 0.9 round its mean of 1.
    assert ((theirs - exact) / exact).abs().max() < 4 * 0.9 / math.sqrt(400)
    assert ((ours - exact) / exact).abs().max() < 4 * 0.9 / math.sqrt(400)
    # Both regions see the same points, so that their ratio is known much better.
    for means in (theirs, ours):
        assert float(means[0] / means[1]) == pytest.approx(float(exact[0] / exact[1]), rel=0.02)


# -- a transformer ------------------------------------------------------------------------------


def test_a_vision_transformer():
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    network = VisionTransformer(64, 16, 2, 2, 32, 64, num_classes=10).double().eval()
    nn.init.normal_(network.heads.head.weight)  # torchvision begins with zeros
    model = Model("vit", network, SHAPE)
    for method, peer in (
        ("gradient", Saliency(network).attribute(inputs(), list(TARGETS), abs=False)),
        ("integrated-gradients", IntegratedGradients(network).attribute(inputs(), None, list(TARGETS), n_steps=4)),
        # No module in it is one that the rescale rule knows, so DeepLift is the gradient times the difference.
        ("deeplift", InputXGradient(network).attribute(inputs(), list(TARGETS))),
    ):
        options = {"steps": 4} if method == "integrated-gradients" else {}
        # Smooth activations: Captum's rounded steps cost it no more than their rounding.
        assert_close(explain(model, inputs(), method, TARGET, **options).values, peer, 2e-6)
