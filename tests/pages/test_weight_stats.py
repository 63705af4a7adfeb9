"""The page of weight statistics: its tables, its findings and its code are the library's."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.sections.weight_tables import health_in_words
from tests.support.app import opened, run_code, words

SPEC = "demo:signs-cnn"


def test_the_table_its_findings_and_its_code_are_the_librarys() -> None:
    app = opened("weight_stats", model=SPEC)
    expected = ex.weight_stats(ex.load_model(SPEC))
    table = next(frame.value for frame in app.dataframe if "stable_rank" in frame.value)
    assert table["tensor"].tolist() == expected["tensor"].tolist()
    assert table["l2"].tolist() == pytest.approx(expected["l2"].tolist())
    findings = ex.health(expected)
    (line,) = (alert.value for kind in (app.error, app.warning, app.success) for alert in kind)
    assert line == health_in_words(findings, len(expected))
    said = words(app)
    assert all(finding.sentence in said and finding.kind.capitalize() in said for finding in findings)
    space = run_code(next(block.value for block in app.code if "weight_stats" in block.value))
    assert space["table"]["l2"].tolist() == pytest.approx(expected["l2"].tolist())


def test_other_weights_are_compared_tensor_by_tensor() -> None:
    app = opened("weight_stats", model=SPEC, weights_other="demo:signs-shortcut")
    table = next(frame.value for frame in app.dataframe if "relative_change" in frame.value)
    expected = ex.compare(ex.load_model(SPEC), ex.load_model("demo:signs-shortcut"))
    assert table["relative_change"].tolist() == pytest.approx(expected["relative_change"].tolist())
