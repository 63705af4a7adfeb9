"""Whatever a pass changes in a network or in the process is put back, also after an error."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import Cancelled
from explainers.core.model import Model
from explainers.engine.network_state import NetworkParts, frozen, preserved_rng, without_fast_attention
from explainers.registry import Method, methods
from tests.support.methods import METHODS, Traces, quick
from tests.support.models.networks import FixedChunks, fixed_engine, random_inputs, small_cnn
from tests.support.models.transformers import DEPTH, MultiHead, tiny_vit


@pytest.fixture
def untidy() -> Model:
    """A network in a state of its own: partly training, partly frozen, one gradient kept."""
    network = small_cnn()
    network.train()
    network.norm1.eval()
    network.norm2.eval()
    network.conv2.weight.requires_grad_(False)
    network.head.weight.grad = torch.full_like(network.head.weight, 0.25)
    return Model("untidy", network, (3, 16, 16))


def test_the_traces_would_be_seen(untidy):
    """The check itself: every one of these changes is one that it reports."""
    network = untidy.network

    def spoil(change: Any) -> bool:
        traces = Traces(network)
        undo = change()
        try:
            traces.assert_none()
        except AssertionError:
            return True
        finally:
            undo()
        return False

    def hook() -> Any:
        return network.conv1.register_forward_hook(lambda *_: None).remove

    def backward_hook() -> Any:
        return network.conv1.register_full_backward_hook(lambda *_: None).remove

    def training() -> Any:
        network.norm1.training = True
        return lambda: setattr(network.norm1, "training", False)

    def grad() -> Any:
        network.conv1.weight.grad = torch.zeros_like(network.conv1.weight)
        return lambda: setattr(network.conv1.weight, "grad", None)

    def requires() -> Any:
        network.conv2.weight.requires_grad_(True)
        return lambda: network.conv2.weight.requires_grad_(False)

    def draw() -> Any:
        torch.rand(1)
        return lambda: None

    assert all(spoil(change) for change in (hook, backward_hook, training, grad, requires, draw))


@pytest.mark.parametrize("method", METHODS)
def test_after_success(untidy, method):
    """Nothing is left, and the mode that the network was in made no difference."""
    inputs = random_inputs(3)
    before = inputs.clone()
    traces = Traces(untidy.network)
    attribution = explain(untidy, inputs, method, 1, engine=fixed_engine(2), **quick(method))
    traces.assert_none()
    assert torch.equal(inputs, before)
    assert not inputs.requires_grad
    assert inputs.grad is None
    evaluating = Model("evaluating", small_cnn(), (3, 16, 16))
    expected = explain(evaluating, inputs, method, 1, engine=fixed_engine(2), **quick(method))
    assert torch.equal(attribution.values, expected.values)


@pytest.mark.parametrize("method", METHODS)
def test_after_an_error_inside_the_forward(untidy, tripwire, method):
    """The error comes at different passes: while the layers are found, in the network, in its rewritten copy."""
    fresh = explain(untidy, random_inputs(3), method, 1, engine=fixed_engine(2), **quick(method))
    traces = Traces(untidy.network)
    for after in (0, 1, 2):
        engine = fixed_engine(2)
        tripwire.left, tripwire.error = after, ZeroDivisionError
        with pytest.raises(ZeroDivisionError):
            explain(untidy, random_inputs(5), method, 1, engine=engine, **quick(method))
        traces.assert_none()
        tripwire.left = None
        again = explain(untidy, random_inputs(3), method, 1, engine=engine, **quick(method))
        assert torch.equal(again.values, fresh.values), f"an error after {after} passes changes the next answer"


@pytest.mark.parametrize("method", METHODS)
def test_after_cancel(untidy, method):
    cancel = threading.Event()
    shares: list[float] = []

    def progress(share: float, words: str) -> None:
        shares.append(share)
        if share > 0:
            cancel.set()

    traces = Traces(untidy.network)
    with pytest.raises(Cancelled):
        explain(
            untidy,
            random_inputs(4),
            method,
            1,
            engine=fixed_engine(1),
            progress=progress,
            cancel=cancel,
            **quick(method),
        )
    traces.assert_none()
    assert 0 < shares[-1] < 1


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("method", METHODS)
def test_after_an_error_in_the_progress_callback(untidy, method):
    fresh = explain(untidy, random_inputs(2), method, 1, engine=fixed_engine(1), **quick(method))
    traces = Traces(untidy.network)
    for calls in (1, 3):
        left, engine = [calls], fixed_engine(1)

        def progress(share: float, words: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise StoppedError

        with pytest.raises(StoppedError):
            explain(untidy, random_inputs(4), method, 1, engine=engine, progress=progress, **quick(method))
        traces.assert_none()
        again = explain(untidy, random_inputs(2), method, 1, engine=engine, **quick(method))
        assert torch.equal(again.values, fresh.values)


def test_frozen_restores_a_mixed_state_after_an_error(untidy):
    traces = Traces(untidy.network)

    def use() -> None:
        assert not any(module.training for module in untidy.network.modules())
        assert not any(parameter.requires_grad for parameter in untidy.network.parameters())
        raise KeyError

    with pytest.raises(KeyError), frozen(NetworkParts.of(untidy.network)):
        use()
    traces.assert_none()


@pytest.mark.parametrize("enabled", [True, False])
def test_fast_attention_is_put_back_to_what_it_was(enabled):
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)

    def use() -> None:
        assert not torch.backends.mha.get_fastpath_enabled()
        raise KeyError

    try:
        with pytest.raises(KeyError), without_fast_attention():
            use()
        assert torch.backends.mha.get_fastpath_enabled() == enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def test_randomness_is_put_back_after_an_error():
    state = torch.get_rng_state()

    def use() -> None:
        torch.rand(5)
        raise KeyError

    with pytest.raises(KeyError), preserved_rng(torch.device("cpu")):
        use()
    assert torch.equal(torch.get_rng_state(), state)


class Dicey(nn.Module):
    """Draws random numbers in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.conv(inputs).mean((2, 3)) + 0 * torch.rand(4)


def test_a_network_that_draws_random_numbers_leaves_the_global_state():
    model = Model("dicey", Dicey(), (3, 16, 16))
    traces = Traces(model.network)
    explain(model, random_inputs(2), "gradient", 0)
    traces.assert_none()


def test_every_registered_method_of_this_network_is_tried():
    assert {"gradient", "deeplift", "guided-backprop", "grad-cam", "eigen-cam"} <= set(METHODS)
    assert all(isinstance(m, Method) for m in methods())
    assert isinstance(fixed_engine(1).chunks(small_cnn()), FixedChunks)


@pytest.mark.parametrize("trainable", [True, False])
def test_what_makes_queries_keys_and_values_counts_as_trainable_while_it_works_and_as_before_afterwards(trainable):
    network = tiny_vit(kind=MultiHead).network.requires_grad_(trainable)
    traces, parts = Traces(network), NetworkParts.of(network)
    with contextlib.suppress(KeyError), frozen(parts):
        trained = [name for name, parameter in network.named_parameters() if parameter.requires_grad]
        assert trained == [f"blocks.{index}.attn.attn.in_proj_weight" for index in range(DEPTH)]
        raise KeyError
    traces.assert_none()
