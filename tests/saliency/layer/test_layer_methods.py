"""Gradients at layers, worked out by hand and against their own laws."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, variant_captures
from explainers.saliency._references import draw_references
from explainers.saliency.layer.gradient_shap import LayerGradientShapOptions
from explainers.saliency.paths.expected_gradients import stratified_alphas
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.transformers import small_swin

PATHS = ["internal-influence", "layer-integrated-gradients", "layer-conductance"]


class TwoStages(nn.Module):
    """sum over places of relu(2 x - y) times 3, minus relu(x + y - 1), for pictures (2, 2, 2) with channels x and y."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2, 2, 1).double()
        self.mix.weight.data = torch.tensor([[2.0, -1.0], [1.0, 1.0]]).double().view(2, 2, 1, 1)
        self.mix.bias.data = torch.tensor([0.0, -1.0]).double()

    def forward(self, inputs: Tensor) -> Tensor:
        return (self.mix(inputs).relu() * torch.tensor([3.0, -1.0]).view(2, 1, 1)).sum((1, 2, 3)).unsqueeze(1)


@pytest.fixture(scope="module")
def two_stages() -> Model:
    return Model("two-stages", TwoStages(), (2, 2, 2), task="regression")


@pytest.mark.parametrize(
    ("method", "x_part", "y_part"),
    [
        # At (1, 1) the layer puts out 1 and 1, both on; at the baseline 0 and -1. Slopes are 3 and -1.
        ("layer-gradient-x-activation", 3.0, -1.0),
        # The second unit is on for the second half of the way.
        ("internal-influence", 3.0, -0.5),
        ("layer-integrated-gradients", 3.0, -1.0),
        ("layer-conductance", 3.0, -1.0),
        # The second ReLU goes from 0 to 1 while its input goes from -1 to 1: half a slope times 2.
        ("layer-deeplift", 3.0, -1.0),
    ],
)
def test_by_hand(two_stages, method, x_part, y_part):
    point = torch.ones(1, 2, 2, 2, dtype=torch.float64)
    options = {"steps": 100} if method in PATHS else {}
    result = explain(two_stages, point, method, layer="mix", **options)
    expected = torch.tensor([x_part, y_part]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
    assert_close(result.values, expected, 2e-2 if options else 1e-7)
    assert result.layer == "mix"
    if result.completeness is not None:
        assert float(result.completeness.expected) == 8.0


@pytest.mark.parametrize("layer", ["conv1", "norm1", "conv2", "norm2"])
@pytest.mark.parametrize("method", PATHS[1:])
def test_every_layer_that_all_paths_run_through_is_complete(method, layer):
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, method, 2, layer=layer, steps=60)
    assert result.completeness.expected.abs().min() > 0.05
    assert result.completeness.gap.abs().max() < 0.02 * result.completeness.expected.abs().max()


@pytest.mark.parametrize("layer", ["conv1", "norm1", "conv2", "norm2"])
@pytest.mark.parametrize("method", ["layer-deeplift", "layer-deeplift-shap"])
def test_the_rescale_rule_is_complete_at_every_layer(method, layer):
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, method, 2, layer=layer)
    assert result.completeness.expected.abs().min() > 0.01
    assert result.completeness.gap.abs().max() < 1e-5 * result.completeness.expected.abs().max()


