"""Visitors without a browser: which machine they may visit, and what they do there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.visitors import HABITS, QUICK, load, refuse_other_machines, visitor
from tests.support.browser.server import serve


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8501", "http://localhost:8501", "http://[::1]:8501", "http://127.8.8.8"]
)
def test_this_machine_may_be_loaded(address: str) -> None:
    refuse_other_machines(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org:8501",
        "http://10.0.0.1:8501",
        "http://0.0.0.0:8501",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "https://127.0.0.1:8501",
        "127.0.0.1:8501",
        "",
    ],
)
def test_another_machine_may_not(address: str) -> None:
    for try_it in (
        refuse_other_machines,
        lambda it: load(it, 1, 1.0),
        lambda it: visitor(it, "", "target").__enter__(),
    ):
        with pytest.raises(SystemExit, match="only a server of this machine"):
            try_it(address)


def test_visitors_change_controls_of_the_real_app(tmp_path: Path) -> None:
    """Every habit finds its control, and the run after a change ends well; without the control nothing would."""
    process, address = serve(tmp_path / "log")
    try:
        for page, control in HABITS:
            with visitor(address, page, control) as somebody:
                assert somebody.run()
                choice = somebody.another(random.Random(0))
                assert choice in QUICK or page == ""
                assert somebody.run(choice)
        with visitor(address, "", "a_control_of_no_page") as lost:
            assert not lost.run()
        answers = load(address, 3, 2.5)
        assert answers.errors == 0
        assert len(answers.first) == 3
        assert answers.rerun
        assert answers.health
    finally:
        process.terminate()
        process.wait(30)
