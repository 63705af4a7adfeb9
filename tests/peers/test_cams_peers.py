"""Score-CAM and its forms, Ablation-CAM, decompositions, ShapleyCAM, Finer-CAM and CAM equal pytorch-grad-cam's and TorchCAM's.

The heads' weights are smaller here than for the gradient CAMs: softmax over scores in the thousands would leave one
channel, and one class. (pytorch-grad-cam's Finer-CAM adds 1e-9 to the probability of the other classes, which is then all
that is left of it.)
"""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pytorch_grad_cam import (
    FEM,
    KPCA_CAM,
    SESS,
    AblationCAM,
    EigenGradCAM,
    FinerCAM,
    GradCAM,
    LayerCAM,
    RandomCAM,
    ScoreCAM,
    SegEigenCAM,
    ShapleyCAM,
)
from pytorch_grad_cam.ablation_layer import AblationLayer
from pytorch_grad_cam.utils.image import scale_cam_image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputReST, ClassifierOutputTarget
from torch import Tensor, nn
from torchcam import methods as torchcam

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.rng import seeded_generator, seeded_noise
from explainers.core.target import ClassTarget
from explainers.demo.networks import SignsCNN
from explainers.grad_cam._family import CONTRASTS
from explainers.grad_cam.layer_fusion import fuse
from tests.support.models.networks import assert_close, lively
from tests.support.models.peers import GRAD_CAM, LAYERS, SHAPE, TARGETS, capture, inputs, network, score_sum, twin

NARROW = "layer3"
FLOAT32_SCORES = 1e-4  # pytorch-grad-cam rounds scores to float32 before it subtracts or exponentiates them


@pytest.fixture(scope="module")
def quick() -> tuple[Model, nn.Module]:
    """A residual network of few channels, for methods that make hundreds of passes; it is its own twin."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        residual = lively(SignsCNN(10, (8, 12, 16, 16)).double(), SHAPE)
    residual.fc.weight.data *= 10
    return Model("residual", residual, SHAPE), residual


@pytest.fixture(scope="module", params=["resnet18", "mobilenet_v3_small"])
def soft(request: pytest.FixtureRequest) -> tuple[Model, nn.Module]:
    return softened(request.param)


def softened(name: str) -> tuple[Model, nn.Module]:
    """A model with scores of a few units, and its twin."""
    original = network(name)
    head = [m for m in original.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        scale = 2 / original(inputs()).std()
        head.weight *= scale
        head.bias *= scale
    return Model(name, original, SHAPE), twin(name, original)


def targets() -> list[ClassifierOutputTarget]:
    return [ClassifierOutputTarget(index) for index in TARGETS]


def ours(model: Model, method: str, layer: str, **options: object) -> Tensor:
    return explain(model, inputs(), method, ClassTarget(TARGETS), layer=layer, **options).values


def as_theirs(maps: Tensor) -> np.ndarray:
    """A map resized and scaled as pytorch-grad-cam does before it hands it out."""
    return scale_cam_image(scale_cam_image(np.maximum(maps.numpy(), 0), inputs().shape[-2:]))


# -- scores -------------------------------------------------------------------------------------


def test_score_cam_of_pytorch_grad_cam(quick, monkeypatch):
    """It enlarges masks with the corners aligned; told to enlarge them as Score-CAM's authors and Vitrine do, it agrees."""
    monkeypatch.setattr(
        torch.nn,
        "UpsamplingBilinear2d",
        lambda size: functools.partial(F.interpolate, size=size, mode="bilinear", align_corners=False),
    )
    model, peer = quick
    layer = NARROW
    activations, gradients = capture(peer, layer, score_sum)
    with ScoreCAM(peer, [peer.get_submodule(layer)]) as cam:
        theirs = cam.get_cam_image(inputs(), peer.get_submodule(layer), targets(), activations, gradients)
    assert_close(ours(model, "score-cam", layer), torch.from_numpy(theirs).relu(), FLOAT32_SCORES)


