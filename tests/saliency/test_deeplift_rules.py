"""DeepLift's rules: right for each picture, whatever comes with it, and at steps that share what they read."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from captum.attr import Deconvolution, DeepLift, GuidedBackprop
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.saliency._deeplift_rules import RULES, deeplift_rules_in_captum
from tests.support.models.endings import Ending
from tests.support.models.networks import Linear, assert_close, fixed_engine, random_inputs

# Every way from the input to the score leads through this layer.
RESCALING = {
    "deeplift": {},
    "deeplift-shap": {"number": 3},
    "layer-deeplift": {"layer": "body.conv2"},
    "layer-deeplift-shap": {"layer": "body.conv2", "number": 3},
}

SOFTMAX = {
    "module": nn.Softmax(1),
    "without a dimension": nn.Softmax(),
    "function": lambda x: F.softmax(x, dim=-1),
    "torch": lambda x: torch.softmax(x, 1),
    "method": lambda x: x.softmax(-1),
}


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(
    ("method", "written"),
    [
        *(("deeplift", written) for written in SOFTMAX),
        *((method, "module") for method in RESCALING if method != "deeplift"),
    ],
)
def test_softmax_is_passed_for_each_picture_by_itself_and_nothing_is_lost(method, written):
    model = Model("softmax", Ending(SOFTMAX[written]), (3, 16, 16))
    inputs, options = random_inputs(3, dtype=torch.float64) + torch.arange(3).view(3, 1, 1, 1) / 2, RESCALING[method]
    together = explain(model, inputs, method, 1, **options)
    assert together.completeness.expected.abs().min() > 1e-3
    assert together.completeness.relative.max() < 1e-5
    assert_close(explain(model, inputs, method, 1, engine=fixed_engine(2), **options).values, together.values, 1e-6)
    for row in range(3):
        alone = explain(model, inputs[row : row + 1], method, 1, **options)
        assert_close(together.values[row], alone.values[0], 1e-6)


@pytest.mark.parametrize("scale", [1, 100], ids=["gentle", "saturated"])
@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
def test_softmax_of_two_classes_is_the_sigmoid_of_their_difference(scale):
    """Captum's rule for sigmoid is the quotient of two differences."""
    torch.manual_seed(0)
    logits = nn.Linear(6, 2).double().requires_grad_(False)
    logits.weight *= scale
    difference = nn.Linear(6, 1).double().requires_grad_(False)
    difference.weight.copy_(logits.weight[:1] - logits.weight[1:])
    difference.bias.copy_(logits.bias[:1] - logits.bias[1:])
    inputs = random_inputs(5, (6,), dtype=torch.float64)
    expected = DeepLift(nn.Sequential(difference, nn.Sigmoid())).attribute(inputs)
    model = Model("two", nn.Sequential(logits, nn.Softmax(1)), (6,))
    assert_close(explain(model, inputs, "deeplift", 0).values, expected, 1e-6, dead=0.01)


