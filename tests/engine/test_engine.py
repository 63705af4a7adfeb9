"""The engine: one per device, copies of networks, and work that does not fit in memory."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.engine import Engine, engine_for
from explainers.engine.network_state import NetworkParts
from tests.support.methods import quick
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_cnn, small_model
from tests.support.threads import GUARD


def test_others_hooks_change_nothing_once_their_turn_is_over():
    network, engine = small_cnn(), fixed_engine(4)
    first = engine.derive(NetworkParts.of(network), "copy", lambda _: object())
    inside, waiting, later = threading.Event(), threading.Event(), []

    def other() -> None:
        with engine.turnstile.turn():
            hook = network.conv1.register_forward_hook(lambda *given: None)
            inside.set()
            waiting.wait(GUARD)
            hook.remove()

    thread = threading.Thread(target=other, daemon=True)
    thread.start()
    assert inside.wait(GUARD)
    later.append(engine.derive(NetworkParts.of(network), "copy", lambda _: object(), while_waiting=waiting.set))
    thread.join(GUARD)
    assert later == [first]


def test_derived_things_have_names_and_networks_of_their_own():
    network, other = small_cnn(), small_cnn()
    engine = fixed_engine(1)
    assert engine.derive(NetworkParts.of(network), "a", lambda _: "one a") == "one a"
    assert engine.derive(NetworkParts.of(network), "b", lambda _: "one b") == "one b"
    assert engine.derive(NetworkParts.of(other), "a", lambda _: "other a") == "other a"
    assert engine.derive(NetworkParts.of(network), "a", lambda _: "never made") == "one a"


def test_one_engine_per_device():
    assert engine_for("cpu") is engine_for(torch.device("cpu")) is engine_for("cpu:0")


def test_a_network_elsewhere_is_copied_and_renewed():
    """Here the engine is asked to work on the meta device, where nothing can be computed but copies can be made."""
    engine = Engine(torch.device("meta"))
    network = small_cnn()
    copy = engine.place(NetworkParts.of(network)).network
    assert copy is not network
    assert copy is engine.place(NetworkParts.of(network)).network
    assert not any(p.requires_grad for p in copy.parameters())
    assert all(p.device.type == "meta" for p in copy.parameters())
    assert all(p.requires_grad and p.device.type == "cpu" for p in network.parameters())
    with torch.no_grad():
        network.head.weight.add_(1)
    assert engine.place(NetworkParts.of(network)).network is not copy
    assert engine_for("cpu").place(NetworkParts.of(network)).network is network


def test_a_copy_on_another_device_lies_the_usual_way():
    network = small_cnn().to(memory_format=torch.channels_last)
    assert NetworkParts.of(network).channels_last()
    assert not Engine(torch.device("meta")).place(NetworkParts.of(network)).channels_last()


class Narrow(nn.Module):
    """Runs out of memory above `limit` rows, while gradients are recorded or always."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.inner = small_cnn()
        self.limit = limit
        self.rows: list[int] = []
        self.failed: list[weakref.ref[Tensor]] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.rows.append(len(inputs))
        outputs = self.inner(inputs)
        if len(inputs) > self.limit:
            self.failed.append(weakref.ref(outputs))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return outputs


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("method", ["gradient", "integrated-gradients", "smoothgrad", "grad-cam", "eigen-cam"])
def test_a_chunk_that_does_not_fit_is_halved_and_the_answer_is_the_same(method, limit):
    narrow = Narrow(limit)
    options = {"layer": "inner.norm2"} if method.endswith("cam") else quick(method)
    # The layers are found with two inputs at once.
    model = Model("narrow", narrow, (3, 16, 16))
    engine = Engine(torch.device("cpu"))
    if limit == 1 and method.endswith("cam"):
        with pytest.raises(VitrineError, match="Two inputs of narrow do not fit"):
            explain(model, random_inputs(9), method, 0, engine=engine, **options)
        return
    result = explain(model, random_inputs(9), method, 0, engine=engine, **options)
    wide = Model("wide", Narrow(1000), (3, 16, 16))
    assert_close(result.values, explain(wide, random_inputs(9), method, 0, **options).values, 1e-4)
    assert max(narrow.rows) > limit
    narrow.rows.clear()
    explain(model, random_inputs(9), method, 0, engine=engine, **options)
    assert max(narrow.rows) <= limit, "a size that did not fit was tried again"


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients", "grad-cam"])
def test_one_input_that_does_not_fit_is_told_in_a_sentence(method):
    with pytest.raises(VitrineError, match=r"inputs? of narrow do(es)? not fit in the memory of cpu") as refusal:
        explain(
            Model("narrow", Narrow(0), (3, 16, 16)), random_inputs(2), method, 0, engine=Engine(torch.device("cpu"))
        )
    assert "\n" not in str(refusal.value)


def test_nothing_keeps_the_chunk_that_failed_in_memory():
    """Or the smaller chunk would find the memory still taken."""
    narrow = Narrow(1)
    model = Model("narrow", narrow, (3, 16, 16))
    gc.collect()
    gc.disable()  # a cycle of references would be freed some day; it must be freed now
    try:
        explain(model, random_inputs(4), "gradient", 0, engine=Engine(torch.device("cpu")))
        assert narrow.failed
        assert all(failed() is None for failed in narrow.failed)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "words", ["DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", "not enough memory"]
)
def test_the_cpus_way_of_saying_it_is_understood(words, tripwire):
    model, engine = small_model(), Engine(torch.device("cpu"))
    tripwire.left, tripwire.error = 0, lambda _: RuntimeError(words)

    def rescue(share: float, words: str) -> None:
        if tripwire.seen:  # the first pass has failed
            tripwire.left = None

    result = explain(model, random_inputs(4), "gradient", 0, engine=engine, progress=rescue)
    assert tripwire.seen == [4, 2, 2]
    assert_close(result.values, explain(model, random_inputs(4), "gradient", 0).values, 1e-5)


def test_any_other_error_is_passed_on_as_it_is(tripwire):
    tripwire.left = 0
    with pytest.raises(RuntimeError, match=r"^the tripwire was touched$") as raised:
        explain(small_model(), random_inputs(4), "gradient", 0)
    assert raised.value.__cause__ is not raised.value
    assert tripwire.seen == [4]