class Rescaled:
    """TorchCAM scales channels to [0, 1] before it enlarges them; the papers, and Vitrine, after."""

    def _upsample(self, activation: Tensor) -> Tensor:
        return self._normalize(super()._upsample(activation), 2)


@pytest.mark.parametrize(
    ("method", "peer_class", "ours_options", "theirs_options"),
    [
        ("score-cam", torchcam.ScoreCAM, {}, {}),
        ("ss-cam", torchcam.SSCAM, {"samples": 2, "noise": 0.7, "seed": 5}, {"num_samples": 2, "std": 0.7}),
        ("is-cam", torchcam.ISCAM, {"steps": 3}, {"num_samples": 3}),
    ],
    ids=["ScoreCAM", "SSCAM", "ISCAM"],
)
def test_torchcam_by_scores(quick, method, peer_class, ours_options, theirs_options):
    model, peer = quick
    layer = NARROW
    rescaled_class = type("Peer", (Rescaled, peer_class), {})
    with torch.no_grad(), rescaled_class(peer, layer, batch_size=32, **theirs_options) as cam:
        scores = peer(inputs())
        if method == "ss-cam":
            cam._distrib = SimpleNamespace(sample=same_noise(ours_options))
        (theirs,) = cam(list(TARGETS), scores, normalized=False)
    assert_close(ours(model, method, layer, **ours_options), theirs, 1e-6)


def same_noise(options: dict[str, float]):
    """Vitrine's draws in TorchCAM's order: sample by sample, all inputs and channels at once."""
    sample = iter(range(options["samples"]))

    def draw(size: torch.Size) -> Tensor:
        count, channels, *sides = size
        versions = torch.arange(channels) * options["samples"] + next(sample)
        noise = seeded_noise(torch.empty(1, *sides, dtype=torch.float64), options["seed"], versions)
        return options["noise"] * noise.expand(count, *noise.shape)

    return draw


# -- ablation -----------------------------------------------------------------------------------


class ToZero(AblationLayer):
    """pytorch-grad-cam sets channels far below zero in layers whose minimum is not zero, "deviating from the paper".

    This sets them to zero, as the paper and Vitrine do.
    """

    def __call__(self, x: Tensor) -> Tensor:
        for row in range(len(self.activations)):
            self.activations[row, self.indices[row]] = 0
        return self.activations


def test_ablation_cam(quick):
    """Its weights are divided by the score, which may be negative; Vitrine's are not."""
    model, peer = quick
    layer = NARROW
    activations, gradients = capture(peer, layer, score_sum)
    with AblationCAM(peer, [peer.get_submodule(layer)], ablation_layer=ToZero()) as cam:
        theirs = cam.get_cam_image(inputs(), peer.get_submodule(layer), targets(), activations, gradients)
    with torch.no_grad():
        scores = peer(inputs()).gather(1, torch.tensor(TARGETS).unsqueeze(1)).unsqueeze(2)
    assert_close(ours(model, "ablation-cam", layer), (torch.from_numpy(theirs) * scores).relu(), FLOAT32_SCORES)


# -- decompositions -----------------------------------------------------------------------------


def turned(theirs: np.ndarray, terms: Tensor) -> Tensor:
    """A principal component has no sign of its own: turned to agree with the sum of the channels, as Vitrine's."""
    component = torch.from_numpy(theirs).double()
    total = terms.sum(1) - terms.sum(1).mean((1, 2), keepdim=True)
    return component * (component * total).sum((1, 2), keepdim=True).sign()


def test_eigen_grad_cam_and_kpca_cam(soft):
    model, peer = soft
    layer = LAYERS[model.name][1]
    module = peer.get_submodule(layer)
    activations, gradients = capture(peer, layer, score_sum)
    terms = torch.from_numpy(activations * gradients)
    with EigenGradCAM(peer, [module]) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], activations, gradients, False)
    assert_close(ours(model, "eigen-grad-cam", layer), turned(theirs, terms), 1e-6)
    with KPCA_CAM(peer, [module]) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], activations, gradients, False)
    assert_close(ours(model, "kpca-cam", layer), turned(theirs, torch.from_numpy(activations)), 1e-6)


