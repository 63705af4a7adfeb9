"""Many questions at once: the answers of `explain`, for fewer passes; and what maps have in common."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

import explainers as ex

IMAGE = ex.sample("scene:1000050").load()
CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam"]
LAYERS = ["layer1", "layer2", "layer3", "layer4"]


@pytest.fixture(scope="module")
def model() -> ex.Model:
    return ex.load_model("demo:signs-cnn")


def good(answers: list[ex.Attribution | ex.VitrineError]) -> list[ex.Attribution]:
    assert all(isinstance(answer, ex.Attribution) for answer in answers)
    return [answer for answer in answers if isinstance(answer, ex.Attribution)]


def test_answers_are_those_of_explain(model: ex.Model) -> None:
    other = ex.sample("scene:1000003").load()
    questions = [
        ex.Question(model, IMAGE, "layer-cam", options={"layer": "layer2"}),
        ex.Question(model, other, "gradient", "stop"),
        ex.Question(model, IMAGE, "occlusion", options={"patch": 32, "stride": 32}),
        ex.Question(ex.load_model("demo:signs-vit"), IMAGE, "rollout"),
    ]
    for question, answer in zip(questions, good(ex.explain_all(questions)), strict=True):
        expected = ex.explain(question.model, question.image, question.method, question.target, **question.options)
        torch.testing.assert_close(answer.values, expected.values, rtol=1e-4, atol=1e-6)
        assert (answer.method, answer.layer, answer.target) == (expected.method, expected.layer, expected.target)


def test_all_cams_on_all_layers_take_one_capture(model: ex.Model) -> None:
    answers = good(ex.explain_all([ex.Question(model, IMAGE, m, options={"layer": n}) for m in CAMS for n in LAYERS]))
    assert sum(answer.cost.forward for answer in answers) == 1
    assert sum(answer.cost.backward for answer in answers) == 1


def test_models_with_the_same_weights_are_not_taken_for_each_other() -> None:
    convolution, see = nn.Conv2d(3, 4, 3), ex.Preprocess(crop=(8, 8), resize=8)
    models = [
        ex.wrap(nn.Sequential(convolution, after, nn.Flatten()), preprocess=see) for after in (nn.ReLU(), nn.Tanh())
    ]
    picture = ex.sample("photo:chelsea").load()
    questions = [ex.Question(model, picture, "gradient", 5) for model in models]
    for answer, question in zip(ex.explain_all(questions), questions, strict=True):
        assert isinstance(answer, ex.Attribution)
        alone = ex.explain(question.model, picture, "gradient", 5)
        assert torch.equal(answer.score, alone.score)
        assert torch.equal(answer.values, alone.values)


def test_a_question_that_fails_does_not_take_the_others_with_it(model: ex.Model) -> None:
    answers = ex.explain_all(
        [
            ex.Question(model, IMAGE, "grad-cam"),
            ex.Question(model, IMAGE, "grad-cam", options={"layer": "nowhere"}),
            ex.Question(model, IMAGE, "rollout"),
            ex.Question(model, IMAGE, "grad-cam", "no such class"),
        ]
    )
    assert isinstance(answers[0], ex.Attribution)
    assert [type(answer) for answer in answers[1:]] == [ex.VitrineError] * 3
    assert "nowhere" in str(answers[1])
    assert "attention" in str(answers[2])
    assert "no such class" in str(answers[3])


def test_likeness_has_its_extremes(model: ex.Model) -> None:
    attribution = ex.explain(model, IMAGE, "gradient")
    attribution = replace(attribution, method="input-x-gradient")  # whose values have a sign that counts
    against = replace(attribution, values=-attribution.values)
    flat = replace(attribution, values=torch.zeros_like(attribution.values))
    assert ex.likeness(attribution, replace(attribution, values=7 * attribution.values)) == pytest.approx((1, 1))
    assert (ex.likeness(attribution, against) or [0])[0] == pytest.approx(-1)
    assert ex.likeness(attribution, flat) is None
    table = ex.rank_correlations([attribution, against], ["a", "b"])
    assert table["correlation"].tolist() == pytest.approx([1, -1, -1, 1])
    assert table["row"].tolist() == ["a", "a", "b", "b"]


def test_a_difference_is_in_the_unit_of_the_method_or_in_shares(model: ex.Model) -> None:
    attribution = ex.explain(model, IMAGE, "grad-cam")
    twice = replace(attribution, values=2 * attribution.values)
    torch.testing.assert_close(ex.difference(twice, attribution), attribution.heatmap()[0].double())
    renamed = replace(twice, method="hires-cam")  # another method: every map over its own largest value
    assert float(ex.difference(renamed, attribution).abs().max()) == pytest.approx(0, abs=1e-6)


def test_maps_of_two_sizes_have_no_difference(model: ex.Model) -> None:
    small, large = ex.explain(model, IMAGE), ex.explain(ex.load_model("torchvision:resnet18@random"), IMAGE)
    assert ex.likeness(small, large) is None
    with pytest.raises(ex.VitrineError, match="one input size"):
        ex.difference(small, large)
