"""How familiar: by a reference whose distances are known, by what BatchNorms remember, and unknown where neither tells."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import explainers as ex
from explainers.engine.run import Run
from explainers.trust.ground.familiarity import (
    OUTLANDISH,
    familiarity_by_norms,
    familiarity_by_reference,
    features_of,
    head_layer,
    norm_deviations,
    remembering_norms,
)
from tests.support.models.networks import random_inputs, small_model
from tests.support.references import line_reference


def normed(channels: int = 16, mean: float = 0.5, variance: float = 4.0) -> ex.Model:
    """One BatchNorm that remembers a mean and a variance, on pictures as they come."""
    norm = nn.BatchNorm2d(channels)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(mean)
    norm.running_var.fill_(variance)
    network = nn.Sequential(norm, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)).eval()
    return ex.Model("normed", network, (channels, 8, 8))


def test_a_reference_tells_near_from_far() -> None:
    """At 2.2 the distance is 0.4, and 60 of the 100 pictures held out are farther; at 3 it is 2, and none is."""
    near = familiarity_by_reference(torch.tensor([[2.2]]), line_reference())
    far = familiarity_by_reference(torch.tensor([[3.0]]), line_reference())
    assert near.good is True
    assert near.value == pytest.approx(0.6, abs=0.011)
    assert far.good is False
    assert far.value == 0
    assert far.details["distance"] == 2.0
    assert "it is 4.0 times as far" in far.sentence  # half of the pictures lie within 0.505


def test_deviation_from_a_norm_worked_out_by_hand() -> None:
    """A constant picture of value v has the second moment (v - 1/2)^2 about the mean, against a variance of 4."""
    model = normed()
    run = Run(model, ex.engine_for("cpu"))
    values = torch.tensor([2.5, 4.5, 0.5 + 2 * math.e])
    inputs = values.view(3, 1, 1, 1).expand(3, 16, 8, 8).contiguous()
    deviations, table = norm_deviations(run, inputs, ["0"])
    expected = [0.0, math.log(4), 2.0]
    assert deviations.tolist() == pytest.approx(expected, abs=1e-4)  # eps of 1e-5 beside 4
    assert table["channels"].tolist() == [16]
    assert run.cost.forward == 3


def test_norms_tell_far_pictures_and_never_vouch_for_others() -> None:
    model = normed()
    run = Run(model, ex.engine_for("cpu"))
    usual = 0.5 + 2 * torch.randn(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
    assert familiarity_by_norms(run, model, usual).good is None
    far = familiarity_by_norms(run, model, usual * 5)
    assert far.good is False
    assert far.details["deviation"] > OUTLANDISH
    assert far.sentence.startswith("The picture does not look like")


@pytest.mark.parametrize(
    "model", [normed(mean=0.0, variance=1.0), normed(mean=0.0, variance=1 - 1e-5), normed(channels=3)]
)
def test_norms_that_hold_nothing_leave_it_unknown(model: ex.Model) -> None:
    """Fresh ones, ones that were folded into the convolutions, and too few channels."""
    run = Run(model, ex.engine_for("cpu"))
    finding = familiarity_by_norms(run, model, torch.full((1, *model.input_shape), 100.0))
    assert finding.good is None
    assert "It is not known whether" in finding.sentence
    assert run.cost.forward == 0


def test_real_norms_folded_into_convolutions_remember_nothing(shared_fixtures: object) -> None:
    weights = f"{shared_fixtures}/weights/imagenet/mobilenet_v2_imagenet1k.safetensors"
    model = ex.load_model("torchvision:mobilenet_v2", weights=weights)
    assert remembering_norms(model.network) == []


def test_bundled_norms_know_their_own_scenes_and_no_blank_pictures() -> None:
    model = ex.load_model("demo:signs-cnn")
    names = remembering_norms(model.network)
    assert len(names) == 11
    run = Run(model, ex.engine_for("cpu"))
    scenes = model.inputs([ex.sample(f"scene:{seed}").load() for seed in (1000050, 1000003, 1000031)])
    blank = torch.tensor([-0.5, 0.0, 0.5]).view(3, 1, 1, 1).expand(3, 3, 96, 96).contiguous()
    assert norm_deviations(run, scenes, names)[0].max() < OUTLANDISH
    assert norm_deviations(run, blank, names)[0].min() > OUTLANDISH


def test_features_are_what_goes_into_the_head() -> None:
    model, inputs = small_model(), random_inputs(3)
    run = Run(model, ex.engine_for("cpu"))
    assert head_layer(run, 5) == "head"
    assert head_layer(run, 7) is None
    outputs, features = features_of(run, inputs, "head")
    head = model.network.get_submodule("head")
    with torch.no_grad():
        torch.testing.assert_close(head(features), outputs)
    assert not any(module._forward_pre_hooks for module in model.network.modules())