def test_fem(soft):
    model, peer = soft
    layer = LAYERS[model.name][1]
    module = peer.get_submodule(layer)
    with FEM(peer, [module], k=1) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], *capture(peer, layer, score_sum), False)
    assert_close(ours(model, "fem", layer, deviations=1.0), torch.from_numpy(theirs).relu(), 1e-6)


def test_random_cam(soft, monkeypatch):
    """With our weights in the place of its own."""
    model, peer = soft
    layer = LAYERS[model.name][1]
    module = peer.get_submodule(layer)
    maps = capture(peer, layer, score_sum)
    weights = (2 * torch.rand(maps[0].shape[1], generator=seeded_generator("cpu", 3)) - 1).double().numpy()
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: np.broadcast_to(weights, size))
    with RandomCAM(peer, [module]) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], *maps, False)
    assert_close(ours(model, "random-cam", layer, seed=3), torch.from_numpy(theirs).relu(), 1e-6)


def test_seg_eigen_cam(soft):
    """The sign is part of the method: nothing is turned here."""
    model, peer = soft
    layer = LAYERS[model.name][1]
    module = peer.get_submodule(layer)
    activations, gradients = capture(peer, layer, score_sum)
    with SegEigenCAM(peer, [module]) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], activations, gradients, False)
    assert_close(ours(model, "seg-eigen-cam", layer), torch.from_numpy(theirs), 1e-5)


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam"])
def test_eigen_smoothing(soft, method):
    model, peer = soft
    layer = LAYERS[model.name][1]
    module = peer.get_submodule(layer)
    activations, gradients = capture(peer, layer, score_sum)
    with GRAD_CAM[method](peer, [module]) as cam:
        theirs = cam.get_cam_image(inputs(), module, [], activations, gradients, True)
    weights = {"grad-cam": gradients.mean((2, 3), keepdims=True), "layer-cam": np.maximum(gradients, 0)}
    terms = torch.from_numpy(weights.get(method, gradients) * activations)
    assert_close(ours(model, method, layer, eigen_smooth=True), turned(theirs, terms).relu(), 1e-6)


def test_smoothing_by_augmentation_has_the_same_views(soft):
    """It scales the map of every view before it averages them; Vitrine averages the maps as they are."""
    model, peer = soft
    layer = LAYERS[model.name][1]
    with GradCAM(peer, [peer.get_submodule(layer)]) as cam:
        theirs = cam(inputs(), targets(), aug_smooth=True)
    views = []
    for contrast in CONTRASTS:
        for mirrored in (False, True):
            rows = contrast * (inputs().flip(-1) if mirrored else inputs())
            view = as_theirs(explain(model, rows, "grad-cam", ClassTarget(TARGETS), layer=layer).values)
            views.append(view[..., ::-1] if mirrored else view)
    assert np.abs(np.mean(views, 0) - theirs).max() < 1e-5
    assert theirs.std() > 0.05


# -- other scores -------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", [True, False], ids=["ReST", "raw score"])
def test_shapley_cam(soft, residual):
    model, peer = soft
    layer = LAYERS[model.name][1]
    if model.name == "mobilenet_v3_small":  # neither can do it, and only Vitrine says so in a sentence
        with pytest.raises(VitrineError, match="hardsigmoid_backward is not implemented; choose a method"):
            ours(model, "shapley-cam", layer, residual=residual)
        return
    kind = ClassifierOutputReST if residual else ClassifierOutputTarget
    cam = ShapleyCAM(peer, [peer.get_submodule(layer)])
    theirs = cam(inputs(), [kind(index) for index in TARGETS])
    cam.activations_and_grads.release()
    assert np.abs(as_theirs(ours(model, "shapley-cam", layer, residual=residual)) - theirs).max() < 1e-4
    assert theirs.std() > 0.05


def test_finer_cam(soft):
    model, peer = soft
    layer = LAYERS[model.name][1]
    with FinerCAM(peer, [peer.get_submodule(layer)]) as cam:
        theirs = cam(inputs(), alpha=0.6)
    values = explain(model, inputs(), "finer-cam", layer=layer, strength=0.6).values
    assert np.abs(as_theirs(values) - theirs).max() < 1e-4
    assert theirs.std() > 0.05


