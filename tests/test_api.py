"""The public verbs."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.core.errors import VitrineError
from tests.support.models.networks import small_model


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, none: ex.explain(model, none, "gradient", 0),
        lambda model, none: ex.estimate(model, none, "gradient"),
        ex.predict,
        ex.regions,
    ],
    ids=["explain", "estimate", "predict", "regions"],
)
def test_no_inputs_at_all(ask):
    signs = ex.load_model("demo:signs-cnn")
    for model, none in ((small_model(), torch.zeros(0, 3, 16, 16)), (signs, []), (signs, torch.zeros(0, 3, 96, 96))):
        with pytest.raises(VitrineError, match="nothing to look at: give at least one picture or input"):
            ask(model, none)


def test_other_names_for_the_same_network():
    model = small_model()
    outputs = ex.predict(model, torch.zeros(1, *model.input_shape)).outputs.shape[1]
    names = [f"name {number}" for number in range(outputs)]
    named = ex.relabelled(model, names)
    assert (named.labels, named.network, named.fingerprint) == (tuple(names), model.network, model.fingerprint)
    assert ex.predict(named, torch.zeros(1, *model.input_shape)).labels == tuple(names)
    for wrong in (names[1:], [*names, "one more"]):
        with pytest.raises(VitrineError, match=f"labels has {len(wrong)} labels, but the model has {outputs} outputs"):
            ex.relabelled(model, wrong)
