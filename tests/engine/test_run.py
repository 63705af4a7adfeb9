"""A run: progress, cancellation, cost, and a memory of the passes made."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, TopTarget
from explainers.engine.run import Run
from tests.support.methods import METHODS, quick
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_cnn, small_model


def test_passes_are_made_once(tripwire):
    model, inputs = small_model(), random_inputs(2)
    run = Run(model, fixed_engine(2))
    target = run.resolve(inputs, TopTarget())
    first = run.outputs(inputs)
    assert run.outputs(inputs) is first
    assert torch.equal(run.scores(inputs, target), first.amax(1))
    assert run.gradients(inputs, target) is run.gradients(inputs, target)
    assert len(tripwire.seen) == 2
    assert (run.cost.forward, run.cost.backward) == (4, 2)


def test_a_gradient_pass_tells_the_outputs_too(tripwire):
    model, inputs = small_model(), random_inputs(2)
    run = Run(model, fixed_engine(2))
    run.gradients(inputs, TopTarget())
    assert_close(run.outputs(inputs), model.network(inputs), 1e-6)
    assert run.cost.forward == 2


def test_other_inputs_and_targets_are_other_passes():
    model = small_model()
    run = Run(model, fixed_engine(4))
    first, second = random_inputs(2, seed=0), random_inputs(2, seed=1)
    for inputs in (first, second):
        for index in (0, 1):
            inputs_grad = inputs.clone().requires_grad_()
            expected = torch.autograd.grad(model.network(inputs_grad)[:, index].sum(), inputs_grad)[0]
            assert_close(run.gradients(inputs, ClassTarget(index)), expected, 1e-5)
    assert run.cost.backward == 8


def test_equal_inputs_that_die_are_not_taken_for_later_ones():
    """Memory goes by the identity of a tensor, which a dead one must not pass on."""
    run = Run(small_model(), fixed_engine(4))
    for seed in range(20):
        inputs = random_inputs(1, seed=seed)
        with torch.no_grad():
            assert_close(run.outputs(inputs), run.network.eval()(inputs), 1e-6)


def test_captures_are_kept_per_layer_and_target(tripwire):
    run = Run(small_model(), fixed_engine(2))
    inputs = random_inputs(2)
    run.layers()
    tripwire.seen.clear()
    first = run.capture(inputs, ["norm1", "norm2"], ClassTarget(0))
    assert run.capture(inputs, ["norm2"], ClassTarget(0))[0].gradients is first[1].gradients
    assert len(tripwire.seen) == 1
    assert not torch.equal(run.capture(inputs, ["norm2"], ClassTarget(1))[0].gradients, first[1].gradients)
    assert len(tripwire.seen) == 2


class InPlace(nn.Module):
    """Scales its input where it lies."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        return self.network(inputs.sub_(0.5).div_(2))


class OutOfPlace(InPlace):
    def forward(self, inputs: Tensor) -> Tensor:
        return self.network((inputs - 0.5) / 2)


@pytest.mark.parametrize(
    "method", ["gradient", "integrated-gradients", "grad-cam", "score-cam", "occlusion", "rise", "lime"]
)
def test_a_network_may_write_into_its_input(method):
    inputs = random_inputs(1)
    before = inputs.clone()
    tidy, untidy = (Model("m", wrapper(small_cnn()), (3, 16, 16)) for wrapper in (OutOfPlace, InPlace))
    options = (
        {"patch": 4, "stride": 2} if method == "occlusion" else {"samples": 100} if method in ("rise", "lime") else {}
    )
    expected, attribution = (explain(model, inputs, method, **options) for model in (tidy, untidy))
    assert torch.equal(inputs, before)
    assert_close(attribution.values, expected.values, 1e-4)


def test_one_network_with_two_input_shapes_has_its_layers_read_for_each():
    network, engine = small_cnn(), fixed_engine(2)
    square, wide = Model("square", network, (3, 16, 16)), Model("wide", network, (3, 16, 32))
    shapes = [Run(model, engine).layer("norm1").shape for model in (square, wide, square)]
    assert shapes == [(6, 16, 16), (6, 16, 32), (6, 16, 16)]


