"""`make test` runs every step, and one that fails is seen in the summary and in the exit status."""

from __future__ import annotations

import sys

import pytest

from tests.support import steps


def step(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("failing", [step("raise SystemExit(3)"), ["/nowhere/a-tool"]])
def test_what_comes_after_a_failure_runs_and_the_summary_comes_last(monkeypatch, tmp_path, capsys, failing):
    file = tmp_path / "ran"
    groups = {"checks": {"lint": failing}, "tests": {"tests": step(f"open({str(file)!r}, 'w')")}}
    monkeypatch.setattr(steps, "GROUPS", groups)
    assert steps.main(["checks", "tests"]) == 1
    assert file.exists()
    *_, title, lint, tests = capsys.readouterr().out.splitlines()
    assert title == "== summary"
    assert lint.startswith("lint             FAILED")
    assert tests.startswith("tests            passed")


def test_all_well_is_status_zero(monkeypatch):
    monkeypatch.setattr(steps, "GROUPS", {"checks": {"lint": step("")}})
    assert steps.main(["checks"]) == 0
