"""Models: their inputs, and the fingerprint of their weights."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import nn

from explainers.core.errors import VitrineError
from explainers.core.fingerprint import fingerprint_network
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from tests.support.models.networks import random_inputs, small_cnn


@pytest.mark.parametrize("shape", [(3, 16, 16), (16, 16), (1, 1, 3, 16, 16)])
def test_tensors_of_another_number_of_dimensions_are_refused(model, shape):
    with pytest.raises(VitrineError) as refusal:
        model.inputs(torch.zeros(shape))
    assert str(refusal.value) == (
        f"small-cnn takes inputs of shape (N, 3, 16, 16), not {shape}; "
        "add the batch dimension with x.unsqueeze(0) if it is missing."
    )


def test_tensors_are_taken_as_they_stand_in_the_models_dtype():
    model = Model("double", small_cnn(torch.float64), (3, 16, 16))
    inputs = random_inputs(2).requires_grad_()
    read = model.inputs(inputs)
    assert read.dtype == torch.float64
    assert torch.equal(read.float(), inputs)
    assert not read.requires_grad


def test_pictures_go_through_the_contract():
    contract = Preprocess(crop=(16, 16), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    model = Model("half", small_cnn(torch.bfloat16), (3, 16, 16), preprocess=contract)
    red = Image.new("RGB", (16, 16), (255, 0, 51))
    read = model.inputs([red, red])
    assert read.dtype == torch.bfloat16
    assert read[1, :, 3, 5].tolist() == pytest.approx([2, -2, -1.2], abs=0.01)
    assert torch.equal(model.inputs(red), read[:1])


def test_pictures_without_a_contract_are_refused(model):
    with pytest.raises(VitrineError, match="small-cnn has no preprocessing"):
        model.inputs(Image.new("RGB", (16, 16)))


def test_labels():
    model = Model("m", nn.Linear(2, 3), (2,), labels=("a", "b"))
    assert [model.label(i) for i in range(3)] == ["a", "b", "class 2"]
    assert Model("m", nn.Linear(2, 3), (2,)).label(1) == "class 1"


def test_a_model_is_fingerprinted_when_it_is_made():
    network = small_cnn()
    assert Model("m", network, (3, 16, 16)).fingerprint == fingerprint_network(network)
    assert Model("m", network, (3, 16, 16), fingerprint="known").fingerprint == "known"
