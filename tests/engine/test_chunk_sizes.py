"""Chunk sizes are learnt from the passes, and halved where they do not fit."""

from __future__ import annotations

import pytest

from explainers.engine.chunk_sizes import FIRST, LARGEST, LOOKS, SMALL, ChunkSizes


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
