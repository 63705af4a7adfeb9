"""Targets: what is explained."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from explainers.api import channel_layers, explain, layers
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import (
    ChannelTarget,
    ClassTarget,
    ContrastTarget,
    RegressionTarget,
    Target,
    TopTarget,
    layer_of,
)
from explainers.graph.hooks import output_of as network_output
from explainers.inputs.gallery import sample
from explainers.models import load_model
from explainers.relevance.conservation import relevance_flow
from tests.support.models.networks import TRIPWIRE, Linear, assert_close, random_inputs, small_model

OUTPUTS = torch.tensor([[1.0, 5.0, 2.0], [8.0, -3.0, 0.5]])


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        (ClassTarget(1), [5.0, -3.0]),
        (ClassTarget((2, 0)), [2.0, 8.0]),
        (ContrastTarget(1, 2), [3.0, -3.5]),
        (ContrastTarget((1, 0), 2), [3.0, 7.5]),
        (ContrastTarget((1, 0), (0, 1)), [4.0, 11.0]),
        (RegressionTarget(2), [2.0, 0.5]),
        (TopTarget(), [5.0, 8.0]),
    ],
)
def test_scores(target, scores):
    assert isinstance(target, Target)
    assert target(OUTPUTS).tolist() == scores
    hash(target)
    for row in (0, 1):
        assert target.take([row])(OUTPUTS[row : row + 1]).tolist() == scores[row : row + 1]
    assert target.take([1, 0, 1])(OUTPUTS[[1, 0, 1]]).tolist() == [scores[1], scores[0], scores[1]]


def test_scores_have_the_gradient_of_their_column():
    outputs = OUTPUTS.clone().requires_grad_()
    ContrastTarget((1, 0), 2)(outputs).sum().backward()
    assert outputs.grad.tolist() == [[0, 1, -1], [1, 0, -1]]


def test_of_classes_that_tie_the_one_that_is_named_is_explained():
    """Ties are common in bfloat16. Outputs are the first three inputs, of which the last two are equal."""
    model = Model("ties", Linear(torch.eye(4)[:, :3]), (4,))
    attribution = explain(model, torch.tensor([[1.0, 2.0, 2.0, 0.0], [0.0, 1.0, 3.0, 3.0]]), "gradient")
    assert attribution.target == ClassTarget((1, 2))
    assert attribution.values.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]


def test_a_regression_may_put_out_one_number_per_row():
    assert RegressionTarget()(torch.tensor([3.0, 4.0])).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (ClassTarget(3), "Class 3 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget(-1), "Class -1 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget((2, -4)), "Class -4 does not exist: the model has 3 outputs, 0 to 2."),
        (ContrastTarget(0, 7), "Class 7 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget((0, 1, 2)), "The target names 3 classes for 2 inputs; give one, or one per input."),
    ],
)
def test_classes_that_do_not_exist(target, sentence):
    with pytest.raises(VitrineError) as refusal:
        target(OUTPUTS)
    assert str(refusal.value) == sentence


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(VitrineError, match=r"shape \(N, classes\), not \(2, 3, 4, 4\)"):
        ClassTarget(0)(torch.zeros(2, 3, 4, 4))


def test_descriptions():
    labels = ("stop", "yield", "left")
    assert ClassTarget(1).describe(labels) == "yield"
    assert ClassTarget(1).describe() == "class 1"
    assert ClassTarget(9).describe(labels) == "class 9"
    assert ClassTarget((1, 1)).describe(labels) == "yield"
    assert ClassTarget((1, 2)).describe(labels) == "each input's own class"
    assert ContrastTarget(0, 2).describe(labels) == "stop rather than left"
    assert RegressionTarget(1).describe() == "output 1"
    assert RegressionTarget(1).describe(labels) == "yield"
    assert TopTarget().describe(labels) == "each input's top class"


MAPS = torch.arange(24.0).view(2, 3, 2, 2)  # (N, C, h, w)
TOKENS = torch.arange(24.0).view(2, 4, 3)  # (N, tokens, C)


@pytest.mark.parametrize(
    ("target", "outputs", "scores"),
    [
        (ChannelTarget("any", 1), MAPS, [5.5, 17.5]),
        (ChannelTarget("any", 1, (0, 1)), MAPS, [5.0, 17.0]),
        (ChannelTarget("any", 2), TOKENS, [6.5, 18.5]),
        (ChannelTarget("any", 2, (3,)), TOKENS, [11.0, 23.0]),
        (ChannelTarget("any", 0), OUTPUTS, [1.0, 8.0]),
    ],
)
def test_scores_of_channels(target, outputs, scores):
    assert isinstance(target, Target)
    assert target(outputs).tolist() == scores
    assert target.take([1])(outputs[1:]).tolist() == scores[1:]
    hash(target)


@pytest.mark.parametrize(
    ("target", "outputs", "sentence"),
    [
        (ChannelTarget("conv", 3), MAPS, "Layer 'conv' puts out (2, 3, 2, 2): it has no channel 3."),
        (ChannelTarget("conv", -1), MAPS, "Layer 'conv' puts out (2, 3, 2, 2): it has no channel -1."),
        (ChannelTarget("conv", 3), TOKENS, "Layer 'conv' puts out (2, 4, 3): it has no channel 3."),
        (ChannelTarget("conv", 0), torch.zeros(2), "Layer 'conv' puts out (2,): it has no channel 0."),
        (ChannelTarget("conv", 0, (1,)), MAPS, "A place in layer 'conv' has 2 numbers, not 1."),
        (ChannelTarget("conv", 0, (0, 2)), MAPS, "Place (0, 2) lies outside layer 'conv', which has (2, 2)."),
        (ChannelTarget("conv", 0, (-1, 0)), MAPS, "Place (-1, 0) lies outside layer 'conv', which has (2, 2)."),
    ],
)
def test_channels_and_places_that_do_not_exist(target, outputs, sentence):
    with pytest.raises(VitrineError) as refusal:
        target(outputs)
    assert str(refusal.value) == sentence


def test_describing_channels():
    assert ChannelTarget("layer4", 7).describe(("stop",)) == "channel 7 of layer4"
    assert ChannelTarget("layer4", 7, (1, 2)).describe() == "channel 7 of layer4 at (1, 2)"
    assert layer_of(ChannelTarget("layer4", 7)) == "layer4"
    assert layer_of(ClassTarget(7)) is None


def test_passes_end_at_the_layer_of_the_channel():
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    network = model.network
    TRIPWIRE.seen.clear()
    result = explain(model, inputs, "gradient", ChannelTarget("norm2", 5, (2, 3)))
    assert TRIPWIRE.seen == [], "the end of the network was run"
    watched = inputs.clone().requires_grad_()
    score = network.norm2(network.conv2(network.norm1(network.conv1(watched)).relu()))[:, 5, 2, 3]
    assert_close(result.score, score, 1e-6)
    assert_close(result.values, torch.autograd.grad(score.sum(), watched)[0], 1e-6)


@pytest.mark.parametrize(
    "method", ["gradient", "integrated-gradients", "smoothgrad", "fullgrad", "grad-cam", "occlusion"]
)
def test_a_channel_that_does_not_exist_is_refused_by_every_kind_of_method(method):
    options = {"layer": "conv1"} if method == "grad-cam" else {}
    with pytest.raises(VitrineError, match="it has no channel 99"):
        explain(small_model(), random_inputs(1), method, ChannelTarget("norm2", 99), **options)
    with pytest.raises(VitrineError, match="no layer 'nothing'"):
        explain(small_model(), random_inputs(1), method, ChannelTarget("nothing", 0), **options)


def nested() -> Model:
    """A convolution and its ReLU as one layer, "0", and a head."""
    torch.manual_seed(3)
    block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    return Model("nested", nn.Sequential(block, nn.Flatten(), nn.Linear(4 * 14 * 14, 3)).eval(), (3, 16, 16))


def test_a_layer_made_of_others_is_followed_where_the_network_is_taken_apart():
    model, inputs = nested(), random_inputs(2)
    target, convolution = ChannelTarget("0", 1), model.network[0][0]
    # A deconvolution hands positive gradients through every ReLU: here the same 1 / 196 at every place.
    even = torch.zeros(2, 4, 14, 14)
    even[:, 1] = 1 / 196
    by_hand = F.conv_transpose2d(even, convolution.weight)
    assert_close(explain(model, inputs, "deconvolution", target).values, by_hand, 1e-5)
    plain = explain(model, inputs, "gradient", target).values
    assert_close(explain(model, inputs, "guided-backprop", target).values, plain, 1e-5)
    before = ChannelTarget("0.0", 1)  # what the ReLU after it writes into is not what the layer puts out
    assert_close(explain(model, inputs, "guided-backprop", before).values, by_hand, 1e-5)


def test_relevance_of_a_channel_is_its_activation_handed_back():
    """By the epsilon rule alone a network of ReLUs hands back input x gradient, here from within a residual network."""
    model, image = load_model("demo:signs-cnn"), sample("scene:1000050").load()
    target = ChannelTarget("layer2", 5)
    attribution = explain(model, image, "lrp-epsilon", target)
    assert_close(attribution.values, explain(model, image, "input-x-gradient", target).values, 1e-3)
    flow = relevance_flow(model, image, target, "lrp-epsilon")
    assert flow["share"][0] == pytest.approx(1, abs=1e-4)
    assert flow["relevance"].iloc[-1] == pytest.approx(float(attribution.values.sum()), rel=1e-3)
    assert not flow["layer"].str.contains("layer3|layer4|fc").any(), "what comes after the channel has no part in it"


class Turned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.turn = nn.Flatten(0, 0)  # a module that hands on what it gets
        self.head = nn.Linear(4, 2)

    def forward(self, inputs):
        return self.head(self.turn(self.conv(inputs).permute(0, 2, 3, 1)).relu().mean((1, 2)))


def test_maps_with_channels_last_are_read_as_such():
    model, inputs = Model("turned", Turned().eval(), (3, 16, 12)), random_inputs(2, (3, 16, 12))
    for method in ("gradient", "deeplift", "guided-backprop", "fullgrad", "lrp-epsilon", "occlusion"):
        for place in ((), (5, 7)):
            turned = explain(model, inputs, method, ChannelTarget("turn", 3, place))
            plain = explain(model, inputs, method, ChannelTarget("conv", 3, place))
            assert_close(turned.score, plain.score, 1e-6)
            assert_close(turned.values, plain.values, 1e-5)


def test_a_layer_that_puts_out_several_rows_per_input_has_no_score_for_each():
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Flatten(0, 1)

        def forward(self, inputs):
            return self.inner(inputs.unflatten(1, (2, 8))).reshape(len(inputs), -1)

    model = Model("cut", Cut(), (16,))
    with pytest.raises(VitrineError, match="puts out 6 rows for 3 inputs"):
        explain(model, torch.randn(3, 16), "gradient", ChannelTarget("inner", 0))
    assert channel_layers(model) == []


def test_the_map_of_a_channel_is_read_off_its_own_layer_unless_told():
    model, inputs = small_model(), random_inputs(2)
    target = ChannelTarget("norm2", 5)
    attribution = explain(model, inputs, "grad-cam", target)
    assert attribution.layer == "norm2"
    network = model.network
    channel = network.norm2(network.conv2(network.norm1(network.conv1(inputs)).relu()))[:, 5]
    assert_close(
        attribution.values, channel.relu() / channel[0].numel(), 1e-5
    )  # its mean falls by 1 / places at every place
    assert [layer.name for layer in layers(model, target)] == ["conv1", "norm1", "conv2", "norm2"]
    for method in ("grad-cam", "score-cam", "recipro-cam", "layer-conductance"):
        with pytest.raises(VitrineError, match=r"Layer 'conv3' runs after 'norm2', whose channel is explained"):
            explain(model, inputs, method, target, layer="conv3")


def test_channels_that_can_be_named_are_those_a_target_finds():
    model = small_model()
    channels = {layer.name: layer.channels for layer in channel_layers(model)}
    assert channels == {"conv1": 6, "norm1": 6, "conv2": 8, "norm2": 8, "conv3": 8, "dropout": 8, "head": 5}, (
        "the ReLU runs twice"
    )
    for model in (load_model("demo:signs-vit"), Model("turned", Turned().eval(), (3, 16, 12))):
        inputs = random_inputs(2, model.input_shape)
        for layer in channel_layers(model):
            output = network_output(model.network, layer.name, inputs)
            assert ChannelTarget(layer.name, layer.channels - 1)(output).shape == (2,)
            with pytest.raises(VitrineError, match="it has no channel"):
                ChannelTarget(layer.name, layer.channels)(output)
