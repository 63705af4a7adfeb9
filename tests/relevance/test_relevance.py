"""LRP against a slow version with one matrix per layer, against its own laws, and what it leaves behind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.core.target import ClassTarget, ContrastTarget, RegressionTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.relevance._family import RULES, canonized_network
from explainers.relevance.conservation import describe_flow, relevance_flow
from explainers.relevance.lrp_epsilon_gamma_box import pixel_box
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model

Floats = npt.NDArray[np.float64]


SHAPE = (2, 6, 6)


PREPROCESS = Preprocess((6, 6), channels="L", mean=(0.4,), std=(0.3,))


FLOAT32 = 3e-7


def positive(values: Floats) -> Floats:
    return np.maximum(values, 0)


def stabilized(values: Floats) -> Floats:
    return values + np.where(values < 0, -1e-6, 1e-6)


class Dense:
    """A linear layer as a matrix: z_ji = w_ji x_i is what input i adds to output j, b_j the bias."""

    def __init__(self, layer: nn.Module, inputs: Tensor) -> None:
        basis = torch.eye(inputs.numel(), dtype=torch.float64).view(-1, *inputs.shape)
        with torch.no_grad():
            bias = layer(torch.zeros_like(inputs)[None]).flatten()
            self.weights = (layer(basis).flatten(1) - bias).T.numpy()
        self.z = self.weights * inputs.flatten().numpy()
        self.bias = bias.numpy()

    def epsilon(self, relevance: Floats, share: float = 0.0) -> Floats:
        total = self.z.sum(1) + self.bias
        total = total + np.where(total < 0, -1, 1) * share * np.sqrt((total**2).mean())
        return self.z.T @ (relevance / stabilized(total))

    def gamma(self, relevance: Floats, gamma: float) -> Floats:
        """Outputs above zero favour what is positive, outputs below zero what is negative (Andéol et al. 2021)."""
        side = np.where(self.z.sum(1) + self.bias > 0, 1.0, -1.0)
        favoured = self.z + gamma * side[:, None] * positive(side[:, None] * self.z)
        bias = self.bias + gamma * side * positive(side * self.bias)
        return favoured.T @ (relevance / stabilized(favoured.sum(1) + bias))

    def alpha_beta(self, relevance: Floats, alpha: float) -> Floats:
        parts = []
        for sign in (1, -1):
            part, bias = sign * positive(sign * self.z), sign * positive(sign * self.bias)
            parts.append(part.T @ (relevance / stabilized(part.sum(1) + bias)))
        return alpha * parts[0] - (alpha - 1) * parts[1]

    def flat(self, relevance: Floats) -> Floats:
        even = (self.weights != 0).astype(float)
        return even.T @ (relevance / stabilized(even.sum(1)))

    def box(self, relevance: Floats, low: float, high: float) -> Floats:
        boxed = self.z - low * positive(self.weights) + high * positive(-self.weights)
        return boxed.T @ (relevance / stabilized(boxed.sum(1)))


def slow(network: nn.Sequential, inputs: Tensor, start: Tensor, rule) -> Floats:
    """Relevance of one input; `rule(kind, number from the front, dense layer, relevance)`."""
    seen = [inputs]
    with torch.no_grad():
        for layer in network:
            seen.append(layer(seen[-1][None])[0])
    relevance = (start * seen[-1]).numpy()
    for number in reversed(range(len(network))):
        layer = network[number]
        if isinstance(layer, nn.Conv2d | nn.Linear):
            relevance = rule(type(layer), number, Dense(layer, seen[number]), relevance)
        elif isinstance(layer, nn.AvgPool2d):
            relevance = Dense(layer, seen[number]).epsilon(relevance)
    return relevance.reshape(inputs.shape)


def everywhere(rule):
    return lambda kind, number, dense, relevance: rule(dense, relevance)


def by_kind(conv, linear=Dense.epsilon, first=None):
    def rule(kind, number, dense, relevance):
        if number == 0 and first is not None:
            return first(dense, relevance)
        return (conv if kind is nn.Conv2d else linear)(dense, relevance)

    return rule


LOW, HIGH = (0 - 0.4) / 0.3, (1 - 0.4) / 0.3


SLOW = {
    ("lrp-epsilon", ()): everywhere(Dense.epsilon),
    ("lrp-epsilon", (("epsilon", 0.2),)): everywhere(lambda d, r: d.epsilon(r, 0.2)),
    ("lrp-gamma", ()): everywhere(lambda d, r: d.gamma(r, 0.25)),
    ("lrp-gamma", (("gamma", 1.0),)): everywhere(lambda d, r: d.gamma(r, 1.0)),
    ("lrp-alpha-beta", ()): everywhere(lambda d, r: d.alpha_beta(r, 2)),
    ("lrp-alpha-beta", (("alpha", 1.0),)): everywhere(lambda d, r: d.alpha_beta(r, 1)),
    ("lrp-alpha-beta", (("alpha", 3.4),)): everywhere(lambda d, r: d.alpha_beta(r, 3.4)),
    ("lrp-epsilon-plus", ()): by_kind(lambda d, r: d.alpha_beta(r, 1)),
    ("lrp-epsilon-plus", (("epsilon", 0.3),)): by_kind(lambda d, r: d.alpha_beta(r, 1), lambda d, r: d.epsilon(r, 0.3)),
    ("lrp-epsilon-plus-flat", ()): by_kind(lambda d, r: d.alpha_beta(r, 1), first=Dense.flat),
    ("lrp-epsilon-alpha2-beta1", ()): by_kind(lambda d, r: d.alpha_beta(r, 2)),
    ("lrp-epsilon-alpha2-beta1-flat", ()): by_kind(lambda d, r: d.alpha_beta(r, 2), first=Dense.flat),
}


BOXED = ("lrp-epsilon-gamma-box", (("gamma", 0.5),))


def conv_net(bias: bool = True, channels: int = 2, width: int = 8) -> nn.Sequential:
    torch.manual_seed(3)
    layers = [
        nn.Conv2d(channels, width, 3, padding=1, bias=bias),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1, bias=bias),
        nn.ReLU(),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(width, width, bias=bias),
        nn.ReLU(),
        nn.Linear(width, 3, bias=bias),
    ]
    network = nn.Sequential(*layers).double().eval()
    with torch.no_grad():  # scores of a size for which 1e-6 is nothing
        network[-1].weight.mul_(100)
    return network


def perceptron(bias: bool = True) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [nn.Linear(7, 9, bias=bias), nn.ReLU(), nn.Linear(9, 6, bias=bias), nn.ReLU(), nn.Linear(6, 3, bias=bias)]
    return nn.Sequential(*layers).double().eval()


@pytest.mark.parametrize(("name", "options"), SLOW)
@pytest.mark.parametrize("make", [conv_net, perceptron])
def test_the_slow_version(make, name, options):
    network = make()
    shape = SHAPE if make is conv_net else (7,)
    inputs = random_inputs(3, shape, dtype=torch.float64)
    classes = (0, 2, 1)
    found = explain(Model("slow", network, shape), inputs, name, ClassTarget(classes), **dict(options)).values
    for row, index in enumerate(classes):
        start = nn.functional.one_hot(torch.tensor(index), 3)
        expected = slow(network, inputs[row], start, SLOW[name, options])
        assert_close(found[row], torch.from_numpy(expected), FLOAT32)


def test_the_slow_version_of_the_box_of_pixels():
    network = conv_net(channels=1)
    model = Model("slow", network, (1, 6, 6), preprocess=PREPROCESS)
    inputs = random_inputs(2, (1, 6, 6), dtype=torch.float64)
    found = explain(model, inputs, BOXED[0], 1, **dict(BOXED[1])).values
    rule = by_kind(lambda d, r: d.gamma(r, 0.5), first=lambda d, r: d.box(r, LOW, HIGH))
    for row in range(2):
        expected = slow(network, inputs[row], torch.tensor([0, 1, 0]), rule)
        assert_close(found[row], torch.from_numpy(expected), FLOAT32)


class Normalising(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4]).double().view(1, 1, 1))
        self.register_buffer("std", torch.tensor([0.3]).double().view(1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def test_the_box_of_a_network_that_normalises_pixels_itself_is_the_same():
    plain = conv_net(channels=1)
    outside = Model("outside", plain, (1, 6, 6), preprocess=PREPROCESS)
    normalising = nn.Sequential(Normalising(), nn.Identity(), plain)
    inside = Model("inside", normalising, (1, 6, 6), preprocess=Preprocess((6, 6), channels="L", mean=(0,), std=(1,)))
    pixels = torch.rand(2, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    low, high = pixel_box(Run(inside, engine_for("cpu")), pixels)
    assert_close(low, torch.full((1, 1, 6, 6), LOW), 1e-6)
    assert_close(high, torch.full((1, 1, 6, 6), HIGH), 1e-6)
    expected = explain(outside, (pixels - 0.4) / 0.3, BOXED[0], 1).values
    assert_close(explain(inside, pixels, BOXED[0], 1).values * 0.3, expected, 1e-6)  # the steps before have no rule


def test_the_box_where_black_and_white_bound_what_the_first_convolution_reads_and_where_not():
    pixels = random_inputs(2, (1, 6, 6), dtype=torch.float64)
    padded = nn.Sequential(nn.ZeroPad2d(1), nn.BatchNorm2d(1, affine=False), nn.Conv2d(1, 2, 3), nn.Flatten()).double()
    low, high = pixel_box(Run(Model("padded", padded.eval(), (1, 6, 6)), engine_for("cpu")), pixels)
    assert low.shape == high.shape == (2, 1, 8, 8)
    assert_close(low[:, 0, 4, 4], pixels.amin((1, 2, 3)), 1e-4)
    assert not low[:, 0, 0].any()
    contrast = nn.Sequential(nn.InstanceNorm2d(1), nn.Conv2d(1, 2, 3), nn.Flatten()).double().eval()
    with pytest.raises(VitrineError, match="need not lie between"):
        explain(Model("contrast", contrast, (1, 6, 6)), pixels, BOXED[0], 1)


@pytest.mark.parametrize("method", RULES)
def test_nothing_is_lost_where_no_bias_can_absorb_it(method):
    # Wide, so that every neuron has something for it and something against it: without, alpha 2 doubles.
    shape = (8, 6, 6)
    model = Model("plain", conv_net(bias=False, channels=8, width=24), shape)
    inputs = random_inputs(1, shape, seed=5, dtype=torch.float64)
    flow = relevance_flow(model, inputs, 0, method)
    assert list(flow["kind"]) == ["Linear", "Linear", "AvgPool2d", "Conv2d", "Conv2d", "Input"]
    assert flow["share"].to_numpy() == pytest.approx(1, abs=1e-4)
    a = explain(model, inputs, method, 0)
    assert float(flow["relevance"].iloc[-1]) == pytest.approx(float(a.values.double().sum()), rel=1e-5)
    assert "100% of the score" in describe_flow(flow)
    assert "nothing" in describe_flow(flow)


def test_what_biases_absorb_by_hand():
    """3 = 2 x 1 + 1: a third of the score is the bias', under every rule."""
    layer = nn.Linear(1, 1).double()
    layer.weight.data, layer.bias.data = torch.tensor([[2.0]]).double(), torch.tensor([1.0]).double()
    model = Model("one", nn.Sequential(layer), (1,), task="regression")
    for method in ("lrp-epsilon", "lrp-gamma", "lrp-alpha-beta"):
        options = {"alpha": 1.0} if method == "lrp-alpha-beta" else {}
        flow = relevance_flow(model, torch.ones(1, 1).double(), None, method, **options)
        assert list(flow["layer"]) == ["0", "input"]
        assert flow["relevance"].tolist() == pytest.approx([3.0, 2.0], rel=1e-6)
        assert describe_flow(flow).startswith("67% of the score arrives at the input; the largest loss, 33%")


