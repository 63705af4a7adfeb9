"""Class activation maps by hand, the laws that all of them obey, and what is captured for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.grad_cam._family import CONTRASTS
from explainers.registry import methods
from tests.support.announced import assert_announced_passes
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.models.transformers import small_swin, small_vit
from tests.support.rounding import FLOAT32
from tests.support.worked_example import ACTIVATIONS, BY_HAND, GRADIENTS, Weighed

METHODS = [method.name for method in methods() if method.family == "cam" and method.name != "cam"]
GRADIENT_CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam", "eigen-cam"]

QUICK = {
    "ss-cam": {"samples": 2},
    "is-cam": {"steps": 2},
    "smooth-grad-cam++": {"samples": 2},
    "opti-cam": {"steps": 3},
}


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


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_without_target_is_its_inputs_one_by_one_in_any_chunk(method):
    model, inputs, options = small_model(torch.float64), random_inputs(3, seed=5), QUICK.get(method, {})
    with torch.no_grad():
        tops = tuple(model.network(inputs.double()).argmax(1).tolist())
    assert len(set(tops)) > 1, "the inputs should not share their top class"
    for layer in (None, "norm1"):
        together = explain(model, inputs, method, layer=layer, engine=fixed_engine(2), **options)
        assert together.target == ClassTarget(tops)
        for row, index in enumerate(tops):
            alone = explain(model, inputs[row : row + 1], method, index, layer=layer, **options)
            assert_close(together.values[row], alone.values[0], FLOAT32)


@pytest.mark.parametrize(
    "method", ["ablation-cam", "recipro-cam", "score-cam", "shapley-cam", "opti-cam", "eigen-grad-cam"]
)
def test_each_input_of_a_batch_has_its_own_contrast(method):
    model, inputs, options = small_model(torch.float64), random_inputs(2), QUICK.get(method, {})
    target = ContrastTarget((0, 4), 3)
    together = explain(model, inputs, method, target, **options)
    for row in range(2):
        alone = explain(model, inputs[row : row + 1], method, target.take([row]), **options)
        assert_close(together.values[row], alone.values[0], FLOAT32)


@pytest.mark.parametrize("target", [None, 1], ids=["top class", "class 1"])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_makes_the_passes_that_it_announces(name, target):
    """The progress bar and the estimate before the work rest on it."""
    assert_announced_passes(name, target, QUICK.get(name, {}))


@pytest.mark.parametrize("method", [name for name in METHODS if name not in GRADIENT_CAMS])
@pytest.mark.parametrize("make", [small_vit, small_swin], ids=["ViT", "Swin"])
def test_transformers(make, method):
    """The gradient CAMs of transformers are compared with pytorch-grad-cam's."""
    network = make().eval()
    model = Model("transformer", network, (3, 64, 64))
    result = explain(model, random_inputs(1, (3, 64, 64)), method, 3, **QUICK.get(method, {}))
    height, width = (4, 4) if make is small_vit else (8, 8)
    assert result.values.shape == (1, height, width)
    assert result.values.isfinite().all()
    assert result.values.std() > 0


@pytest.mark.parametrize("method", ["hires-cam", "finer-cam"])
def test_eigen_smoothing_shows_the_principal_component_of_the_terms(method):
    model, inputs = small_model(torch.float64), random_inputs(2)
    smooth = explain(model, inputs, method, 1, eigen_smooth=True).values
    if method == "hires-cam":
        assert_close(smooth, explain(model, inputs, "eigen-grad-cam", 1).values.relu(), 1e-6)
    assert (smooth - explain(model, inputs, method, 1).values).abs().max() > 0.01 * smooth.max()


@pytest.mark.parametrize("target", [None, ClassTarget((0, 4))], ids=["top", "class"])
@pytest.mark.parametrize("method", ["grad-cam", "shapley-cam"])
def test_smoothing_by_augmentation_is_the_mean_over_six_views(method, target):
    model, inputs = small_model(torch.float64), random_inputs(2)
    smooth = explain(model, inputs, method, target, aug_smooth=True)
    maps = []
    for contrast in CONTRASTS:
        maps.append(explain(model, contrast * inputs, method, smooth.target).values)
        maps.append(explain(model, contrast * inputs.flip(-1), method, smooth.target).values.flip(-1))
    assert_close(smooth.values, torch.stack(maps).mean(0), 1e-6)
    assert (smooth.values - maps[0]).abs().max() > 0.01 * maps[0].max()


def test_views_are_shared_by_methods_and_layers():
    both = explain(
        small_model(), random_inputs(2), ["grad-cam", "layer-cam"], 1, layer=["norm2", "conv3"], aug_smooth=True
    )
    assert [r.cost.backward for r in both] == [12, 0, 0, 0]


def test_forward_only_methods_share_a_pass_and_make_no_backward():
    results = explain(small_model(), random_inputs(2), ["eigen-cam", "kpca-cam"], 0, layer=["norm1", "norm2"])
    assert [(r.cost.forward, r.cost.backward) for r in results] == [(2, 0)] + [(0, 0)] * 3
    after = explain(small_model(), random_inputs(2), ["grad-cam", "eigen-cam"], 0)
    assert [(r.cost.forward, r.cost.backward) for r in after] == [(2, 2), (0, 0)]


def test_several_layers_and_methods_equal_separate_calls_and_share_one_capture():
    model, inputs = small_model(torch.float64), random_inputs(2)
    layers = ["conv1", "norm2", "conv3"]
    together = explain(model, inputs, GRADIENT_CAMS, 2, layer=layers)
    assert [(r.method, r.layer) for r in together] == [(m, layer) for m in GRADIENT_CAMS for layer in layers]
    assert (together[0].cost.forward, together[0].cost.backward) == (2, 2)
    assert all(r.cost.forward == r.cost.backward == 0 for r in together[1:])
    for result in together:
        alone = explain(model, inputs, result.method, 2, layer=result.layer)
        assert alone.cost.forward == 2
        assert_close(result.values, alone.values, FLOAT32)
        assert result.options["layer"] == result.layer


def test_one_layer_in_a_list_comes_back_in_a_list(model):
    (result,) = explain(model, random_inputs(1), "grad-cam", 0, layer=["norm2"])
    assert_close(result.values, explain(model, random_inputs(1), "grad-cam", 0, layer="norm2").values, FLOAT32)


def test_captured_maps_are_those_of_the_layer_before_anything_writes_into_them():
    """`norm2` feeds an in-place ReLU: the map must be that of the layer, not of the ReLU."""
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    network = model.network
    with torch.no_grad():
        expected = network.norm2(network.conv2(network.norm1(network.conv1(inputs)).relu()))
    run = Run(model, engine_for("cpu"))
    (capture,) = run.capture(inputs, ["norm2"], ClassTarget(0))
    assert capture.activations.min() < -0.5
    assert_close(capture.activations, expected, 1e-12)


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
