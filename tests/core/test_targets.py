"""Targets: what is explained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.api import class_index, read_target
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget, RegressionTarget, Target, TopTarget

OUTPUTS = torch.tensor([[1.0, 5.0, 2.0], [8.0, -3.0, 0.5]])


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        (ClassTarget(1), [5.0, -3.0]),
        (ClassTarget((2, 0)), [2.0, 8.0]),
        (ContrastTarget(1, 2), [3.0, -3.5]),
        (ContrastTarget((1, 0), 2), [3.0, 7.5]),
        (ContrastTarget((1, 0), (0, 1)), [4.0, 11.0]),
        (RegressionTarget(2), [2.0, 0.5]),
        (TopTarget(), [5.0, 8.0]),
    ],
)
def test_scores(target, scores):
    assert isinstance(target, Target)
    assert target(OUTPUTS).tolist() == scores
    hash(target)
    for row in (0, 1):
        assert target.take([row])(OUTPUTS[row : row + 1]).tolist() == scores[row : row + 1]
    assert target.take([1, 0, 1])(OUTPUTS[[1, 0, 1]]).tolist() == [scores[1], scores[0], scores[1]]


def test_scores_have_the_gradient_of_their_column():
    outputs = OUTPUTS.clone().requires_grad_()
    ContrastTarget((1, 0), 2)(outputs).sum().backward()
    assert outputs.grad.tolist() == [[0, 1, -1], [1, 0, -1]]


def test_a_regression_may_put_out_one_number_per_row():
    assert RegressionTarget()(torch.tensor([3.0, 4.0])).tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (ClassTarget(3), "Class 3 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget(-1), "Class -1 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget((2, -4)), "Class -4 does not exist: the model has 3 outputs, 0 to 2."),
        (ContrastTarget(0, 7), "Class 7 does not exist: the model has 3 outputs, 0 to 2."),
        (ClassTarget((0, 1, 2)), "The target names 3 classes for 2 inputs; give one, or one per input."),
    ],
)
def test_classes_that_do_not_exist(target, sentence):
    with pytest.raises(VitrineError) as told:
        target(OUTPUTS)
    assert str(told.value) == sentence


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(VitrineError, match=r"shape \(N, classes\), not \(2, 3, 4, 4\)"):
        ClassTarget(0)(torch.zeros(2, 3, 4, 4))


def test_descriptions():
    labels = ("stop", "yield", "left")
    assert ClassTarget(1).describe(labels) == "yield"
    assert ClassTarget(1).describe() == "class 1"
    assert ClassTarget(9).describe(labels) == "class 9"
    assert ClassTarget((1, 1)).describe(labels) == "yield"
    assert ClassTarget((1, 2)).describe(labels) == "each input's own class"
    assert ContrastTarget(0, 2).describe(labels) == "stop rather than left"
    assert RegressionTarget(1).describe() == "output 1"
    assert RegressionTarget(1).describe(labels) == "yield"
    assert TopTarget().describe(labels) == "each input's top class"


# -- what callers may give ----------------------------------------------------------------------


@pytest.fixture
def signs() -> Model:
    return Model("signs", nn.Linear(2, 5), (2,), labels=("Stop", "yield", "crane", "crane", "7"))


def test_reading_targets(signs):
    assert read_target(None, signs) == TopTarget()
    assert read_target(3, signs) == ClassTarget(3)
    assert read_target("yield", signs) == ClassTarget(1)
    assert read_target(" STOP ", signs) == ClassTarget(0)
    assert read_target("2", signs) == ClassTarget(2)
    assert read_target("7", signs) == ClassTarget(4), "a label that looks like a number is a label"
    own = ContrastTarget(0, 1)
    assert read_target(own, signs) is own


def test_reading_targets_of_a_regression():
    model = Model("price", nn.Linear(2, 3), (2,), task="regression")
    assert read_target(None, model) == RegressionTarget(0)
    assert read_target(2, model) == RegressionTarget(2)


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("crane", "signs has 2 classes called 'crane'; give one of the indices [2, 3]."),
        ("yeild", "signs has no class 'yeild'; did you mean: yield?"),
        ("stopp", "signs has no class 'stopp'; did you mean: stop?"),
    ],
)
def test_labels_that_name_no_class_or_several(signs, label, sentence):
    with pytest.raises(VitrineError) as told:
        class_index(label, signs)
    assert str(told.value) == sentence


def test_a_label_like_none_of_them_shows_what_labels_look_like(signs):
    with pytest.raises(VitrineError, match="did you mean: stop, yield, crane"):
        class_index("zzzzzz", signs)


def test_labels_of_a_model_without(signs):
    with pytest.raises(VitrineError, match="has no class 'cat'; give its index"):
        read_target("cat", Model("bare", nn.Linear(2, 5), (2,)))


@pytest.mark.parametrize("strange", [3.5, [0, 1], torch.tensor(1)])
def test_what_is_no_target_is_refused_in_a_sentence(signs, strange):
    with pytest.raises(VitrineError, match="give the index or label of a class"):
        read_target(strange, signs)
