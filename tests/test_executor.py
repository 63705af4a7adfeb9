"""Maps in the making: they sharpen, can be left and gone on with, and end where the finished map ends."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import TypeVar

import pytest
import torch

import explainers as ex
from explainers.engine.network_state import NetworkParts
from tests.support.methods import FEW
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.threads import GUARD, wait_until

T = TypeVar("T")
ANYTIME = [m.name for m in ex.methods(small_model()) if m.anytime and m.family == "perturbation"]


@pytest.mark.parametrize("name", ANYTIME)
def test_the_last_map_is_the_finished_one(name: str) -> None:
    model, input = small_model(), random_inputs(1)
    steps = list(ex.refine(model, input, name, 1, engine=fixed_engine(8), **FEW.get(name, {})))
    finished = ex.explain(model, input, name, 1, engine=fixed_engine(8), **FEW.get(name, {}))
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(steps) > 1
    assert torch.equal(steps[-1].values, finished.values)


def test_leaving_and_going_on_changes_nothing() -> None:
    model, input = small_model(), random_inputs(1)
    steps = ex.refine(model, input, "rise", 1, samples=64, engine=fixed_engine(16))
    first = next(steps)
    before = first.values.clone()
    ex.explain(model, random_inputs(1, seed=5), "grad-cam")  # somebody else works meanwhile
    assert torch.is_grad_enabled()
    *_, last = steps
    assert torch.equal(first.values, before)
    assert (first.share, last.share) == (0.25, 1)
    assert torch.equal(last.values, ex.explain(model, input, "rise", 1, samples=64, engine=fixed_engine(16)).values)


def test_a_map_that_has_settled_ends_early() -> None:
    model, input = small_model(), random_inputs(1)
    options = {"samples": 20000, "cells": 3}
    settled = ex.explain(model, input, "rise", 1, reliability=0.9, engine=fixed_engine(50), **options)
    assert settled.share < 0.5
    assert settled.reliability is not None
    assert settled.reliability >= 0.9
    whole = ex.explain(model, input, "rise", 1, seed=1, **options)
    agreement = torch.corrcoef(torch.stack([settled.values.flatten(), whole.values.flatten()]))[0, 1]
    assert agreement > 0.85


def test_the_error_shrinks_with_the_root_of_the_samples() -> None:
    model, input = small_model(), random_inputs(1)
    errors = [ex.explain(model, input, "rise", 1, samples=n).error for n in (400, 6400)]
    assert errors[0] is not None
    assert errors[1] is not None
    assert_close(errors[1] * 4, errors[0], 0.35)


@pytest.mark.parametrize(
    ("inputs", "method", "words"),
    [(random_inputs(2), "rise", "2 came"), (random_inputs(1), "grad-cam", "use explain, or one of: .*rise")],
)
def test_what_cannot_be_followed_is_refused_at_once(inputs: torch.Tensor, method: str, words: str) -> None:
    with pytest.raises(ex.VitrineError, match=words):
        ex.refine(small_model(), inputs, method)


def test_short_work_waits_for_at_most_a_chunk_of_each_long_job() -> None:
    """Three long jobs share a device: of every turn that a Grad-CAM waits for, each of them has at most one before it."""
    model, inputs, engine = small_model(), random_inputs(1), fixed_engine(4)
    turns: list[str] = []
    attempt = engine.attempt

    def logged(parts: NetworkParts, work: Callable[[], T]) -> T | None:
        turns.append(threading.current_thread().name)
        return attempt(parts, work)

    engine.attempt = logged  # type: ignore[method-assign]
    stop = threading.Event()

    def long_job() -> None:
        with suppress(ex.Cancelled):
            ex.explain(model, inputs, "rise", 1, samples=20000, engine=engine, cancel=stop)

    jobs = [threading.Thread(target=long_job, name="job") for _ in range(3)]
    for job in jobs:
        job.start()
    try:
        wait_until(lambda: turns.count("job") >= 9)
        waits = []
        for _ in range(15):
            begun = len(turns)
            ex.explain(model, random_inputs(1, seed=7), "grad-cam", 1, engine=engine)
            waits.append(turns[begun:].index("MainThread"))
    finally:
        stop.set()
        for job in jobs:
            job.join(GUARD)
    assert turns[-20:].count("job") > 5, "the jobs were at work all the time"
    # One more may slip in between counting and taking a ticket.
    assert statistics.median(waits) <= 4


@pytest.mark.parametrize("chunk", [1, 8])
def test_the_first_map_stands_after_the_first_chunk(chunk: int, tripwire: SimpleNamespace) -> None:
    """However long all of it takes: before it come the input's own score, and the copy for scores compared with the network."""
    model, input = small_model(), random_inputs(1)
    first = next(ex.refine(model, input, "rise", samples=400, engine=fixed_engine(chunk)))
    assert tripwire.seen == [1, 2, 2, chunk]
    assert first.share == chunk / 400
    assert first.cost.forward == 1 + chunk


def test_an_estimate_names_the_passes_that_are_then_made() -> None:
    model, inputs = small_model(), random_inputs(1)
    price = ex.estimate(model, inputs, "integrated-gradients", steps=20)
    spent = ex.explain(model, inputs, "integrated-gradients", steps=20).cost
    assert (price.forward, price.backward) == (spent.forward, spent.backward)
    assert price.seconds > 0


@pytest.mark.parametrize(("method", "shared"), [("layer-conductance", 0), ("layer-cam", 2)])
def test_an_estimate_of_several_layers_knows_which_methods_share_a_look(method: str, shared: int) -> None:
    model, inputs, layers = small_model(), random_inputs(1), ["conv1", "norm1", "conv2"]
    price = ex.estimate(model, inputs, method, layer=layers)
    spent = [attribution.cost for attribution in ex.explain(model, inputs, method, 1, layer=layers)]
    alone = ex.estimate(model, inputs, method, layer="conv1")
    assert price.backward == sum(cost.backward for cost in spent) == (3 - shared) * alone.backward
    assert 0 <= price.forward - sum(cost.forward for cost in spent) <= 3  # the input's own score is asked for once
