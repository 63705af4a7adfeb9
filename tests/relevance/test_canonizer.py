"""The copy that relevance is propagated through: what takes which form in it, what is named, and what refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.relevance._family import COMPOSITES
from explainers.relevance.conservation import relevance_notes
from tests.support.models.networks import assert_close, random_inputs
from tests.support.models.transformers import swin

SHAPE = (2, 6, 6)
Formula = Callable[[Tensor], Tensor]


class Wild(nn.Module):
    """What tracing must tame: shared layers, writing in place, functions and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.conv(x))
        x += self.relu(self.conv(x))
        x = torch.nn.functional.max_pool2d(x, 2) * 0.5
        return self.head(x.mean((2, 3)))


class Tame(nn.Module):
    """The same with a module of its own for every step; the factor is in the last layer."""

    def __init__(self, wild: Wild) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 2, 3, padding=1).double()
        self.second = nn.Conv2d(2, 2, 3, padding=1).double()
        self.pool, self.mean = nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
        self.first.load_state_dict(wild.conv.state_dict())
        self.second.load_state_dict(wild.conv.state_dict())
        self.head = nn.Linear(2, 3).double()
        self.head.load_state_dict({"weight": wild.head.weight * 0.5, "bias": wild.head.bias})

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        x = x + self.second(x).relu()
        return self.head(self.mean(self.pool(x)).flatten(1))


@pytest.mark.parametrize("method", COMPOSITES)
def test_shared_and_in_place_modules_and_functions_count_as_modules_of_their_own(method: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        wild = Wild().double().eval()
    inputs = random_inputs(2, SHAPE, dtype=torch.float64)
    model = Model("wild", wild, SHAPE)
    expected = explain(Model("tame", Tame(wild), SHAPE), inputs, method, 1).values
    assert_close(explain(model, inputs, method, 1).values, expected, 1e-4)  # small scores beside 1e-6
    assert relevance_notes(model) == []


class Between(nn.Module):
    """A formula between two layers without biases."""

    def __init__(self, formula: Formula) -> None:
        super().__init__()
        self.formula = formula
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(6, 6, bias=False), nn.Linear(6, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.formula(self.first(x).relu()))


SPELLINGS: dict[str, tuple[Formula, Formula]] = {
    "x + x": (lambda x: x + x, lambda x: x * 2),
    "x.add(other=x)": (lambda x: x.add(other=x), lambda x: x * 2),
    "sum": (lambda x: sum([x, x]), lambda x: x * 2),
    "2 * x": (lambda x: 2 * x, lambda x: x * 2),
    "1 - x": (lambda x: 1 - x, lambda x: -x + 1),
    "3 + x": (lambda x: 3 + x, lambda x: x + 3),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_one_tensor_and_a_constant_in_either_place_and_one_tensor_twice(name: str) -> None:
    inputs = random_inputs(2, (6,), dtype=torch.float64)
    model, plainer = (Model(name, Between(formula).double(), (6,)) for formula in SPELLINGS[name])
    assert relevance_notes(model) == []
    for method in ("lrp-epsilon", "lrp-gamma"):
        assert_close(explain(model, inputs, method, 1).values, explain(plainer, inputs, method, 1).values, 1e-4)


@pytest.mark.parametrize("formula", [lambda x: x * x, lambda x: x.mul(x), lambda x: 1 / (x + 1)])
def test_what_is_not_linear_in_its_one_tensor_is_named(formula: Formula) -> None:
    model = Model("bent", Between(formula).double(), (6,))
    assert explain(model, random_inputs(1, (6,), dtype=torch.float64), "lrp-epsilon", 1).values.any()
    (uncovered,) = relevance_notes(model)
    assert uncovered.startswith("No rule covers 1 × ")


def notes_on(*layers: nn.Module) -> list[str]:
    return relevance_notes(Model("noted", nn.Sequential(*layers).eval(), SHAPE))


def test_notes_name_what_no_rule_covers() -> None:
    conv, norm = nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)
    assert notes_on(conv, norm, nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(), nn.Flatten()) == []
    (smooth,) = notes_on(conv, nn.SiLU(), conv, nn.GELU(), nn.SiLU())
    assert "2 × SiLU, 1 × GELU" in smooth
    (first,) = notes_on(norm, nn.ReLU(), conv)
    assert "1 batch norm stands after no layer" in first
    (uncovered,) = notes_on(conv, nn.LayerNorm((4, 4)), nn.Flatten(), nn.Softmax(1))
    assert "1 × LayerNorm, 1 × Softmax" in uncovered


def test_attention_is_refused_in_a_sentence() -> None:
    vit = ex.load_model("demo:signs-vit")
    with pytest.raises(VitrineError, match=r"SignsViT has attention, .*use attn-lrp or cp-lrp"):
        explain(vit, random_inputs(1, (3, 96, 96)), "lrp-epsilon-plus")


def test_networks_that_cannot_be_traced_are_refused_in_a_sentence() -> None:
    class Branching(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if x.sum() > 0 else -super().forward(x)

    with pytest.raises(VitrineError, match="cannot be traced"):
        explain(Model("branching", Branching(3, 2), (3,)), torch.ones(1, 3), "lrp-epsilon")


class ChannelAttention(nn.Module):
    """No attention but in its name."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.mean((2, 3), keepdim=True).sigmoid()


@pytest.mark.parametrize("version", [1, 2])
def test_attention_in_windows_is_refused_too(version: int) -> None:
    model = Model("swin", swin(version), (3, 16, 20))
    with pytest.raises(VitrineError, match="SwinTransformer has attention"):
        explain(model, random_inputs(1, (3, 16, 20)), "lrp-epsilon-plus")
    (note,) = relevance_notes(model)
    assert "AttnLRP and CP-LRP have rules" in note


class OpenAttention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        return (tokens @ tokens.transpose(1, 2)).softmax(-1) @ tokens


class FusedAttention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2)
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)


@pytest.mark.parametrize("kind", [OpenAttention, FusedAttention])
def test_attention_that_is_spelled_out_is_refused_too(kind: type[nn.Module]) -> None:
    network = nn.Sequential(nn.Conv2d(2, 4, 3), kind(), nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(VitrineError, match="Sequential has attention"):
        explain(Model("open", network, SHAPE), random_inputs(1, SHAPE), "lrp-epsilon")


def test_a_softmax_over_classes_is_no_attention() -> None:
    notes = notes_on(nn.Conv2d(2, 2, 3), ChannelAttention(), nn.Flatten(), nn.Softmax(1))
    assert any("1 × Softmax" in note for note in notes)
