"""What an engine keeps of a network: renewed whenever the network changes, and gone when it goes."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import nn

from explainers.api import explain
from explainers.core.black_box import BlackBox
from explainers.core.model import Model
from explainers.engine.network_state import NetworkParts
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_cnn, small_model


@pytest.mark.parametrize("through", ["the weight", "its data"])
@pytest.mark.parametrize("method", ["deeplift", "guided-backprop", "lrp-epsilon", "grad-cam", "gradient"])
def test_an_answer_is_renewed_when_a_weight_changes_in_place(method, through):
    """DeepLift's rewritten copy and the table of layers are kept: until a weight changes."""
    model, engine = small_model(), fixed_engine(4)
    inputs = random_inputs(2)
    before = explain(model, inputs, method, 0, engine=engine).values
    with torch.no_grad():
        for parameter in model.network.head.parameters():
            (parameter if through == "the weight" else parameter.data).mul_(2)
    after = explain(model, inputs, method, 0, engine=engine).values
    assert_close(after, 2 * before, 1e-5)


@pytest.mark.parametrize(
    "change", ["load_state_dict", "replaced parameter", "buffer in place", "optimiser", "data", "module", "hook"]
)
def test_every_way_of_changing_a_weight_is_noticed(change):
    network, engine = small_cnn(), fixed_engine(4)

    def copy() -> object:
        return engine.derive(NetworkParts.of(network), "copy", lambda _: object(), contents=True)

    first = copy()
    assert copy() is first
    if change == "load_state_dict":
        network.load_state_dict(small_cnn(seed=1).state_dict())
    elif change == "replaced parameter":
        network.head.weight = nn.Parameter(network.head.weight.detach().clone())
    elif change == "buffer in place":
        network.norm1.running_mean.add_(1)
    elif change == "data":
        network.conv2.weight.data.copy_(network.conv2.weight.flip(0))
    elif change == "module":
        network.relu = nn.Tanh()
    elif change == "hook":
        network.conv1.register_forward_hook(lambda *given: given[-1] + 1)
    else:
        network(random_inputs(1)).sum().backward()
        torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert copy() is not first


def unmerged() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5))


@pytest.mark.parametrize(
    ("build", "method"),
    [
        (small_cnn, "deeplift"),
        (small_cnn, "rise"),
        (unmerged, "rise"),
        (lambda: BlackBox(lambda x: x.mean((2, 3))), "rise"),
    ],
)
def test_what_is_kept_goes_with_its_network(build, method):
    engine, network = fixed_engine(100), build()
    engine.derive(NetworkParts.of(network), "a", lambda _: object())
    options = {"precision": "mixed", "samples": 100} if method == "rise" else {}
    explain(Model("m", network, (3, 16, 16), fingerprint="m"), random_inputs(1), method, 0, engine=engine, **options)
    assert len(engine._derived) == 1
    assert len(engine._chunks) >= 1
    del network
    gc.collect()
    assert len(engine._derived) == len(engine._chunks) == 0
