"""Gradients at layers by hand; what is captured for them."""

from __future__ import annotations

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
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model

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
    same = Variants(8, lambda inputs, input_index, variant_index: inputs, torch.ones(8))
    ((input_index, variant_index, capture),) = variant_captures(
        run, inputs, "norm2", ClassTarget(0), same, lambda n, v: put[v]
    )
    handle.remove()
    assert rows == [1]
    assert input_index.tolist() == [0] * 8
    assert variant_index.tolist() == list(range(8))
    assert torch.equal(capture.activations, put)


def test_nothing_is_remembered_of_captures_that_stream():
    run = Run(small_model(torch.float64), fixed_engine(4))
    inputs = random_inputs(2, dtype=torch.float64)
    same = Variants(
        3, lambda rows, input_index, variant_index: rows.expand(len(variant_index), -1, -1, -1), torch.ones(3)
    )
    chunks = list(variant_captures(run, inputs, "norm2", ClassTarget(0), same))
    remembered = run.capture(inputs, ["norm2"], ClassTarget(0))[0]
    assert [input_index.tolist() for input_index, _, _ in chunks] == [[0, 0, 0, 1], [1, 1]]
    assert_close(chunks[1][2].gradients[1], remembered.gradients[1], 1e-6)
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
