"""On fresh sign scenes the verdict separates a map that knows something from one that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import explainers as ex
from benchmarks.truth import sign_scenes


def separated(check: str, count: int) -> tuple[float, float]:
    """Share of scenes where a check is convinced of Grad-CAM's map, and of a shuffled copy of it."""
    model, source = ex.load_model("demo:signs-cnn"), torch.Generator().manual_seed(0)
    honest = shuffled = 0
    for scene in sign_scenes(count):
        made = ex.explain(model, scene.image, "grad-cam", scene.label)
        places = torch.randperm(made.values.numel(), generator=source)
        mixed = replace(made, values=made.values.flatten()[places].view(made.values.shape))
        honest += ex.verify(model, scene.image, made, check)[check].good is True
        shuffled += ex.verify(model, scene.image, mixed, check)[check].good is True
    return honest / count, shuffled / count


@pytest.mark.parametrize("check", ["deletion", "infidelity"])
def test_some_scenes_are_separated(check: str) -> None:
    honest, shuffled = separated(check, 12)
    assert honest >= 0.9
    assert shuffled <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("check", ["deletion", "infidelity"])
def test_two_hundred_scenes_are_separated(check: str) -> None:
    honest, shuffled = separated(check, 200)
    assert honest >= 0.9
    assert shuffled <= 0.1
