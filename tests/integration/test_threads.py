"""Several threads on one model get what one thread gets; naive sharing of a hooked network gives silently wrong maps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.engine.engine import Engine
from tests.support.models.networks import fixed_engine, random_inputs, small_model
from tests.support.threads import GUARD, wait_until

JOBS: list[tuple[str, dict[str, Any]]] = [
    ("guided-backprop", {}),
    ("gradient", {}),
    ("grad-cam", {"layer": "norm2"}),
    ("deeplift", {}),
    ("integrated-gradients", {"steps": 5}),
    ("layer-cam", {"layer": "conv1"}),
    ("smoothgrad", {"samples": 3}),
    ("eigen-cam", {"layer": "conv3"}),
]


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each of several threads, let go together, returned."""
    results: list[Any] = [None] * len(works)
    barrier = threading.Barrier(len(works))

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = works[index]()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
        assert not thread.is_alive(), "the threads wait for each other"
    return results


def answer(model: Model, engine: Engine, job: int, row: int) -> Tensor:
    method, options = JOBS[job]
    return explain(model, random_inputs(3, seed=row), method, row % 5, engine=engine, **options).values


@pytest.mark.parametrize("count", [2, 4])
def test_threads_get_what_one_thread_gets(count):
    model, engine = small_model(), fixed_engine(1)
    alone = {(job, row): answer(model, fixed_engine(1), job, row) for job in range(len(JOBS)) for row in range(2)}

    def worker(index: int) -> list[tuple[tuple[int, int], Tensor]]:
        mine = [(job, row) for row in range(2) for job in range(index, len(JOBS), count)]
        return [((job, row), answer(model, engine, job, row)) for job, row in mine]

    results = at_once([lambda index=index: worker(index) for index in range(count)])
    for result in results:
        assert isinstance(result, list), result
        for key, values in result:
            assert torch.equal(values, alone[key]), f"{JOBS[key[0]][0]} differs beside other threads"
    assert sum(len(result) for result in results) == len(alone)


class Meeting(nn.Module):
    """Waits half-way until a second thread has come as far, or `elsewhere` says that it stands somewhere else."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.arrived: set[int] = set()
        self.elsewhere: Callable[[], bool] = lambda: True
        inner.norm2.register_forward_hook(self.wait)

    def wait(self, *_: object) -> None:
        self.arrived.add(threading.get_ident())
        wait_until(lambda: len(self.arrived) == 2 or self.elsewhere())

    def forward(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs)


def test_without_the_turnstile_answers_would_be_wrong(monkeypatch):
    """The test above can fail: with the lock taken away, hooks and frozen flags of one thread spoil the other's pass."""
    model = Model("meeting", Meeting(small_model().network), (3, 16, 16))
    inputs = [random_inputs(2, seed=seed) for seed in (0, 1)]

    def both(engine: Engine) -> list[Any]:
        def explain_row(index: int) -> Any:
            return explain(model, inputs[index], "hires-cam", 0, engine=engine, layer="inner.norm1").values

        model.network.arrived.clear()
        return at_once([lambda: explain_row(0), lambda: explain_row(1)])

    alone = [explain(model, x, "hires-cam", 0, engine=fixed_engine(2), layer="inner.norm1").values for x in inputs]
    engine = fixed_engine(2)
    model.network.elsewhere = lambda: len(engine.turnstile._queue) == 2  # the other one waits for its turn
    in_turn = both(engine)
    assert all(torch.equal(a, b) for a, b in zip(in_turn, alone, strict=True))
    monkeypatch.setattr(engine.turnstile, "turn", lambda *_: nullcontext())
    broken = both(engine)
    assert not all(isinstance(a, Tensor) and torch.equal(a, b) for a, b in zip(broken, alone, strict=True))


def test_a_long_job_lets_a_short_one_through_between_its_chunks():
    model, engine = small_model(), fixed_engine(1)
    explain(model, random_inputs(1), "gradient", 0, engine=engine)
    started, order = threading.Event(), []

    def progress(share: float, words: str) -> None:
        if share > 0:
            started.set()
            wait_until(lambda: engine.turnstile._queue or order)  # the short one is in the queue, or through

    def long() -> None:
        explain(model, random_inputs(60), "gradient", 0, engine=engine, progress=progress)
        order.append("long")

    def short() -> None:
        assert started.wait(GUARD)
        explain(model, random_inputs(1), "gradient", 0, engine=engine)
        order.append("short")

    at_once([long, short])
    assert order == ["short", "long"]


def test_two_models_on_one_engine():
    models = [small_model(seed=seed) for seed in (0, 1)]
    engine = fixed_engine(1)
    alone = [explain(m, random_inputs(3), "deeplift", 0, engine=fixed_engine(1)).values for m in models]
    results = at_once([lambda m=m: explain(m, random_inputs(3), "deeplift", 0, engine=engine).values for m in models])
    assert all(torch.equal(a, b) for a, b in zip(results, alone, strict=True))
    assert not torch.equal(*alone)
