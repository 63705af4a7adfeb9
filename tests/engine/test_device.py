"""The device that is worked on."""

from __future__ import annotations

import pytest
import torch

from explainers.core.errors import VitrineError
from explainers.engine.device import choose_device, describe_device


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "nonsense:0", "cpu:x", "cuda:-3", "meta"])
def test_a_device_that_does_not_exist_is_refused_in_a_sentence(monkeypatch, name):
    monkeypatch.setenv("VITRINE_DEVICE", name)
    with pytest.raises(VitrineError) as refusal:
        choose_device()
    assert name in str(refusal.value)
    assert "VITRINE_DEVICE" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_variable_chooses(monkeypatch):
    monkeypatch.setenv("VITRINE_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")


def test_an_argument_goes_before_the_variable(monkeypatch):
    monkeypatch.setenv("VITRINE_DEVICE", "nonsense")
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("value", ["", None])
def test_without_a_choice_the_best_there_is(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("VITRINE_DEVICE", raising=False)
    else:
        monkeypatch.setenv("VITRINE_DEVICE", value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device() == torch.device("cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device() == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device() == torch.device("cuda", 0)


def test_the_cpu_has_no_numbers():
    assert choose_device("cpu:0") == torch.device("cpu")


def test_descriptions():
    assert describe_device(torch.device("cpu")) == f"CPU, {torch.get_num_threads()} threads"
    assert describe_device(torch.device("mps")) == "Apple GPU (MPS)"
