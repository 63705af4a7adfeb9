"""Every CAM equals pytorch-grad-cam's, and TorchCAM's where it has it, in float64, before any scaling.

pytorch-grad-cam resizes and scales its maps to [0, 1]; its `get_cam_image`, which this calls with the activations and
gradients that it captured itself, does not. TorchCAM is asked for `normalized=False`.

Both are given a twin of the network without in-place ReLUs. They keep a reference to a layer's output, which the
next layer may then overwrite (DenseNet applies an in-place ReLU to the output of `features`): their activations are
then those after the ReLU and their gradients those before it. Vitrine hands a copy on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn
from torchcam import methods as torchcam
from torchvision.models.swin_transformer import SwinTransformer

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from tests.support.models.networks import assert_close
from tests.support.models.peers import (
    GRAD_CAM,
    LAYERS,
    SHAPE,
    TARGETS,
    Captured,
    capture,
    inputs,
    score_sum,
    vision_transformer,
)

TORCHCAM = {
    "grad-cam": torchcam.GradCAM,
    "grad-cam++": torchcam.GradCAMpp,
    "xgrad-cam": torchcam.XGradCAM,
    "layer-cam": torchcam.LayerCAM,
}

FLOAT32 = 1e-6  # attributions are kept in float32


# pytorch-grad-cam adds 1e-7 to the sum of a channel's activations, and 1e-6 to Grad-CAM++'s denominator, lest it divide
# by zero; Vitrine leaves out what has a denominator of zero, and adds nothing to the others.
EPSILON = {"xgrad-cam": 2e-5, "grad-cam++": 2e-5}


def their_map(method: str, network: nn.Module, layer: str, captured: Captured) -> Tensor:
    """pytorch-grad-cam's map of what it captured, unscaled; ReLU'd as its next step does."""
    with GRAD_CAM[method](network, [network.get_submodule(layer)]) as cam:
        cam_map = cam.get_cam_image(inputs(), network.get_submodule(layer), [], *captured, False)
    return torch.from_numpy(cam_map if method == "eigen-cam" else np.maximum(cam_map, 0))


def compare(method: str, ours: Tensor, theirs: Tensor) -> None:
    if method == "eigen-cam":
        # A principal component has no sign of its own: NumPy's falls as it falls, Vitrine's agrees with the mean
        # activation. And pytorch-grad-cam rounds its map to float32 on the way.
        sign = (ours.double() * theirs.double()).sum((1, 2), keepdim=True).sign()
        theirs = theirs * sign
    assert_close(ours, theirs, EPSILON.get(method, FLOAT32))


@pytest.fixture(scope="session", params=[0, 1], ids=["default layer", "half-way"])
def captured(request, pair) -> tuple[Model, nn.Module, str, Captured]:
    model, twin = pair
    layer = LAYERS[model.name][request.param]
    return model, twin, layer, capture(twin, layer, score_sum)


@pytest.mark.parametrize("method", GRAD_CAM)
def test_pytorch_grad_cam(captured, method):
    model, twin, layer, theirs = captured
    result = explain(model, inputs(), method, ClassTarget(TARGETS), layer=layer)
    compare(method, result.values, their_map(method, twin, layer, theirs))
    if layer == LAYERS[model.name][0]:
        assert explain(model, inputs(), method, ClassTarget(TARGETS)).layer == layer


def test_pytorch_grad_cams_own_answer_is_this_map_resized_and_scaled(pair):
    """The whole of the other library, through its front door: same map after the same resizing and scaling."""
    from pytorch_grad_cam.utils.image import scale_cam_image
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model, twin = pair
    layer = LAYERS[model.name][0]
    with GradCAM(twin, [twin.get_submodule(layer)]) as cam:
        theirs = cam(inputs(), [ClassifierOutputTarget(index) for index in TARGETS])
    ours = explain(model, inputs(), "grad-cam", ClassTarget(TARGETS)).values.numpy()
    resized = scale_cam_image(scale_cam_image(ours, inputs().shape[-2:]))
    assert np.abs(resized - theirs).max() < 1e-5
    assert theirs.std() > 0.1


def torchcam_map(method: str, network: nn.Module, layer: str, targets: Sequence[int]) -> Tensor:
    with TORCHCAM[method](network, layer) as cam:
        scores = network(inputs().requires_grad_())
        # TorchCAM lets the caller choose what it adds to denominators: nothing. 0 / 0 it then leaves out itself.
        exact = {"eps": 0.0} if method in ("xgrad-cam", "grad-cam++") else {}
        (cam_map,) = cam(list(targets), scores, normalized=False, **exact)
    return cam_map


@pytest.mark.parametrize("method", ["grad-cam", "xgrad-cam", "layer-cam"])
@pytest.mark.parametrize("place", [0, 1], ids=["default layer", "half-way"])
def test_torchcam(pair, place, method):
    model, twin = pair
    layer = LAYERS[model.name][place]
    result = explain(model, inputs(), method, ClassTarget(TARGETS), layer=layer)
    assert_close(result.values, torchcam_map(method, twin, layer, TARGETS), FLOAT32)


@pytest.mark.parametrize("place", [0, 1], ids=["default layer", "half-way"])
def test_torchcams_grad_cam_plus_plus_never_divides(pair, place):
    """Why Grad-CAM++ is compared with pytorch-grad-cam alone.

    The paper (equation 19) divides by 2 G_ij^2 + sum_ab(A_ab) G_ij^3, as do pytorch-grad-cam and Vitrine. TorchCAM
    (0.5.0) means to divide by 2 G_ij^2 + sum_ab(A_ab G_ab^3), which is the same only where the gradient is constant,
    but divides a masked copy: its alpha stays G^2. From our own capture that formula gives TorchCAM's map, so that
    nothing else differs.
    """
    model, twin = pair
    layer = LAYERS[model.name][place]
    (ours_captured,) = Run(model, engine_for("cpu")).capture(inputs(), [layer], ClassTarget(TARGETS))
    weights = (ours_captured.gradients**2 * ours_captured.gradients.relu()).sum((2, 3), keepdim=True)
    expected = (weights * ours_captured.activations).sum(1).relu()
    theirs = torchcam_map("grad-cam++", twin, layer, TARGETS)
    assert_close(theirs, expected, 1e-9)
    ours = explain(model, inputs(), "grad-cam++", ClassTarget(TARGETS), layer=layer).values
    assert (ours / ours.max() - theirs / theirs.max()).abs().max() > 0.01


@pytest.mark.parametrize("method", GRAD_CAM)
def test_contrast_of_two_classes(pair, method):
    model, twin = pair
    layer = LAYERS[model.name][1]
    theirs = capture(twin, layer, lambda outputs: sum(row[3] - row[7] for row in outputs))
    result = explain(model, inputs(), method, ContrastTarget(3, 7), layer=layer)
    compare(method, result.values, their_map(method, twin, layer, theirs))


def swin() -> nn.Module:
    torch.manual_seed(0)
    network = SwinTransformer([4, 4], 12, [2, 2], [2, 2], [4, 4], num_classes=10)
    nn.init.normal_(network.head.weight, std=1000)
    return network.double().eval()


@pytest.mark.parametrize("method", GRAD_CAM)
@pytest.mark.parametrize(
    ("make", "layer", "reshape"),
    [
        (
            vision_transformer,
            "encoder.layers.encoder_layer_1.ln_1",
            lambda tokens: tokens[:, 1:].reshape(len(tokens), 4, 4, -1).permute(0, 3, 1, 2),
        ),
        (swin, "norm", lambda maps: maps.permute(0, 3, 1, 2)),
        (swin, "features.1", lambda maps: maps.permute(0, 3, 1, 2)),
    ],
    ids=["ViT", "Swin", "Swin, first stage"],
)
def test_transformers(make, layer, reshape, method):
    """pytorch-grad-cam is told by `reshape_transform` how to read tokens as a map; Vitrine finds it out."""
    network = make()
    theirs = capture(network, layer, score_sum, reshape)
    result = explain(Model(make.__name__, network, SHAPE), inputs(), method, ClassTarget(TARGETS), layer=layer)
    compare(method, result.values, their_map(method, network, layer, theirs))


def test_a_layer_that_a_later_one_overwrites_is_captured_as_it_was():
    """On the network as torchvision writes it pytorch-grad-cam sees `bn1` after the in-place ReLU; Vitrine does not."""
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("bn1", nn.BatchNorm2d(3))
    network.add_module("relu", nn.ReLU(inplace=True))
    network.add_module("pool", nn.AvgPool2d(16))
    network.add_module("flat", nn.Flatten())
    network.add_module("head", nn.Linear(3 * 16, 10))
    network = network.double().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        activations, _ = capture(network, "bn1", score_sum)
    assert activations.min() == 0
    ours = explain(Model("small", network, SHAPE), inputs(), "hires-cam", ClassTarget(TARGETS), layer="bn1")
    x = inputs().requires_grad_()
    before = network.bn1(x)
    gradient = torch.autograd.grad(score_sum(network[2:](before.relu())), before)[0]
    assert_close(ours.values, (gradient * before).sum(1).relu().detach(), FLOAT32)
