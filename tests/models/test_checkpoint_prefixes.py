"""Prefixes that wrappers leave before every name."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from explainers.models import fit_state_dict


def tiny() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["module.", "_orig_mod.", "model.", "net."]), max_size=5))
def test_any_stack_of_prefixes_is_taken_off(prefixes):
    network = tiny()
    state = network.state_dict()
    wrapped = {"".join(prefixes) + name: tensor for name, tensor in state.items()}
    fitted = fit_state_dict(wrapped, network)
    assert fitted.keys() == state.keys()
    assert all(fitted[name] is wrapped["".join(prefixes) + name] for name in state)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["module", "model", "net"]), min_size=1, max_size=3), st.integers(0, 3))
def test_prefixes_that_belong_to_the_network_stay(own, extra):
    network = tiny()
    for name in own:
        network = nn.ModuleDict({name: network})
    state = network.state_dict()
    wrapped = {"module." * extra + name: tensor for name, tensor in state.items()}
    assert fit_state_dict(wrapped, network).keys() == state.keys()


def test_a_prefix_is_taken_off_where_most_names_carry_it():
    state = {f"module.{name}": tensor for name, tensor in tiny().state_dict().items()} | {"n_averaged": torch.tensor(3)}
    assert fit_state_dict(state, tiny()).keys() == tiny().state_dict().keys()


def test_names_that_would_collide_are_left():
    state = {"model.weight": torch.ones(2, 2), "model.bias": torch.ones(2), "weight": torch.zeros(2, 2)}
    assert fit_state_dict(state, nn.Linear(2, 2)).keys() == state.keys()
