"""The rest of the gradient family equals Captum's on three torchvision networks, in float64.

Attributions are kept in float32, hence one part in a million of the largest value. Captum's path methods round their
steps to float32, which moves a few points to the other side of a ReLU: hence a thousandth for these.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import (
    Deconvolution,
    DeepLiftShap,
    GuidedGradCam,
    InternalInfluence,
    LayerConductance,
    LayerDeepLift,
    LayerDeepLiftShap,
    LayerGradientXActivation,
    LayerIntegratedGradients,
    NeuronDeepLift,
    NeuronGradient,
    NeuronGuidedBackprop,
    NeuronIntegratedGradients,
    NoiseTunnel,
    Saliency,
)
from captum.attr._core.gradient_shap import InputBaselineXGradient
from captum.attr._core.layer.layer_gradient_shap import LayerInputBaselineXGradient

from explainers.api import explain
from explainers.core.rng import seeded_noise
from explainers.core.target import ChannelTarget, ClassTarget
from explainers.inputs.noise import noise_deviation
from explainers.saliency._references import ReferenceOptions, draw_references
from explainers.saliency.layer.gradient_shap import LayerGradientShapOptions
from explainers.saliency.paths.expected_gradients import stratified_alphas
from tests.support.models.networks import assert_close
from tests.support.models.peers import TARGETS, inputs, with_windows_apart

pytestmark = [
    pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients"),
    pytest.mark.filterwarnings("ignore:Setting"),
]

FLOAT32 = 1e-6
ROUNDED = 1e-3
TARGET = ClassTarget(TARGETS)
# A layer that every path runs through, in the original and in its twin.
LAYERS = {"resnet18": "layer2", "mobilenet_v3_small": "features.6", "densenet121": "features.transition1"}


@pytest.fixture
def layer(pair) -> str:
    return LAYERS[pair[0].name]


@pytest.mark.parametrize("kind", ["smoothgrad_sq", "vargrad"])
def test_moments_under_noise(pair, kind, monkeypatch):
    """Captum's NoiseTunnel with our noise in the place of its own."""
    model, twin = pair
    x, samples = inputs(), 3
    noise = [seeded_noise(x, 2, torch.full((len(x),), variant_index)) for variant_index in range(samples)]
    copies = torch.stack([x + noise_deviation(x, 0.1) * part for part in noise], 1).flatten(0, 1)
    monkeypatch.setattr(NoiseTunnel, "_add_noise_to_inputs", lambda self, n, *_: (copies.clone().requires_grad_(),))
    expected = NoiseTunnel(Saliency(twin)).attribute(
        x, nt_type=kind, nt_samples=samples, target=list(TARGETS), abs=False
    )
    method = {"smoothgrad_sq": "smoothgrad-squared", "vargrad": "vargrad"}[kind]
    result = explain(model, x, method, TARGET, samples=samples, noise=0.1, seed=2)
    assert_close(result.values, expected, FLOAT32)


def test_expected_gradients(pair, monkeypatch):
    """Captum's GradientShap without noise is the same sum: its InputBaselineXGradient gets our points and references."""
    model, twin = pair
    x = inputs()
    options = ReferenceOptions(number=2, seed=3)
    pool = draw_references(model, x, options).pool
    source = torch.Generator().manual_seed(3 * 1_000_003 + 1)
    parts = torch.stack([torch.randperm(2, generator=source) for _ in range(2)], 1).flatten()
    points = ((parts + torch.rand(4, generator=source)) / 2).double().numpy()
    one_sample = InputBaselineXGradient(twin)
    attributions = []
    for variant_index, point in enumerate(points):
        monkeypatch.setattr(np.random, "uniform", lambda low, high, size, point=point: np.full(size, point))
        attributions.append(one_sample.attribute(x, pool[[variant_index % 2] * 2].contiguous(), list(TARGETS)))
    result = explain(model, x, "expected-gradients", TARGET, samples=4, number=2, seed=3)
    # The points themselves are drawn in float32.
    assert_close(result.values, torch.stack(attributions).mean(0), ROUNDED)


def test_deeplift_shap(pair):
    model, twin = pair
    pool = draw_references(model, inputs(), ReferenceOptions(number=3)).pool
    expected = DeepLiftShap(with_windows_apart(twin)).attribute(inputs(), pool, list(TARGETS))
    assert_close(explain(model, inputs(), "deeplift-shap", TARGET, number=3).values, expected, FLOAT32)


def test_layer_deeplift(pair, layer):
    model, twin = pair
    x, zeros = inputs(), torch.zeros_like(inputs())
    expected = LayerDeepLift(twin, twin.get_submodule(layer)).attribute(x, zeros, list(TARGETS))
    assert_close(explain(model, x, "layer-deeplift", TARGET, layer=layer).values, expected, FLOAT32)


def test_layer_deeplift_shap(pair, layer):
    model, twin = pair
    pool = draw_references(model, inputs(), ReferenceOptions(number=3)).pool
    expected = LayerDeepLiftShap(twin, twin.get_submodule(layer)).attribute(inputs(), pool, list(TARGETS))
    assert_close(
        explain(model, inputs(), "layer-deeplift-shap", TARGET, layer=layer, number=3).values, expected, FLOAT32
    )


