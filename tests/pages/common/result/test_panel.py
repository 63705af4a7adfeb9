"""The panel of a result: its numbers, and how sure a sampled map is."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import metrics, opened


def test_a_sampled_map_says_how_sure_it_is() -> None:
    app = opened("perturbation", perturbation_method="RISE", perturbation_rise_samples="400")
    numbers = metrics(app)
    assert numbers["Passes"] == "401 + 0"  # one more for the score
    assert 0 < float(numbers["Reliability"]) < 1
    assert any("standard error" in block.value for block in app.markdown)
    model = ex.load_model("demo:signs-cnn")
    image = ex.sample(ex.samples()[0].id).load()
    expected = ex.explain(model, image, "rise", samples=400).reliability
    assert expected is not None
    assert float(numbers["Reliability"]) == pytest.approx(expected, abs=0.02)