def test_relevance_of_a_network_of_relus_by_the_epsilon_rule_is_input_times_gradient(model):
    inputs = random_inputs(3)
    expected = explain(model, inputs, "input-x-gradient").values
    assert_close(explain(model, inputs, "lrp-epsilon").values, expected, 1e-3)


def test_a_contrast_is_the_difference_of_two_maps_and_sums_up_to_the_difference_of_scores():
    model = Model("plain", conv_net(bias=False), SHAPE)
    inputs = random_inputs(2, SHAPE, dtype=torch.float64)
    a = explain(model, inputs, "lrp-epsilon-plus", ContrastTarget(0, (1, 2)))
    one = explain(model, inputs, "lrp-epsilon-plus", 0).values
    other = explain(model, inputs, "lrp-epsilon-plus", ClassTarget((1, 2))).values
    assert_close(a.values, one - other, 1e-6)
    assert_close(a.values.flatten(1).sum(1), a.score, 1e-4)


def test_vectors_and_regressions():
    model = ex.load_model("demo:diabetes-mlp")
    inputs = random_inputs(4, (10,))
    a = explain(model, inputs, "lrp-epsilon", RegressionTarget(0))
    assert a.values.shape == (4, 10)
    assert_close(a.values, explain(model, inputs, "input-x-gradient").values, 1e-4)
    assert "lrp-epsilon-gamma-box" not in {m.name for m in ex.methods(model)}


