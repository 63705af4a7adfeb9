"""The pictures of a result."""

from __future__ import annotations

from tests.support.app import metrics, opened, words


def test_regions_are_shown_and_counted() -> None:
    app = opened("perturbation", perturbation_method="Feature ablation", perturbation_feature_ablation_segments="grid")
    app.slider(key="perturbation_feature_ablation_regions").set_value(9).run()
    assert "The 9 regions that are hidden or shown as one." in words(app)
    assert metrics(app)["Passes"] == "10 + 0"
