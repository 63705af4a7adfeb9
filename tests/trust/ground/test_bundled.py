"""References lie beside the weights they are of, and are of no other weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import explainers as ex
from explainers.trust.ground.bundled import MODELS, bundled_reference


@pytest.mark.parametrize("name", MODELS)
def test_every_picture_model_has_its_own(name: str) -> None:
    model = ex.load_model(f"demo:{name}")
    reference = bundled_reference(model)
    assert reference is not None
    assert reference.means.shape == (12, 64)
    assert int(reference.counts.sum()) == 4 * len(reference.distances) == 4000
    assert torch.equal(reference.distances, reference.distances.sort().values)
    assert 0.5 < reference.sure_from < 1
    assert bool(reference.flaw) == (name == "signs-shortcut")


def test_other_weights_have_none() -> None:
    model = ex.load_model("demo:signs-cnn")
    assert bundled_reference(replace(model, fingerprint="another")) is None
    assert bundled_reference(ex.load_model("demo:diabetes-mlp")) is None
    assert bundled_reference(ex.load_model("torchvision:resnet18@random")) is None
