"""What callers give for a target, read."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import (
    ChannelTarget,
    ClassTarget,
    ContrastTarget,
    RegressionTarget,
    TopTarget,
)
from explainers.core.target_parser import class_index, parse_target


@pytest.fixture
def signs() -> Model:
    return Model("signs", nn.Linear(2, 5), (2,), labels=("Stop", "yield", "crane", "crane", "7"))


def test_reading_targets(signs):
    assert parse_target(None, signs) == TopTarget()
    assert parse_target(3, signs) == ClassTarget(3)
    assert parse_target("yield", signs) == ClassTarget(1)
    assert parse_target(" STOP ", signs) == ClassTarget(0)
    assert parse_target("2", signs) == ClassTarget(2)
    assert parse_target("7", signs) == ClassTarget(4), "a label that looks like a number is a label"
    own = ContrastTarget(0, 1)
    assert parse_target(own, signs) is own


def test_reading_channels(signs):
    assert parse_target("layer2.0:17", signs) == ChannelTarget("layer2.0", 17)
    assert parse_target(" fc:3 ", signs) == ChannelTarget("fc", 3)
    assert parse_target("layer2.0:17:3,4", signs) == ChannelTarget("layer2.0", 17, (3, 4))
    assert parse_target("blocks.1:2:0", signs) == ChannelTarget("blocks.1", 2, (0,))
    odd = Model("odd", nn.Linear(2, 2), (2,), labels=("version:3", "other"))
    assert parse_target("version:3", odd) == ClassTarget(0), "a label that looks like a channel is a label"
    for strange in ("layer2:", "layer2:x", ":3", "layer2:3:", "layer2:3:1,", "layer2:3:1:2", "layer2:-1"):
        with pytest.raises(VitrineError, match="has no class"):
            parse_target(strange, signs)


def test_reading_targets_of_a_regression():
    model = Model("price", nn.Linear(2, 3), (2,), task="regression")
    assert parse_target(None, model) == RegressionTarget(0)
    assert parse_target(2, model) == RegressionTarget(2)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("crane", "signs has 2 classes called 'crane'; give one of the indices [2, 3]."),
        ("yeild", "signs has no class 'yeild'; did you mean: yield?"),
        ("stopp", "signs has no class 'stopp'; did you mean: stop?"),
    ],
)
def test_labels_that_name_no_class_or_several(signs, label, sentence):
    with pytest.raises(VitrineError) as refusal:
        class_index(label, signs)
    assert str(refusal.value) == sentence


def test_a_label_like_none_of_them_shows_what_labels_look_like(signs):
    with pytest.raises(VitrineError, match="did you mean: stop, yield, crane"):
        class_index("zzzzzz", signs)


def test_labels_of_a_model_without(signs):
    with pytest.raises(VitrineError, match="has no class 'cat'; give its index"):
        parse_target("cat", Model("bare", nn.Linear(2, 5), (2,)))


@pytest.mark.parametrize("strange", [3.5, [0, 1], torch.tensor(1)])
def test_what_is_no_target_is_refused_in_a_sentence(signs, strange):
    with pytest.raises(VitrineError, match="give the index or label of a class"):
        parse_target(strange, signs)