def test_layer_gradient_shap(pair, layer, monkeypatch):
    """Captum's one-sample part, given our points and references."""
    model, twin = pair
    x = inputs()
    options = LayerGradientShapOptions(number=2, seed=3, samples=4)
    pool = draw_references(model, x, options).pool
    one_sample = LayerInputBaselineXGradient(twin, twin.get_submodule(layer))
    attributions = []
    for variant_index, point in enumerate(stratified_alphas(options).double().numpy()):
        monkeypatch.setattr(np.random, "uniform", lambda low, high, size, point=point: np.full(size, point))
        attributions.append(one_sample.attribute(x, pool[[variant_index % 2] * 2].contiguous(), list(TARGETS)))
    result = explain(model, x, "layer-gradient-shap", TARGET, layer=layer, samples=4, number=2, seed=3)
    assert_close(result.values, torch.stack(attributions).mean(0), ROUNDED)


def test_deconvolution(pair):
    model, twin = pair
    expected = Deconvolution(twin).attribute(inputs(), list(TARGETS))
    result = explain(model, inputs(), "deconvolution", TARGET)
    assert_close(result.values, expected, FLOAT32)
    guided = explain(model, inputs(), "guided-backprop", TARGET).values
    assert (result.values - guided).abs().max() > 0.05 * guided.abs().max()


def test_guided_grad_cam(pair, layer):
    model, twin = pair
    peer = GuidedGradCam(twin, twin.get_submodule(layer))
    expected = peer.attribute(inputs(), list(TARGETS), interpolate_mode="bilinear")
    assert_close(explain(model, inputs(), "guided-grad-cam", TARGET, layer=layer).values, expected, FLOAT32)


def test_layer_gradient_x_activation(pair, layer):
    model, twin = pair
    expected = LayerGradientXActivation(twin, twin.get_submodule(layer)).attribute(inputs(), list(TARGETS))
    result = explain(model, inputs(), "layer-gradient-x-activation", TARGET, layer=layer)
    assert_close(result.values, expected, FLOAT32)


@pytest.mark.parametrize(
    ("method", "peer"),
    [("internal-influence", InternalInfluence), ("layer-integrated-gradients", LayerIntegratedGradients)],
)
def test_layer_paths(pair, layer, method, peer):
    model, twin = pair
    expected = peer(twin, twin.get_submodule(layer)).attribute(
        inputs(), torch.zeros_like(inputs()), list(TARGETS), n_steps=4
    )
    assert_close(explain(model, inputs(), method, TARGET, layer=layer, steps=4).values, expected, ROUNDED)


def test_layer_conductance(pair, layer):
    """Captum takes the gradient at the beginning of every step, we the mean of both ends.

    Captum's from the baseline, less Captum's on the way back, is twice the mean of both ends.
    """
    model, twin = pair
    x, zeros = inputs(), torch.zeros_like(inputs())
    peer = LayerConductance(twin, twin.get_submodule(layer))
    options = {"n_steps": 4, "method": "riemann_trapezoid"}
    there, back = (peer.attribute(end, start, list(TARGETS), **options) for start, end in ((zeros, x), (x, zeros)))
    result = explain(model, x, "layer-conductance", TARGET, layer=layer, steps=4)
    assert_close(result.values, (there - back) / 2, ROUNDED)


@pytest.mark.parametrize("place", [(), (1, 2)])
def test_a_channel_of_a_layer_as_target(pair, layer, place):
    """Captum's neuron methods; all places of a channel are given to them as a function of what the layer puts out."""
    model, twin = pair
    module = twin.get_submodule(layer)
    target = ChannelTarget(layer, 2, place)
    neuron = (2, *place) if place else lambda output: output[:, 2].mean((1, 2))
    expected = NeuronGradient(twin, module).attribute(inputs(), neuron)
    assert_close(explain(model, inputs(), "gradient", target).values, expected, FLOAT32)
    expected = NeuronIntegratedGradients(twin, module).attribute(inputs(), neuron, n_steps=3)
    assert_close(explain(model, inputs(), "integrated-gradients", target, steps=3).values, expected, ROUNDED)


# One module in both, inside these layers.
NEURONS = {
    "resnet18": "layer2.0.conv1",
    "mobilenet_v3_small": "features.6.block.0.0",
    "densenet121": "features.transition1.conv",
}


def test_a_channel_as_target_of_methods_that_rewrite_the_network(pair):
    """Tracing keeps the modules that are made of no others."""
    model, twin = pair
    name = NEURONS[model.name]
    target = ChannelTarget(name, 2, (1, 2))
    module = twin.get_submodule(name)
    expected = NeuronGuidedBackprop(twin, module).attribute(inputs(), (2, 1, 2))
    assert_close(explain(model, inputs(), "guided-backprop", target).values, expected, FLOAT32)
    twin = with_windows_apart(twin)
    expected = NeuronDeepLift(twin, twin.get_submodule(name)).attribute(inputs(), (2, 1, 2))
    result = explain(model, inputs(), "deeplift", target)
    assert_close(result.values, expected, FLOAT32)
    if model.name != "mobilenet_v3_small":  # the rescale rule does not know its hard swish
        assert result.completeness.relative.max() < 1e-3
