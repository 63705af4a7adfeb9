"""The Perturbation page: long work says what it takes before it starts."""

from __future__ import annotations

import pytest

from explainers.engine.chunk_sizes import ChunkSizes
from pages.common.run import confirm
from tests.support.app import metrics, opened


def test_long_work_waits_for_a_click_that_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, "PATIENCE", 20.0)
    monkeypatch.setattr(ChunkSizes, "pace", lambda *_: 0.5)
    app = opened("perturbation", perturbation_method="Shapley values, exact", perturbation_shapley_regions="7")
    (button,) = (b for b in app.button if b.label.startswith("Start"))
    assert button.label == "Start: 129 passes, about 64 s"
    assert "129 forward and 0 backward passes." in [caption.value for caption in app.caption]
    assert not app.metric
    button.click().run()
    assert "Score" in metrics(app)
