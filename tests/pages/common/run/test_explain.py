"""Maps from a page: the library's, and each made once."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from pages.common.run.explain import explain_with_progress
from pages.common.sections.story import scene


def test_a_map_is_the_librarys_and_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    selection, method = scene("demo:signs-cnn", "scene:1000003"), ex.find_method("layer-cam")
    options = {"layer": "layer2", "eigen_smooth": True}
    attribution = explain_with_progress(selection, method, options)
    expected = ex.explain(selection.model, selection.image, "layer-cam", **options)
    assert torch.equal(attribution.values, expected.values)
    monkeypatch.setattr(ex, "explain", None)
    assert explain_with_progress(selection, method, dict(reversed(options.items()))) is attribution


def test_several_layers_give_a_map_each() -> None:
    selection = scene("demo:signs-cnn", "scene:1000003")
    maps = explain_with_progress(selection, ex.find_method("grad-cam"), {"layer": ["layer1", "layer3"]})
    assert [attribution.layer for attribution in maps] == ["layer1", "layer3"]