@pytest.mark.parametrize("method", RULES)
def test_neither_chunks_nor_the_other_inputs_change_a_map(model, method):
    inputs = random_inputs(3)
    options = {"epsilon": 0.1} if "epsilon" in ex.find_method(method).options.model_fields else {}
    whole = explain(model, inputs, method, engine=fixed_engine(3), **options).values
    assert_close(explain(model, inputs, method, engine=fixed_engine(2), **options).values, whole, 1e-5)
    assert_close(explain(model, inputs[1:2], method, **options).values[0], whole[1], 1e-5)


def hooks(network: nn.Module) -> int:
    names = [name for name in vars(nn.Module()) if name.endswith("_hooks")]
    return sum(len(getattr(module, name)) for module in network.modules() for name in names)


def test_no_hooks_stay_in_the_copy_after_success_or_error(tripwire):
    model, engine = small_model(), fixed_engine(1)
    inputs = random_inputs(2)
    before = explain(model, inputs, "lrp-gamma", engine=engine).values
    copy = canonized_network(Run(model, engine))
    weights = {name: tensor.clone() for name, tensor in copy.state_dict().items()}
    assert hooks(copy) == 0
    tripwire.left = 3  # two rows of scores, one of the copy
    with pytest.raises(RuntimeError, match="tripwire"):
        explain(model, inputs, "lrp-gamma", engine=engine)
    tripwire.left = None
    assert canonized_network(Run(model, engine)) is copy
    assert hooks(copy) == 0
    assert all(torch.equal(weights[name], tensor) for name, tensor in copy.state_dict().items())
    assert torch.equal(explain(model, inputs, "lrp-gamma", engine=engine).values, before)


def test_changed_weights_make_a_new_copy():
    model = Model("plain", conv_net(), SHAPE)
    inputs = random_inputs(1, SHAPE, dtype=torch.float64)
    before = explain(model, inputs, "lrp-epsilon", 0).values
    with torch.no_grad():
        model.network[0].weight.mul_(-1)
    after = explain(model, inputs, "lrp-epsilon", 0).values
    assert (after - before).abs().max() > 0.1 * before.abs().max()