def test_an_input_of_another_shape_is_told_in_a_sentence():
    with pytest.raises(
        VitrineError, match=r"small-cnn takes inputs of shape \(3, 16, 16\), and failed on \(1, 16, 16\)"
    ):
        explain(small_model(), torch.zeros(1, 1, 16, 16), "gradient", 0)


class Detached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.detach().flatten(1).round()


def test_scores_without_a_gradient_are_told_in_a_sentence():
    with pytest.raises(VitrineError, match="does not depend on its input in a way that has a gradient"):
        explain(Model("detached", Detached(), (3, 4, 4)), torch.zeros(1, 3, 4, 4), "gradient", 0)


class Wrapped(nn.Module):
    """Returns its outputs inside something else, as many networks do."""

    def __init__(self, wrap: str) -> None:
        super().__init__()
        self.inner, self.wrap = small_cnn(), wrap

    def forward(self, inputs: Tensor) -> object:
        outputs = self.inner(inputs)
        return {"tuple": (outputs, None), "dict": {"logits": outputs}, "nothing": "no tensor"}[self.wrap]


@pytest.mark.parametrize("wrap", ["tuple", "dict"])
def test_outputs_inside_something_else_are_found(wrap):
    inputs = random_inputs(2)
    result = explain(Model("wrapped", Wrapped(wrap), (3, 16, 16)), inputs, "gradient", 0)
    assert_close(result.values, explain(small_model(), inputs, "gradient", 0).values, 1e-5)


def test_no_outputs_at_all_are_told_in_a_sentence():
    with pytest.raises(VitrineError, match="returned no tensor"):
        explain(Model("wrapped", Wrapped("nothing"), (3, 16, 16)), random_inputs(1), "gradient", 0)


# A single input of a network that lies the usual way is the one that is not turned over, whatever the method.
@pytest.mark.parametrize(
    ("method", "count"),
    [
        *((method, 3) for method in METHODS),
        *((method, 1) for method in ("gradient", "grad-cam", "deeplift", "occlusion", "lrp-epsilon")),
    ],
)
def test_how_a_network_lies_in_memory_changes_no_value(method, count):
    usual = small_cnn().double()
    other = small_cnn().double().to(memory_format=torch.channels_last)
    inputs = random_inputs(count).double()
    maps = [
        explain(Model("m", network, (3, 16, 16)), inputs, method, 1, engine=fixed_engine(2), **quick(method)).values
        for network in (usual, other)
    ]
    assert_close(maps[1], maps[0], 1e-6)
    assert usual.conv1.weight.is_contiguous()
    assert not other.conv1.weight.is_contiguous()


class Remembering(nn.Module):
    """Keeps a table between passes, as rotary position embeddings do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.table: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        if self.table is None:
            self.table = torch.linspace(0, 1, 4).view(1, 4, 1, 1)
        return (self.conv(inputs) * self.table).mean((2, 3))


def test_what_a_network_keeps_between_passes_can_still_take_part_in_a_gradient():
    """A table made in inference mode never could, neither here nor in its owner's own training afterwards."""
    from explainers.api import predict

    model = Model("remembering", Remembering(), (3, 16, 16))
    predict(model, random_inputs(1))
    assert explain(model, random_inputs(1), "gradient", 3).values.any()
    model.network(random_inputs(1)).sum().backward()


def test_a_score_that_leaves_the_input_out_says_so_also_beside_projections():
    class Blind(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, inputs: Tensor) -> Tensor:
            tokens = inputs.detach().flatten(2).transpose(1, 2)[..., :4]
            return self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(1)

    model = Model("blind", Blind(), (4, 3, 3))
    with pytest.raises(VitrineError, match="does not depend on its input"):
        explain(model, random_inputs(1, (4, 3, 3)), "gradient", 0)
