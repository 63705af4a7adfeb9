"""CAMs against maps worked out by hand, and what is captured for them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.worked_example import ACTIVATIONS, BY_HAND, GRADIENTS, W2, Weighed

CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam", "eigen-cam"]


@pytest.mark.parametrize("method", BY_HAND)
def test_maps_worked_out_by_hand(weighed, method):
    result = explain(weighed, ACTIVATIONS, method, 0)
    assert result.layer == "maps"
    assert_close(result.values, torch.tensor([BY_HAND[method]]), 1e-7)
    assert float(result.score) == 17.0  # 10 + 7


def test_a_map_of_nothing_but_evidence_against_is_zero():
    model = Model("weighed", Weighed(-GRADIENTS.abs()), (2, 2, 2))
    for method in BY_HAND:
        assert not explain(model, ACTIVATIONS, method, 0).values.any()


def test_a_negative_slope_times_a_negative_activation_counts_element_by_element(weighed):
    """Of [[-1, 0], [1, 2]] * A1 and [[2, -4], [-1, 1]] * A2, with both signs turned: LayerCAM takes 2 * -6 and so on."""
    found = explain(weighed, -ACTIVATIONS, "grad-cam-element-wise", 0)
    assert_close(found.values, torch.tensor([[[1.0, 4.0], [1.0, 0.0]]]), 1e-7)
    assert not explain(weighed, -ACTIVATIONS, "layer-cam", 0).values.any()


def test_eigen_cam_by_hand():
    """Channels (7, 4), (6, 5), (4, 1), (3, 2) are (2, 1), (1, 2), (-1, -2), (-2, -1) round their mean (5, 3).

    Their covariance is [[10, 8], [8, 10]], whose first eigenvector is (1, 1) / sqrt(2); the projections on it are
    3, 3, -3 and -3, over sqrt(2).
    """
    inputs = torch.tensor([[[[7.0, 6.0], [4.0, 3.0]], [[4.0, 5.0], [1.0, 2.0]]]], dtype=torch.float64)
    model = Model("weighed", Weighed(GRADIENTS), (2, 2, 2))
    expected = torch.tensor([[[3.0, 3.0], [-3.0, -3.0]]]) / math.sqrt(2)
    for target in (0, 1):
        assert_close(explain(model, inputs, "eigen-cam", target).values, expected, 1e-6)
    assert_close(explain(model, -inputs, "eigen-cam", 0).values, -expected, 1e-6)


def test_channels_without_gradient_or_sum_have_no_weight():
    gradients = GRADIENTS.clone()
    gradients[0] = 0
    inputs = ACTIVATIONS.clone()
    inputs[0, 0] = torch.tensor([[1.0, -1.0], [2.0, -2.0]])
    model = Model("weighed", Weighed(gradients), (2, 2, 2))
    plus_plus = explain(model, inputs, "grad-cam++", 0).values
    assert_close(plus_plus, (W2 * inputs[:, 1]), 1e-7)
    assert_close(explain(model, inputs, "xgrad-cam", 0).values, 7 / 8 * inputs[:, 1], 1e-7)


def test_hires_cam_shares_out_the_score_of_a_pooled_linear_head():
    """Its maps sum up to the score less the bias where nothing is negative: that is its promise."""
    torch.manual_seed(0)
    convolution = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
    head = nn.Linear(6, 2)
    head.weight.data.abs_()
    network = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).double()
    result = explain(Model("pooled", network, (3, 8, 8)), random_inputs(2), "hires-cam", 1)
    assert result.layer == "0"
    assert_close(result.values.flatten(1).sum(1), result.score - head.bias[1].detach(), 1e-6)


@pytest.mark.parametrize("method", CAMS)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method):
    model, inputs = small_model(torch.float64), random_inputs(4)
    for layer in (None, "norm1"):
        together = explain(model, inputs, method, ClassTarget((0, 1, 4, 1)), layer=layer, engine=fixed_engine(3))
        for row, index in enumerate((0, 1, 4, 1)):
            alone = explain(model, inputs[row : row + 1], method, index, layer=layer)
            assert_close(together.values[row], alone.values[0], 1e-6)


@pytest.mark.parametrize("method", CAMS)
def test_no_target_is_the_top_class_of_each_input(model, method):
    inputs = random_inputs(4, seed=5)
    with torch.no_grad():
        tops = tuple(model.network(inputs).argmax(1).tolist())
    assert len(set(tops)) > 1
    unasked, asked = explain(model, inputs, method), explain(model, inputs, method, ClassTarget(tops))
    assert unasked.target == ClassTarget(tops)
    assert_close(unasked.values, asked.values, 1e-5)


def test_several_layers_and_methods_equal_separate_calls_and_share_one_capture(model):
    inputs = random_inputs(3)
    names = ["conv1", "norm2", "conv3"]
    together = explain(model, inputs, CAMS, 2, layer=names)
    assert [(r.method, r.layer) for r in together] == [(m, name) for m in CAMS for name in names]
    assert (together[0].cost.forward, together[0].cost.backward) == (3, 3)
    assert all(r.cost.forward == r.cost.backward == 0 for r in together[1:])
    for result in together:
        alone = explain(model, inputs, result.method, 2, layer=result.layer)
        assert alone.cost.forward == 3
        assert_close(result.values, alone.values, 1e-4)
        assert result.options["layer"] == result.layer


def test_one_layer_in_a_list_comes_back_in_a_list(model):
    (result,) = explain(model, random_inputs(1), "grad-cam", 0, layer=["norm2"])
    assert torch.equal(result.values, explain(model, random_inputs(1), "grad-cam", 0, layer="norm2").values)


def test_captured_maps_are_those_of_the_layer_before_anything_writes_into_them(model):
    """`norm2` feeds an in-place ReLU: the map must be that of the layer, not of the ReLU."""
    inputs = random_inputs(2)
    network = model.network
    with torch.no_grad():
        expected = network.norm2(network.conv2(network.norm1(network.conv1(inputs)).relu()))
    run = Run(model, engine_for("cpu"))
    (capture,) = run.capture(inputs, ["norm2"], ClassTarget(0))
    assert capture.activations.min() < -0.5
    assert_close(capture.activations, expected, 1e-6)


def test_captured_gradients_are_those_of_finite_differences():
    model, inputs = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    network = model.network
    run = Run(model, engine_for("cpu"))
    (capture,) = run.capture(inputs, ["norm2"], ContrastTarget(1, 3))
    direction = random_inputs(1, capture.activations.shape[1:], seed=7, dtype=torch.float64)

    def score(step: float) -> float:
        hook = network.norm2.register_forward_hook(lambda m, i, out: out + step * direction)
        with torch.no_grad():
            outputs = network(inputs)
        hook.remove()
        return float(outputs[0, 1] - outputs[0, 3])

    slope = (score(1e-6) - score(-1e-6)) / 2e-6
    assert slope == pytest.approx(float((capture.gradients * direction).sum()), rel=1e-5)


def test_maps_of_an_earlier_layer_do_not_depend_on_later_ones_being_captured_too(model):
    inputs = random_inputs(2)
    pair = explain(model, inputs, "hires-cam", 0, layer=["conv1", "conv3"])
    for result in pair:
        assert torch.equal(result.values, explain(model, inputs, "hires-cam", 0, layer=result.layer).values)


def test_heatmap_is_the_map_stretched_over_the_input(model):
    result = explain(model, random_inputs(2), "grad-cam", 0, layer="norm2")
    assert result.values.shape == (2, 8, 8)
    expected = nn.functional.interpolate(result.values[:, None], (16, 16), mode="bilinear", align_corners=False)[:, 0]
    assert torch.equal(result.heatmap(), expected)
    assert result.heatmap((5, 9)).shape == (2, 5, 9)


class Dictionary(nn.Module):
    """Its body hands on a dictionary, as torchvision's segmentation networks do."""

    class Body(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, inputs: Tensor) -> dict[str, Tensor]:
            return {"aux": inputs, "out": self.conv(inputs)}

    def __init__(self) -> None:
        super().__init__()
        self.body = self.Body()
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(inputs)["out"].mean((2, 3)))


def test_layers_that_return_dictionaries():
    torch.manual_seed(0)
    model = Model("dictionary", Dictionary(), (3, 8, 8))
    inputs = random_inputs(2, (3, 8, 8))
    body, conv = explain(model, inputs, "grad-cam", 0, layer=["body", "body.conv"])
    assert_close(body.values, conv.values, 1e-6)


class Unheard(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.unheard = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        self.unheard(inputs)
        return self.head(self.conv(inputs).mean((2, 3)))


@pytest.mark.parametrize("names", ["unheard", ["conv", "unheard"]], ids=["alone", "beside another"])
def test_a_layer_that_the_score_does_not_depend_on_is_refused_in_a_sentence(names):
    with pytest.raises(VitrineError, match="does not depend on layer 'unheard'"):
        explain(Model("unheard", Unheard(), (3, 8, 8)), random_inputs(1, (3, 8, 8)), "grad-cam", 0, layer=names)
