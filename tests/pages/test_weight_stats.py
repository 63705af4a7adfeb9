"""The page of weight statistics: its tables, its findings and its code are the library's."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened, run_code

SPEC = "demo:signs-cnn"


def test_the_table_its_findings_and_its_code_are_the_librarys() -> None:
    app = opened("weight_stats", model=SPEC)
    expected = ex.weight_stats(ex.load_model(SPEC))
    table = next(frame.value for frame in app.dataframe if "stable_rank" in frame.value)
    assert table["tensor"].tolist() == expected["tensor"].tolist()
    assert table["l2"].tolist() == pytest.approx(expected["l2"].tolist())
    sentences = [finding.sentence for finding in ex.health(expected)][:12]
    alerts = [alert.value for kind in (app.error, app.warning, app.info) for alert in kind]
    assert set(sentences) <= set(alerts)
    space = run_code(next(block.value for block in app.code if "weight_stats" in block.value))
    assert space["table"]["l2"].tolist() == pytest.approx(expected["l2"].tolist())


def test_other_weights_are_compared_tensor_by_tensor() -> None:
    app = opened("weight_stats", model=SPEC, weights_other="demo:signs-shortcut")
    table = next(frame.value for frame in app.dataframe if "relative_change" in frame.value)
    expected = ex.compare(ex.load_model(SPEC), ex.load_model("demo:signs-shortcut"))
    assert table["relative_change"].tolist() == pytest.approx(expected["relative_change"].tolist())
