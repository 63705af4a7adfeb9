"""Chunk sizes are learnt from the passes, and halved where they do not fit."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.chunk_sizes import FIRST, LARGEST, LOOKS, SMALL, ChunkSizes
from explainers.engine.engine import Engine
from tests.support.methods import quick
from tests.support.networks import assert_close, random_inputs, small_cnn, small_model


def learn(per_row: dict[int, float], device: str = "cpu") -> tuple[int, list[int]]:
    """Where the size settles if a row takes so long in chunks of each size, and the sizes on the way."""
    chunks, sizes = ChunkSizes(device), []
    for _ in range(40):
        size = chunks.size("pass", 10_000)
        sizes.append(size)
        chunks.took("pass", size, size * per_row[size])
    return sizes[-1], list(dict.fromkeys(sizes))


def test_sizes_double_while_that_saves_time_and_go_back_when_it_does_not():
    assert learn({4: 1.0, 8: 0.8, 16: 0.7, 32: 0.75}) == (16, [4, 8, 16, 32])


def test_it_is_told_once_that_a_larger_size_is_given_up():
    chunks, given_up = ChunkSizes("cpu"), []
    for _ in range(40):
        size = chunks.size("pass", 10_000)
        if chunks.took("pass", size, size * {4: 1.0, 8: 0.8, 16: 0.7, 32: 0.75}[size]):
            given_up.append(size)
    assert given_up == [32]


def test_a_saving_too_small_to_be_worth_it_is_not_kept():
    assert learn({2: 2.0, 4: 1.0, 8: 0.99, 16: 0.1, 32: 0.1}) == (4, [4, 8, 2])


@pytest.mark.parametrize(
    ("per_row", "settles", "way"),
    [
        ({1: 1.2, 2: 1.0, 4: 1.0, 8: 1.0}, 2, [4, 8, 2, 1]),
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, 1, [4, 8, 2, 1]),
        ({1: 0.9, 2: 1.2, 4: 1.0, 8: 1.0}, 4, [4, 8, 2]),
    ],
)
def test_where_the_first_double_does_not_pay_halves_are_tried(per_row, settles, way):
    assert learn(per_row) == (settles, way)


def test_a_size_that_has_grown_is_not_halved_below_the_first():
    assert learn({1: 1.0, 2: 1.0, 4: 1.0, 8: 0.8, 16: 0.8}) == (8, [4, 8, 16])


def test_sizes_stop_at_the_largest_of_the_device():
    times = {4 * 2**k: 0.5**k for k in range(10)}
    assert learn(times) == (LARGEST["cpu"], [4, 8, 16, 32])
    assert learn(times, "cuda") == (LARGEST["cuda"], [32, 64, 128, 256, 512])
    assert learn(times, "something new")[1][0] == FIRST["cpu"]


def test_small_inputs_may_go_by_the_thousand():
    chunks, sizes = ChunkSizes("cpu"), []
    for _ in range(60):
        sizes.append(chunks.size("pass", 10**6, numel=40))
        chunks.took("pass", sizes[-1], 1.0)  # whatever the number of rows
    assert sizes[-1] == LARGEST["cpu"] * 64
    assert chunks.size("pass", 10**6, numel=40) * 40 < 10 * SMALL * LARGEST["cpu"]


def test_a_new_kind_starts_where_another_one_is():
    chunks = ChunkSizes("cpu")
    for _ in range(LOOKS):
        chunks.took("forward", 4, 1.0)
    chunks.start_like("in half", "forward")
    chunks.start_like("unheard of", "unknown")
    assert [chunks.size(key, 100) for key in ("forward", "in half", "unheard of")] == [8, 8, 4]
    assert chunks.pace("in half") is None


def test_the_first_pass_of_a_size_is_not_measured():
    """It also pays for preparing kernels: a slow first pass at 8 must not send the size back to 4, nor one that was held up."""
    chunks = ChunkSizes("cpu")
    for seconds in (4.0, 4.0, 4.0):
        chunks.took("pass", 4, seconds)
    assert chunks.size("pass", 1000) == 8
    for seconds in (80.0, 12.0, 4.0):
        chunks.took("pass", 8, seconds)
    assert chunks.size("pass", 1000) == 16


def test_kinds_of_passes_learn_apart():
    chunks = ChunkSizes("cpu")
    chunks.too_large("gradient", 4)
    assert (chunks.size("gradient", 100), chunks.size("forward", 100)) == (2, 4)


@pytest.mark.parametrize(("remaining", "size"), [(1, 1), (4, 4), (5, 3), (6, 3), (7, 4), (8, 4), (9, 4), (100, 4)])
def test_two_even_chunks_rather_than_one_and_a_sliver(remaining, size):
    assert ChunkSizes("cpu").size("pass", remaining) == size


def test_what_did_not_fit_is_never_tried_again():
    chunks = ChunkSizes("cuda")
    chunks.too_large("pass", 32)
    for _ in range(20):
        size = chunks.size("pass", 1000)
        assert size == 16
        chunks.took("pass", size, 1e-9)
    chunks.too_large("pass", 16)
    assert chunks.size("pass", 1000) == 8


def test_too_large_never_goes_below_one():
    chunks = ChunkSizes("cpu")
    chunks.too_large("pass", 1)
    assert chunks.size("pass", 10) == 1


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
    with pytest.raises(VitrineError, match=r"inputs? of narrow do(es)? not fit in the memory of cpu") as told:
        explain(
            Model("narrow", Narrow(0), (3, 16, 16)), random_inputs(2), method, 0, engine=Engine(torch.device("cpu"))
        )
    assert "\n" not in str(told.value)


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


def test_the_pace_is_the_best_time_per_row_and_single_rows_do_not_measure_it():
    sizes = ChunkSizes("cpu")
    assert sizes.pace("a") is None
    sizes.took("a", 1, 0.3)
    assert (sizes.pace("a"), sizes.measured("a")) == (0.3, False)
    sizes.took("a", 4, 0.4)
    sizes.took("a", 4, 0.2)
    sizes.took("a", 8, 0.8)
    assert (sizes.pace("a"), sizes.measured("a")) == (0.05, True)
    assert (sizes.pace("b"), sizes.measured("b")) == (None, False)
