"""DeepLift's rules that are ours: right for each picture, whatever comes with it, and complete."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from captum.attr import DeepLift
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from tests.core.networks import assert_close, fixed_engine, random_inputs, small_cnn

# Every way from the input to the score leads through this layer.
RESCALING = {
    "deeplift": {},
    "deeplift-shap": {"number": 3},
    "layer-deeplift": {"layer": "body.conv2"},
    "layer-deeplift-shap": {"layer": "body.conv2", "number": 3},
}


class Ending(nn.Module):
    """A small network with something after its logits."""

    def __init__(self, last) -> None:
        super().__init__()
        self.body = small_cnn(torch.float64)
        self.last = last

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.body(inputs))


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