def test_softmax_of_equal_pictures_is_passed_by_its_gradient():
    """As is what the baseline does not change, and what a mask keeps out of the sum."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.Parameter(torch.tensor([[1.0, 0.5, 2.0], [0.0, -1.0, 1.0]]).double())
            self.softmax = nn.Softmax(1)

        def forward(self, inputs: Tensor) -> Tensor:
            scores = inputs @ self.weights + torch.tensor([0.0, 0.0, -torch.inf], dtype=torch.float64)
            return self.softmax(scores)

    model = Model("masked", Masked(), (2,))
    inputs = torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    result = explain(model, inputs, "deeplift", 0)
    assert result.values.isfinite().all()
    assert not result.values[1].any()
    assert result.completeness.gap.abs().max() < 1e-7


class Chain(nn.Module):
    """Convolutions with the same step after each of them."""

    def __init__(self, step) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.step = step

    def forward(self, inputs: Tensor) -> Tensor:
        return self.step(self.second(self.step(self.first(inputs)))).mean((2, 3))


class ReluAndPool(nn.Sequential):
    def __init__(self, pool: nn.Module) -> None:
        super().__init__(nn.ReLU(inplace=True), pool)


POOLED = {
    "overlapping": (ReluAndPool(nn.MaxPool2d(3, 2, 1)), lambda x: F.max_pool2d(F.relu(x), 3, 2, 1)),
    "ceiled": (ReluAndPool(nn.MaxPool2d(3, 2, ceil_mode=True)), lambda x: F.max_pool2d(F.relu(x), 3, 2, 0, 1, True)),
    "dilated": (ReluAndPool(nn.MaxPool2d(2, 2, dilation=2)), lambda x: torch.max_pool2d(F.relu(x), 2, 2, 0, 2)),
    "adaptive": (ReluAndPool(nn.AdaptiveMaxPool2d(3)), lambda x: F.adaptive_max_pool2d(F.relu(x), 3)),
    "before ReLU": (nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), lambda x: F.max_pool2d(x, kernel_size=2).relu()),
}


@pytest.mark.parametrize("baseline", ["zero", "blur"])
@pytest.mark.parametrize("pooled", POOLED)
def test_nothing_is_lost_at_max_pooling(pooled, baseline):
    inputs = random_inputs(3, dtype=torch.float64)
    module, function = (Model(pooled, Chain(step).double(), (3, 16, 16)) for step in POOLED[pooled])
    result = explain(module, inputs, "deeplift", 1, baseline=baseline)
    assert result.completeness.expected.abs().min() > 1e-3
    assert result.completeness.relative.max() < 1e-4
    assert_close(explain(function, inputs, "deeplift", 1, baseline=baseline).values, result.values, 1e-6)
    for row in range(3):
        alone = explain(module, inputs[row : row + 1], "deeplift", 1, baseline=baseline)
        assert_close(result.values[row], alone.values[0], 1e-6)


@pytest.mark.parametrize(
    ("now", "before", "shares"),
    [
        ([1, 5, 2], [0, 0, 0], [0, 5 * 1 + 5 * 10, 0]),  # the largest of both windows
        ([1, 5, 2], [4, 0, 3], [0, (5 - 4) * 1 + (5 - 3) * 10, 0]),  # it rises above others
        ([0, 1, 0], [4, 0, 3], [(1 - 4) * 1, 0, (1 - 3) * 10]),  # others fall below it
    ],
)
def test_max_pooling_lays_a_change_to_the_account_of_the_larger_value(now, before, shares):
    weights = torch.tensor([[1.0], [10.0]], dtype=torch.float64)
    network = nn.Sequential(nn.Unflatten(1, (1, 3)), nn.MaxPool1d(2, stride=1), Linear(weights))
    pair = torch.tensor([now, before], dtype=torch.float64)
    result = explain(Model("pool", network, (3,)), pair, "deeplift-shap", 0, references="inputs", number=2)
    assert result.values[0].tolist() == shares


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2, inplace=True)),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu_(x, 0.2)),
        (nn.ELU(0.5), lambda x: F.elu(x, alpha=0.5)),
        (nn.ELU(), lambda x: F.elu_(x)),
        (nn.Softplus(2), lambda x: F.softplus(x, 2)),
    ],
)
def test_activations_written_as_calls_have_their_rules(module, function):
    inputs = random_inputs(2, dtype=torch.float64)
    expected, result = (
        explain(Model("chain", Chain(step).double(), (3, 16, 16)), inputs, "deeplift", 1) for step in (module, function)
    )
    assert_close(result.values, expected.values, 1e-6)
    assert result.completeness.relative.max() < 1e-4


class Ceiling(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.minimum(torch.tensor(6.0, dtype=torch.float64))


@pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients")
@pytest.mark.parametrize("written", [nn.ReLU6(inplace=True), F.relu6, lambda x: F.relu6(input=x, inplace=True)])
def test_relu6_is_a_relu_on_the_way_back(written):
    """Captum gets a ReLU and a ceiling."""
    inputs = 20 * random_inputs(2, dtype=torch.float64)
    chain = Chain(written).double()
    twin = nn.Sequential(
        chain.first, nn.ReLU(), Ceiling(), chain.second, nn.ReLU(), Ceiling(), nn.AvgPool2d(16), nn.Flatten()
    )
    with torch.no_grad():
        assert (twin[:3](inputs) == 6).double().mean() > 0.1
        assert_close(chain(inputs), twin(inputs), 1e-12)
    model = Model("relu6", chain, (3, 16, 16))
    plain = explain(model, inputs, "gradient", 0).values
    for method, peer in (("guided-backprop", GuidedBackprop), ("deconvolution", Deconvolution)):
        result = explain(model, inputs, method, 0).values
        assert_close(result, peer(twin).attribute(inputs, 0), 1e-6)
        assert (result - plain).abs().max() > 0.05 * plain.abs().max()
    assert explain(model, inputs, "deeplift", 0).completeness.relative.max() < 1e-4


def test_a_shortcut_round_an_activation_keeps_its_own_gradient():
    """score = sum of a * (h + ReLU(h)), h = x @ w: only the ReLU's part is changed on the way back."""
    torch.manual_seed(0)
    w, a = torch.randn(6, 8).double(), torch.randn(8, 1).double()

    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.relu, self.last = Linear(w), nn.ReLU(), Linear(a)

        def forward(self, inputs: Tensor) -> Tensor:
            h = self.first(inputs)
            return self.last(h + self.relu(h))

    inputs = random_inputs(3, (6,), dtype=torch.float64)
    on, slope = (inputs @ w > 0).double(), a[:, 0]
    expected = {
        "gradient": slope * (1 + on),
        "guided-backprop": slope + slope.relu() * on,
        "deconvolution": slope + slope.relu().expand_as(on),
        "deeplift": slope * (1 + on),
    }
    for method, back in expected.items():
        result = explain(Model("shortcut", Shortcut(), (6,)), inputs, method, 0).values
        assert_close(result / (inputs if method == "deeplift" else 1), back @ w.T, 1e-5)


def test_captums_table_is_as_it_was_after_a_run_and_after_an_error(monkeypatch):
    before = dict(SUPPORTED_NON_LINEAR)
    assert not RULES.keys() & before.keys(), "importing explainers changes nothing"
    model, inputs = Model("softmax", Ending(nn.Softmax(1)), (3, 16, 16)), random_inputs(1, dtype=torch.float64)
    explain(model, inputs, "deeplift", 1)
    assert before == SUPPORTED_NON_LINEAR

    def fail(*_: object) -> None:
        assert RULES.items() <= SUPPORTED_NON_LINEAR.items()
        raise ZeroDivisionError

    monkeypatch.setattr(DeepLift, "attribute", fail)
    with pytest.raises(ZeroDivisionError):
        explain(model, inputs, "deeplift", 1)
    assert before == SUPPORTED_NON_LINEAR


def test_captums_table_has_the_rules_until_the_last_thread_has_left():
    entered, may_leave = threading.Event(), threading.Event()

    def stay() -> None:
        with deeplift_rules_in_captum():
            entered.set()
            may_leave.wait(60)

    thread = threading.Thread(target=stay)
    with deeplift_rules_in_captum():
        thread.start()
        assert entered.wait(60)
    assert RULES.keys() <= SUPPORTED_NON_LINEAR.keys()
    may_leave.set()
    thread.join(60)
    assert not RULES.keys() & SUPPORTED_NON_LINEAR.keys()