def test_cam_of_torchcam(soft):
    """TorchCAM trusts that the head is pooling and one linear layer; Vitrine looks, and refuses the others."""
    model, peer = soft
    layer = LAYERS[model.name][0]
    if model.name != "resnet18":
        with pytest.raises(VitrineError, match="global average pooling and one linear layer"):
            ours(model, "cam", layer)
        return
    with torch.no_grad(), torchcam.CAM(peer, layer, "fc") as cam:
        peer(inputs())
        (theirs,) = cam(list(TARGETS), normalized=False)
    assert_close(ours(model, "cam", layer), theirs.relu(), 1e-6)


def test_smooth_grad_cam_plus_plus():
    """TorchCAM sums A * D3 over the places, where the paper has the sum of A times D3 of one place; it takes the last copy's
    gradient for the mean over the copies; it adds 1e-8 to the denominator; and it weighs the last copy's activations. Above
    the last layer of a residual network gradients are the same everywhere and in every copy, and with scores in the
    thousands its weights are the paper's. The formula elsewhere stands in tests/grad_cam/test_smooth_grad_cam_plus_plus.py.
    """
    original = network("resnet18")
    peer = twin("resnet18", original)
    with torchcam.SmoothGradCAMpp(peer, "layer4", num_samples=3) as cam:
        peer(inputs())
        (activations,) = cam.hook_a
        (weights,) = cam._get_weights(list(TARGETS))
    theirs = (weights[..., None, None] * activations).sum(1).relu()
    values = ours(Model("resnet18", original, SHAPE), "smooth-grad-cam++", "layer4", samples=3)
    assert_close(values, theirs.detach(), 1e-4)


def test_refine_cam(soft):
    """It scales the product again; Vitrine shows it as it is."""
    model, peer = soft
    layers = list(LAYERS[model.name])
    with torchcam.RefineCAM(peer, layers, base_method=torchcam.LayerCAM) as cam:
        (theirs,) = cam(list(TARGETS), peer(inputs()))
    values = fuse(explain(model, inputs(), "layer-cam", ClassTarget(TARGETS), layer=layers), "product").values
    scaled = torchcam.LayerCAM._normalize(values.clone())
    assert_close(scaled, theirs.detach(), 1e-4)


def test_fused_layers(soft):
    """TorchCAM fuses normalised maps by their maximum, pytorch-grad-cam takes their mean."""
    model, _ = soft
    maps = explain(model, inputs(), "grad-cam", ClassTarget(TARGETS), layer=list(LAYERS[model.name]))
    scaled = [torchcam.GradCAM._normalize(attribution.values.clone()) for attribution in maps]
    assert_close(fuse(maps, "max").values, torchcam.GradCAM.fuse_cams(scaled), 1e-5)


@pytest.mark.parametrize(
    ("ours_options", "theirs_options"),
    [
        ({}, {}),
        ({"pool": "max", "smooth": False, "left_out": 0.4}, {"pool": "max", "smooth": False, "pre_filter_ratio": 0.4}),
        ({"base": "layer-cam", "smooth": False}, {"base_method": LayerCAM, "smooth": False}),
    ],
    ids=["as published", "largest of the best", "LayerCAM"],
)
def test_sess(quick, ours_options, theirs_options):
    """It scales the whole once more; so does this test. Where a window's map is zero but for rounding, one may count the
    window and the other may not: that shows in single pixels, whose number alone is bounded."""
    model, peer = quick
    layer = NARROW
    with SESS(peer, [peer.get_submodule(layer)], num_scales=4, **theirs_options) as cam:
        theirs = cam(inputs(), targets())
    values = ours(model, "sess", layer, scales=4, **ours_options)
    away = np.abs(scale_cam_image(values.numpy()) - theirs)
    assert np.quantile(away, 0.95) < 1e-3
    assert theirs.std() > 0.05
