"""What a run remembers of its passes."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from explainers.core.target import ClassTarget
from explainers.engine.attention_capture import AttentionGradients
from explainers.engine.memory import (
    ActivationsKey,
    AttentionKey,
    CaptureKey,
    DerivedKey,
    GradientsKey,
    OutputsKey,
    RunMemory,
    ScoresKey,
)

KEYS = [
    OutputsKey(None),
    OutputsKey("conv1"),
    ActivationsKey("conv1"),
    DerivedKey("conv1"),
    ScoresKey(ClassTarget(0)),
    ScoresKey(ClassTarget(1)),
    GradientsKey(ClassTarget(0)),
    CaptureKey("conv1", ClassTarget(0), curvature=False),
    CaptureKey("conv1", ClassTarget(0), curvature=True),
    AttentionKey(ClassTarget(0), AttentionGradients.LAST),
    AttentionKey(ClassTarget(0), AttentionGradients.ALL),
]


def test_every_key_and_every_input_has_a_result_of_its_own():
    """Keys of other kinds differ also where their fields are the same; equal inputs are two inputs."""
    memory, pictures = RunMemory(), [torch.zeros(1, 2), torch.zeros(1, 2)]
    for picture in pictures:
        for key in KEYS:
            assert not memory.has(key, picture)
            memory.put(key, picture, (key, id(picture)))
    for picture in pictures:
        assert [memory.get(key, picture) for key in KEYS] == [(key, id(picture)) for key in KEYS]


def test_a_result_is_made_once_and_found_by_an_equal_key():
    memory, inputs, calls = RunMemory(), torch.zeros(1, 2), []

    def make() -> torch.Tensor:
        calls.append(1)
        return torch.ones(1)

    first = memory.recall(ScoresKey(ClassTarget(3)), inputs, make)
    assert memory.recall(ScoresKey(ClassTarget(3)), inputs, make) is first
    assert len(calls) == 1


def test_a_later_result_takes_the_place_of_an_earlier_one():
    memory, inputs = RunMemory(), torch.zeros(1, 2)
    for value in (1.0, 2.0):
        memory.put(OutputsKey(None), inputs, torch.full((1, 1), value))
    assert memory.get(OutputsKey(None), inputs).item() == 2


def test_what_failed_is_not_remembered():
    memory, inputs = RunMemory(), torch.zeros(1, 2)

    def fail() -> torch.Tensor:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        memory.recall(OutputsKey(None), inputs, fail)
    with pytest.raises(KeyError):
        memory.get(OutputsKey(None), inputs)


def test_inputs_live_as_long_as_what_is_known_of_them_and_no_longer():
    """Else a later tensor could come to have their id, and be taken for them."""
    memory, inputs = RunMemory(), torch.zeros(1, 2)
    watched = weakref.ref(inputs)
    memory.put(OutputsKey(None), inputs, torch.ones(1, 1))
    del inputs
    gc.collect()
    assert watched() is not None
    del memory
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("known", [2, 1])
def test_outputs_of_rows_are_joined_where_all_are_known(known):
    memory, inputs = RunMemory(), torch.arange(2.0).view(2, 1)
    rows = [inputs[:1], inputs[1:]]
    for row in rows[:known]:
        memory.put(OutputsKey(None), row, row * 10)
    memory.join_outputs(inputs, rows)
    assert memory.has(OutputsKey(None), inputs) is (known == 2)
    if known == 2:
        assert memory.get(OutputsKey(None), inputs).tolist() == [[0], [10]]