def test_gradient_shap_at_a_layer_against_zeros_is_its_definition():
    """The other input is zero and the only reference: mean slope on the way, at the layer, times the change of its output."""
    model, pair = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    pair[1] = 0
    found = explain(model, pair, "layer-gradient-shap", 2, layer="norm2", references="inputs", number=2, samples=500)
    influence = explain(model, pair, "internal-influence", 2, layer="norm2", steps=200).values[0]
    activations = Run(model, fixed_engine(8)).activations(pair, ["norm2"])[0]
    expected = influence * (activations[0] - activations[1])
    assert (found.values[0] - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize("chunk", [1, 3, 7])
@pytest.mark.parametrize("method", ["layer-deeplift", "layer-deeplift-shap", "layer-gradient-shap"])
def test_comparisons_cut_into_chunks_anywhere_are_the_same(method, chunk):
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    target = ClassTarget((0, 3, 1))
    options = {"layer": "norm2"} | ({} if method == "layer-deeplift" else {"number": 4})
    whole = explain(model, inputs, method, target, **options, engine=fixed_engine(1000))
    cut = explain(model, inputs, method, target, **options, engine=fixed_engine(chunk))
    assert_close(cut.values, whole.values, 1e-6)
    assert cut.cost.forward == whole.cost.forward
    assert ex.estimate(model, inputs, method, **options).forward == cut.cost.forward


@pytest.mark.parametrize("method", PATHS)
@pytest.mark.parametrize("chunk", [1, 2, 5, 7])
def test_a_path_cut_into_chunks_anywhere_is_the_same(method, chunk):
    model, inputs = small_model(torch.float64), random_inputs(3, dtype=torch.float64)
    target = ClassTarget((0, 3, 1))
    whole = explain(model, inputs, method, target, layer="norm2", steps=5, engine=fixed_engine(1000))
    cut = explain(model, inputs, method, target, layer="norm2", steps=5, engine=fixed_engine(chunk))
    assert_close(cut.values, whole.values, 1e-6)


def test_conductance_by_the_slow_way():
    """One point of the path at a time, from its definition: mean of neighbouring gradients times change of activation."""
    model, inputs = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    network = model.network
    points = []
    for step in range(7):
        x = network.norm1(network.conv1(inputs * step / 6)).relu()
        found = network.norm2(network.conv2(x)).detach().requires_grad_()
        y = found.relu()
        score = network.head((y + network.conv3(y)).relu().mean((2, 3)))[0, 4]
        points.append((found.detach(), torch.autograd.grad(score, found)[0]))
    expected = sum((g1 + g2) / 2 * (a2 - a1) for (a1, g1), (a2, g2) in itertools.pairwise(points))
    assert_close(explain(model, inputs, "layer-conductance", 4, layer="norm2", steps=6).values, expected, 1e-6)


class Dense(nn.Module):
    """Joins what a layer puts out with what goes round it, as a DenseNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        stem = self.stem(inputs).relu()
        return self.head(torch.cat([stem, self.inner(stem).relu()], 1).mean((2, 3)))


def test_rows_that_part_at_a_layer_meet_those_that_go_round_it():
    torch.manual_seed(0)
    model = Model("dense", Dense().double().eval(), (3, 8, 8))
    inputs = random_inputs(2, (3, 8, 8), dtype=torch.float64)
    whole = explain(model, inputs, "layer-integrated-gradients", 1, layer="inner", steps=5, engine=fixed_engine(100))
    cut = explain(model, inputs, "layer-integrated-gradients", 1, layer="inner", steps=5, engine=fixed_engine(3))
    assert_close(cut.values, whole.values, 1e-6)


def test_what_lies_below_a_layer_runs_on_one_row():
    model, inputs = small_model(), random_inputs(1)
    rows = []
    handle = model.network.conv1.register_forward_hook(lambda _module, _inputs, output: rows.append(len(output)))
    run = Run(model, fixed_engine(8))
    run.layers()
    rows.clear()
    put = torch.zeros(8, 8, 8, 8)
    same = Variants(8, lambda inputs, number, version: inputs, torch.ones(8))
    ((number, version, capture),) = variant_captures(run, inputs, "norm2", ClassTarget(0), same, lambda n, v: put[v])
    handle.remove()
    assert rows == [1]
    assert number.tolist() == [0] * 8
    assert version.tolist() == list(range(8))
    assert torch.equal(capture.activations, put)


def test_nothing_is_remembered_of_captures_that_stream():
    run = Run(small_model(), fixed_engine(4))
    inputs = random_inputs(2)
    same = Variants(3, lambda rows, number, version: rows.expand(len(version), -1, -1, -1), torch.ones(3))
    chunks = list(variant_captures(run, inputs, "norm2", ClassTarget(0), same))
    kept = run.capture(inputs, ["norm2"], ClassTarget(0))[0]
    assert [number.tolist() for number, _, _ in chunks] == [[0, 0, 0, 1], [1, 1]]
    assert_close(chunks[1][2].gradients[1], kept.gradients[1], 1e-5)
    assert (run.cost.forward, run.cost.backward) == (6 + 2, 6 + 2)


def test_a_layer_above_the_channel_that_is_explained_is_refused_in_a_sentence():
    with pytest.raises(VitrineError, match=r"Layer 'conv3' runs after 'norm1', whose channel is explained"):
        explain(small_model(), random_inputs(1), "layer-conductance", ChannelTarget("norm1", 2), layer="conv3")


@pytest.mark.parametrize("method", [*PATHS, "layer-gradient-x-activation", "guided-grad-cam"])
def test_vectors_have_no_layers_to_look_at(method):
    model = ex.load_model("demo:diabetes-mlp")
    assert method not in [m.name for m in ex.methods(model)]
    with pytest.raises(VitrineError, match="needs images"):
        explain(model, random_inputs(1, (10,)), method)


def test_a_transformers_layers():
    model = ex.load_model("demo:signs-vit")
    inputs = random_inputs(1, model.input_shape)
    for method in (*PATHS, "layer-gradient-x-activation"):
        options = {} if method == "layer-gradient-x-activation" else {"steps": 2}
        result = explain(model, inputs, method, 3, layer="blocks.1", **options)
        assert result.values.shape == (1, 64, 12, 12)
        assert result.values.any()


@pytest.fixture(scope="module")
def swin() -> Model:
    return Model("swin", small_swin().double().eval(), (3, 48, 48))


def below_and_above(model: Model, layer: str) -> tuple[nn.Module, nn.Module]:
    """A shifted-window transformer cut after one of its layers, which puts out (N, h, w, C)."""
    network = model.network
    end = [network.norm, network.permute, network.avgpool, network.flatten, network.head]
    if layer == "norm":
        return nn.Sequential(network.features, network.norm), nn.Sequential(*end[1:])
    cut = int(layer.removeprefix("features.")) + 1
    return network.features[:cut], nn.Sequential(network.features[cut:], *end)


def slope(above: nn.Module, found: Tensor, index: int) -> Tensor:
    found = found.detach().requires_grad_()
    return torch.autograd.grad(above(found)[:, index].sum(), found)[0]


@pytest.mark.parametrize("layer", ["features.1", "features.2", "norm"])
def test_integrated_gradients_at_a_layer_with_channels_last_by_the_slow_way(swin, layer):
    """Many points on the way between the two outputs of the layer, at the middle of equal parts of it."""
    inputs, (below, above) = random_inputs(2, (3, 48, 48), dtype=torch.float64), below_and_above(swin, layer)
    begin, end = below(torch.zeros_like(inputs)).detach(), below(inputs).detach()
    slopes = [slope(above, torch.lerp(begin, end, (step + 0.5) / 50), 4) for step in range(50)]
    expected = (end - begin) * torch.stack(slopes).mean(0)
    found = explain(swin, inputs, "layer-integrated-gradients", 4, layer=layer, steps=20, engine=fixed_engine(7))
    assert_close(found.values, expected.permute(0, 3, 1, 2), 1e-3)
    assert found.completeness.gap.abs().max() < 1e-4 * found.completeness.expected.abs().max()


@pytest.mark.parametrize("layer", ["features.1", "norm"])
def test_gradient_shap_at_a_layer_with_channels_last_by_the_slow_way(swin, layer):
    """One point at a time on the ways of the inputs: the slope at the layer, times how far its outputs lie apart."""
    inputs, (below, above) = random_inputs(2, (3, 48, 48), dtype=torch.float64), below_and_above(swin, layer)
    options = LayerGradientShapOptions(number=2, samples=4)
    pool = draw_references(swin, inputs, options).pool
    expected = torch.zeros_like(below(inputs))
    for place, share in enumerate(stratified_alphas(options).double()):
        reference = pool[place % 2]
        slopes = slope(above, below(torch.lerp(reference.expand_as(inputs), inputs, share)), 4)
        expected += (below(inputs) - below(reference[None])).detach() * slopes / 4
    found = explain(swin, inputs, "layer-gradient-shap", 4, layer=layer, number=2, samples=4, engine=fixed_engine(3))
    assert_close(found.values, expected.permute(0, 3, 1, 2), 1e-6)
