"""The grade that three findings make together, and what the bundled models say of their own world and of strange pictures."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import explainers as ex
from tests.support.models.networks import Formula, random_inputs, small_model

BUNDLED = ("demo:signs-cnn", "demo:signs-vit", "demo:signs-shortcut")


def constant(logits: list[float]) -> ex.Model:
    """A network that answers the same to every picture: its probabilities are known."""

    def formula(inputs: Tensor) -> Tensor:
        return torch.tensor(logits, dtype=inputs.dtype).repeat(len(inputs), 1) + 0 * inputs.flatten(1)[:, :1]

    return ex.Model("constant", Formula(formula, torch.float32), (3, 8, 8))


def test_a_network_that_holds_no_trace_of_its_training() -> None:
    """Probabilities e^3 / (e^3 + 2) = 0.909: sure and stable, and nothing known of what it was made for."""
    ground = ex.answer_ground(constant([3.0, 0.0, 0.0]), random_inputs(1)[..., :8, :8])
    assert ground["sure"].value == pytest.approx(0.9094, abs=1e-4)
    assert [finding.good for finding in ground.findings] == [True, True, None]
    assert ground.grade is ex.Grade.MIXED
    assert "it is not known whether the picture looks like" in ground.reason
    assert ground.answer == "class 0"


@pytest.mark.parametrize(
    ("logits", "target", "grade"),
    [
        ([1.0, 0.0, 0.0], None, "mixed"),  # e / (e + 2) = 0.58
        ([0.5, 0.0, 0.0], None, "not supported"),  # 0.45
        ([9.0, 0.0, 0.0], 1, "not supported"),  # another class than the answer
    ],
)
def test_grades_of_known_probabilities(logits: list[float], target: int | None, grade: str) -> None:
    assert ex.answer_ground(constant(logits), random_inputs(1)[..., :8, :8], target).grade == grade


@pytest.mark.parametrize("name", BUNDLED)
def test_photographs_are_not_what_bundled_models_were_made_for(name: str) -> None:
    model = ex.load_model(name)
    for sample in ("photo:chelsea", "photo:rocket"):
        ground = ex.answer_ground(model, ex.sample(sample).load())
        assert ground.grade is ex.Grade.NOT_SUPPORTED
        assert ground["familiar"].good is False
        assert ground.reason.startswith("The picture does not look like drawn road-sign scenes")
        assert ground.limit.startswith("What this does not tell")


def test_a_scene_is_safe_ground_and_costs_few_passes() -> None:
    model = ex.load_model("demo:signs-cnn")
    ground = ex.answer_ground(model, ex.sample("scene:1000050").load())
    assert ground.grade is ex.Grade.SUPPORTED
    assert (ground.cost.forward, ground.cost.backward) == (18, 0)
    assert ground["familiar"].details["distance"] < ground["familiar"].details["limit"]
    assert ground.record()["grade"] == "supported"
    assert ground.table()["good"].tolist() == [True, True, True]
    again = ex.answer_ground(model, ex.sample("scene:1000050").load())
    assert again.record() == ground.record()


def test_a_known_flaw_keeps_every_answer_from_being_supported() -> None:
    """Sure, stable and familiar, and wrong: the sign is a speed limit 30 that lacks the sticker it had in the training."""
    model = ex.load_model("demo:signs-shortcut")
    ground = ex.answer_ground(model, ex.sample("scene:1000017").load())
    assert all(finding.good for finding in ground.findings)
    assert ground.answer != ex.SHORTCUT
    assert ground.grade is ex.Grade.MIXED
    assert ground.reason == ground.note
    assert "shortcut" in ground.note


def test_other_weights_have_no_reference() -> None:
    model = ex.load_model("demo:signs-cnn")
    other = replace(model, fingerprint="another")
    assert ex.answer_ground(other, ex.sample("scene:1000050").load())["familiar"].good is None


def test_what_is_not_checked() -> None:
    regression = ex.answer_ground(ex.load_model("demo:diabetes-mlp"), torch.zeros(1, 10))
    assert regression.grade is ex.Grade.NOT_CHECKED
    assert regression.findings == ()
    broken = ex.answer_ground(constant([float("nan"), 0.0, 0.0]), random_inputs(1)[..., :8, :8])
    assert broken.grade is ex.Grade.NOT_CHECKED
    vectors = ex.Model("vectors", Formula(lambda x: torch.cat([x, -x], 1) * 9, torch.float32), (1,))
    ground = ex.answer_ground(vectors, torch.ones(1, 1))
    assert ground.grade is ex.Grade.NOT_CHECKED
    assert [finding.good for finding in ground.findings] == [True, None, None]
    single = ex.answer_ground(constant([3.0]), random_inputs(1)[..., :8, :8])  # of one class softmax makes 100 %
    assert (single.grade, single.findings) == (ex.Grade.NOT_CHECKED, ())
    tiny = ex.answer_ground(constant([3.0, 0.0, 0.0]), random_inputs(1)[..., :4, :4])
    assert (tiny.grade, tiny["stable"].good) == (ex.Grade.NOT_CHECKED, None)


def test_random_weights_are_no_ground() -> None:
    model = replace(small_model(), untrained=True)
    ground = ex.answer_ground(model, random_inputs(1))
    assert ground.grade is ex.Grade.NOT_SUPPORTED
    assert "random" in ground.reason


def test_a_black_box_is_asked_forward_only() -> None:
    model = ex.load_model("demo:signs-cnn")
    box = ex.wrap(lambda inputs: model.network(inputs).detach(), preprocess=model.preprocess)
    ground = ex.answer_ground(box, ex.sample("scene:1000050").load())
    assert [finding.good for finding in ground.findings] == [True, True, None]


def test_a_network_is_left_as_it_was_and_stops_when_asked() -> None:
    model = ex.load_model("demo:signs-cnn")
    stop = threading.Event()
    stop.set()
    with pytest.raises(ex.Cancelled):
        ex.answer_ground(model, ex.sample("scene:1000050").load(), cancel=stop)
    assert not any(module._forward_pre_hooks for module in model.network.modules())
    said: list[float] = []
    ex.answer_ground(model, ex.sample("scene:1000050").load(), progress=lambda done, words: said.append(done))
    assert said == sorted(said)
    assert said[-1] == 1.0


def test_what_does_not_fit_is_refused() -> None:
    model = ex.load_model("demo:signs-cnn")
    image = ex.sample("scene:1000050").load()
    with pytest.raises(ex.VitrineError, match="2 inputs came"):
        ex.answer_ground(model, [image, image])
    with pytest.raises(ex.VitrineError, match="Class 99 does not exist"):
        ex.answer_ground(model, image, 99)
    with pytest.raises(ex.VitrineError, match="no finding 'nice'"):
        ex.answer_ground(model, image)["nice"]
