"""Ablation-CAM."""

from __future__ import annotations

from explainers.api import explain
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.worked_example import ACTIVATIONS, weighted_channels


def test_ablation_cam_weighs_channels_by_what_the_score_loses(weighed):
    """The first channel adds 10 to the score, the second 7."""
    assert_close(explain(weighed, ACTIVATIONS, "ablation-cam", 0).values, weighted_channels(10, 7), 1e-7)
    assert not explain(weighed, ACTIVATIONS, "ablation-cam", 1).values.any(), "-2 x the score: all is evidence against"


def test_ablation_runs_what_lies_below_the_layer_on_one_row():
    model, counts = small_model(), []
    handle = model.network.conv1.register_forward_hook(lambda module, inputs, output: counts.append(len(output)))
    explain(model, random_inputs(1), "ablation-cam", 1, layer="conv3", engine=fixed_engine(8))
    handle.remove()
    assert counts[-1] == 1
