"""Finer-CAM."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.grad_cam.finer_cam import FinerOptions, nearest_target
from tests.support.models.networks import assert_close, random_inputs, small_model


def test_finer_cam_against_one_class_is_grad_cam_of_the_difference():
    model, inputs = small_model(torch.float64), random_inputs(3)
    with torch.no_grad():
        outputs = model.network(inputs.double())
    own = outputs.argmax(1)
    nearest = outputs.scatter(1, own.unsqueeze(1), -torch.inf).argmax(1)
    finer = explain(model, inputs, "finer-cam", compared=1)
    contrast = ContrastTarget(tuple(own.tolist()), tuple(nearest.tolist()))
    assert_close(finer.values, explain(model, inputs, "grad-cam", contrast).values, 1e-6)
    alone = explain(model, inputs, "finer-cam", 2, compared=1, strength=0)
    assert_close(alone.values, explain(model, inputs, "grad-cam", 2).values, 1e-6)


def test_finer_cam_compares_with_the_nearest_scores():
    outputs = torch.tensor([[1.0, 5.0, 2.0, 9.0], [3.0, 3.0, 0.0, 8.0]])
    target = nearest_target(outputs, ClassTarget((2, 1)), FinerOptions(compared=2))
    assert target.classes == (2, 1)
    assert target.others == ((0, 1), (0, 2))
    with pytest.raises(VitrineError, match="needs a class as its target"):
        explain(small_model(), random_inputs(1), "finer-cam", ContrastTarget(0, 1))


def test_each_input_of_a_batch_is_compared_with_its_own_classes():
    model, inputs = small_model(torch.float64), random_inputs(3)
    together = explain(model, inputs, "finer-cam", ClassTarget((0, 1, 4)))
    for row, index in enumerate((0, 1, 4)):
        assert_close(together.values[row], explain(model, inputs[row : row + 1], "finer-cam", index).values[0], 1e-6)
