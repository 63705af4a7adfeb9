"""Target sensitivity: methods that ignore the class, mirror it or dice are caught, and every kind of target has another."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

import explainers as ex
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.trust.checks.target_sensitivity import another_target
from tests.support.attributions import SIDE, random_map
from tests.support.invented import Formula, edges, invented
from tests.support.models.networks import random_inputs, small_model

NAME = "target-sensitivity"
LOGITS = torch.tensor([[3.0, -1.0, 0.5, -2.0]])


def judged(method: str, target: object = 1, model: ex.Model | None = None, **options: object) -> ex.Finding:
    model = model or small_model()
    image = random_inputs(1)
    return ex.verify(model, image, ex.explain(model, image, method, target, **options), NAME)[NAME]


@pytest.mark.parametrize(
    ("target", "outputs", "expected"),
    [
        (ex.ClassTarget(0), LOGITS, ex.ClassTarget(3)),
        (ex.ClassTarget(3), LOGITS, ex.ClassTarget(1)),
        (ex.ClassTarget((3,)), LOGITS, ex.ClassTarget(1)),
        (ex.ContrastTarget(0, 1), LOGITS, ex.ClassTarget(3)),
        (ex.ClassTarget(0), torch.zeros(1, 1), None),
        (ex.ChannelTarget("layer", 1), torch.zeros(1, 6, 4, 4), ex.ChannelTarget("layer", 4)),
        (ex.ChannelTarget("layer", 5, (1, 2)), torch.zeros(1, 6, 4, 4), ex.ChannelTarget("layer", 2, (1, 2))),
        (ex.ChannelTarget("layer", 5), torch.zeros(1, 145, 8), ex.ChannelTarget("layer", 1)),
        (ex.ChannelTarget("layer", 0), torch.zeros(1, 1, 4, 4), None),
        (ex.RegressionTarget(2), torch.zeros(1, 3), ex.RegressionTarget(0)),
        (ex.RegressionTarget(3), torch.zeros(1, 1, 5), ex.RegressionTarget(4)),
        (ex.RegressionTarget(0), torch.zeros(1, 1), None),
    ],
)
def test_what_is_asked_for_instead(target: Target, outputs: Tensor, expected: Target | None) -> None:
    """The least probable class, a far channel of the same layer and place, the next output."""
    assert another_target(target, outputs) == expected


def test_the_value_is_the_rank_correlation_with_the_least_probable_class() -> None:
    model, image = small_model(), random_inputs(1)
    outputs = ex.predict(model, image).outputs[0]
    least = int(outputs.argmin())
    own, other = (ex.explain(model, image, "grad-cam", label) for label in (int(outputs.argmax()), least))
    finding = ex.verify(model, image, own, NAME)[NAME]
    expected = abs(spearmanr(own.heatmap().flatten(), other.heatmap().flatten()).statistic)
    assert finding.value == pytest.approx(expected, abs=1e-6)
    assert finding.details == {"other class": model.label(least), "second run": pytest.approx(1)}
    assert finding.cost.backward == 2 * own.cost.backward


@pytest.mark.parametrize("formula", [edges, lambda run, inputs, target: inputs.abs()])
def test_a_method_that_ignores_the_class_fails(formula: Formula) -> None:
    with invented(formula) as name:
        finding = judged(name)
    assert (finding.value, finding.good) == (pytest.approx(1), False)
    assert "hardly depends on the class" in finding.sentence


def signed_by_class(run: Run, inputs: Tensor, target: Target) -> Tensor:
    """The same places for every class: with their signs turned for all but class 1."""
    return inputs if target == ex.ClassTarget(1) else -inputs


def test_the_negative_of_a_map_shows_the_same_places() -> None:
    with invented(signed_by_class) as name:
        finding = judged(name)
    assert (finding.value, finding.good) == (pytest.approx(1), False)


def a_map_of_each_class(noise: float) -> Callable[[Run, Tensor, Target], Tensor]:
    """Maps that know the class, with so much of them another one in every run."""
    runs = itertools.count(100)

    def formula(run: Run, inputs: Tensor, target: Target) -> Tensor:
        assert isinstance(target, ex.ClassTarget)
        assert isinstance(target.index, int)
        return (random_map(target.index) + noise * random_map(next(runs)))[None, None].to(inputs)

    return formula


def test_a_map_that_is_another_one_when_made_again_fails() -> None:
    with invented(a_map_of_each_class(noise=1.5)) as name:
        dice = judged(name)
    with invented(a_map_of_each_class(noise=0.2)) as name:
        steady = judged(name)
    assert dice.good is False
    assert dice.details["second run"] < 0.6
    assert "another map" in dice.sentence
    assert steady.good is True
    assert steady.details["second run"] > 0.9
    assert steady.value < 0.3


def test_drawn_masks_get_another_seed_in_the_second_run() -> None:
    """RISE of a few masks is another map with another seed; with its own seed again it would be the same."""
    assert judged("rise", samples=16, cells=4).details["second run"] < 0.95
    assert judged("grad-cam").details["second run"] == pytest.approx(1)


def test_on_a_trained_network_the_class_blind_method_is_told_from_the_other() -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load()
    honest, blind = (
        ex.verify(model, image, ex.explain(model, image, method), NAME)[NAME] for method in ("grad-cam", "eigen-cam")
    )
    assert (honest.good, blind.good) == (True, False)
    assert blind.value == pytest.approx(1)
    assert honest.clause == "another class has another map"


def test_a_channel_of_tokens_has_another_channel() -> None:
    """145 tokens of 64 channels: the other channel must be one of these."""
    model, image = ex.load_model("demo:signs-vit"), ex.sample("scene:1000050").load()
    attribution = ex.explain(model, image, "gradient", ex.ChannelTarget("blocks.0.norm1", 40))
    finding = ex.verify(model, image, attribution, NAME)[NAME]
    assert finding.value is not None
    assert finding.details["other class"] == "channel 8 of blocks.0.norm1"


@dataclass(frozen=True)
class OnePlace:
    """The score of one pixel in an output that is a picture."""

    def __call__(self, outputs: Tensor) -> Tensor:
        return outputs[:, 1, 2, 3]

    def take(self, rows: object) -> OnePlace:
        return self

    def describe(self, labels: object = None) -> str:
        return "one place"


@pytest.mark.parametrize("outputs", [1, SIDE])
def test_where_nothing_else_can_be_asked_for_it_is_not_checked(outputs: int) -> None:
    picture = nn.Conv2d(3, 2, 3, padding=1)
    network, target = (
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 1)), ex.RegressionTarget(0))
        if outputs == 1
        else (picture, OnePlace())
    )
    model = ex.Model("plain", network.eval(), (3, SIDE, SIDE), task="regression" if outputs == 1 else "classification")
    finding = judged("gradient", target, model)
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert finding.sentence.startswith("Not checked")


def test_a_constant_map_has_no_ranks_to_compare() -> None:
    model, image = small_model(), random_inputs(1)
    constant = replace(ex.explain(model, image, "gradient"), values=torch.ones(1, SIDE, SIDE))
    finding = ex.verify(model, image, constant, NAME)[NAME]
    assert (finding.value, finding.good, finding.clause) == (None, None, "")
    assert "constant" in finding.sentence
