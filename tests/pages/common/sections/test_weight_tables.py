"""Other weights of the same architecture, uploaded or by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import explainers as ex
from pages.common.sections.weight_tables import health_in_words
from tests.support.app import opened

SHORTCUT = Path(ex.__file__).parent / "demo/weights/signs-shortcut.safetensors"
HONEST = SHORTCUT.with_name("signs-cnn.safetensors")


def give(app: AppTest, widget: str, name: str, content: bytes) -> None:
    app.file_uploader(key=widget).set_value((name, content, "application/octet-stream")).run()
    assert not app.exception


def test_other_weights_are_an_uploaded_file_until_others_are_chosen() -> None:
    def changed(app: AppTest) -> bool:
        table = next(frame.value for frame in app.dataframe if "relative_change" in frame.value)
        return bool((table["relative_change"] > 0).any())

    app = opened("weight_stats", model="demo:signs-cnn")
    give(app, "weights_other_file", "the same.safetensors", HONEST.read_bytes())
    box = app.selectbox(key="weights_other")
    assert box.value == "the same.safetensors"
    assert not changed(app)
    box.set_value("demo:signs-shortcut").run()
    assert changed(app)
    app.selectbox(key="weights_other").set_value("none").run()
    assert not any("relative_change" in frame.value for frame in app.dataframe)


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ([], "No problem found among 62 tensors."),
        (["note"], "No problem found among 62 tensors; 1 note."),
        (["problem", "problem", "warning", "note"], "2 problems, 1 warning, 1 note among 62 tensors."),
        (["warning"] * 3, "3 warnings among 62 tensors."),
    ],
)
def test_one_line_counts_what_looks_unhealthy(levels: list[Any], words: str) -> None:
    findings = [ex.HealthFinding(level, "fc.weight", "A sentence.", "a kind") for level in levels]
    assert health_in_words(findings, 62) == words


def test_findings_are_folded_by_kind_with_their_number() -> None:
    def page() -> None:
        import explainers as ex
        from pages.common.sections.weight_tables import health_panel

        alike = [ex.HealthFinding("warning", name, f"{name}: dead.", "dead filters") for name in ("a", "b")]
        health_panel([*alike, ex.HealthFinding("note", "c", "c: pruned.", "sparse weights")], 9)

    app = AppTest.from_function(page).run()
    assert [alert.value for alert in app.warning] == ["2 warnings, 1 note among 9 tensors."]
    said = [markdown.value for markdown in app.expander[0].markdown]
    assert "**Dead filters**] · 2 warnings" in said[0]
    assert said[1] == "- a: dead.\n- b: dead."
    assert "**Sparse weights**] · 1 note" in said[2]
