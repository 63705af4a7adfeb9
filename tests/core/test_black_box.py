"""A plain function as a model: scores only, and every method that needs no more."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import explainers as ex
from tests.support.methods import FEW
from tests.support.models.networks import assert_close, random_inputs, small_model


def numpy_only(inputs: torch.Tensor) -> np.ndarray:
    """Answers like a service would: nothing of torch in it, no gradient."""
    rows = inputs.numpy().reshape(len(inputs), 3, -1)
    return np.stack([rows[:, 0].mean(1), rows[:, 1].max(1)], 1)


def test_a_function_can_do_what_needs_only_scores() -> None:
    model = ex.wrap(numpy_only, input_shape=(3, 16, 16))
    able = {method.name for method in ex.methods(model)}
    assert able == {method.name for method in ex.methods() if method.family == "perturbation"}
    with pytest.raises(ex.VitrineError, match="Grad-CAM needs gradients and layers, which numpy_only does not have"):
        ex.explain(model, random_inputs(1), "grad-cam")


def vector_model() -> ex.Model:
    torch.manual_seed(4)
    return ex.wrap(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)), input_shape=(6,))


@pytest.mark.parametrize("name", [method.name for method in ex.methods()])
@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_a_network_behind_a_function_gets_the_same_map_or_a_sentence(name: str, kind: str) -> None:
    model = small_model() if kind == "images" else vector_model()
    network = model.network.eval()

    def service(inputs: torch.Tensor) -> list[list[float]]:
        with torch.no_grad():
            return network(inputs).tolist()  # type: ignore[no-any-return]

    box = ex.wrap(service, input_shape=model.input_shape)
    inputs, method = random_inputs(2, model.input_shape), ex.find_method(name)
    if not method.fits(box):
        with pytest.raises(ex.VitrineError) as refusal:
            ex.explain(box, inputs, name, 1)
        assert re.fullmatch(
            rf"{re.escape(method.title)} needs [a-z and]+, which service does not have; it can do: feature-ablation, .*\.",
            str(refusal.value),
        )
        return
    seen, unseen = (ex.explain(m, inputs, name, 1, **FEW.get(name, {})) for m in (model, box))
    assert unseen.values.shape == (2, *(model.input_shape if kind == "vectors" else (16, 16)))
    assert unseen.values.any()
    assert_close(unseen.values, seen.values, 1e-4)
    assert_close(unseen.score, seen.score, 1e-5)
    assert unseen.cost.forward == seen.cost.forward
    assert unseen.cost.backward == 0


@pytest.mark.parametrize("name", [method.name for method in ex.methods() if method.family == "perturbation"])
def test_a_function_may_answer_in_doubles_write_into_its_input_and_ask_vitrine_itself(name: str) -> None:
    model, inputs = small_model(), random_inputs(2)
    before = inputs.clone()

    def service(inputs: torch.Tensor) -> np.ndarray:
        answer = ex.predict(model, inputs).outputs.double().numpy()
        inputs.zero_()
        return answer

    box = ex.wrap(service, input_shape=model.input_shape)
    attribution, expected = (ex.explain(m, inputs, name, 1, **FEW.get(name, {})) for m in (box, model))
    assert_close(attribution.values, expected.values, 1e-4)
    assert torch.equal(inputs, before)


def test_what_looks_inside_is_refused_in_a_sentence() -> None:
    box = ex.wrap(numpy_only, input_shape=(3, 16, 16))
    with pytest.raises(ex.VitrineError, match="has no layer 'fc', nor any other"):
        ex.explain(box, random_inputs(1), "occlusion", "fc:0")
    with pytest.raises(ex.VitrineError, match="needs gradients and layers, which numpy_only does not have"):
        ex.relevance_flow(box, random_inputs(1), 0)
    with pytest.raises(ex.VitrineError, match="needs gradients and layers, which numpy_only does not have"):
        ex.relevance_notes(box)
    with pytest.raises(ex.VitrineError, match="numpy_only has no attention"):
        ex.attention_heads(box, random_inputs(1))
    assert ex.layers(box) == ex.channel_layers(box) == []


def test_two_functions_are_never_taken_for_each_other() -> None:
    first, second = (ex.wrap(lambda x: x.flatten(1), input_shape=(4,)) for _ in range(2))
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.sum(), r"outputs of shape \(\); give \(1, number of outputs\)"),
        (lambda x: "nonsense", "with str, which is no array"),
        (lambda x: None, "with NoneType, which is no array"),
    ],
)
def test_a_function_that_answers_strangely_is_named(function, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ex.VitrineError, match=words):
        ex.predict(ex.wrap(function, input_shape=(4,)), torch.zeros(1, 4))


def test_what_cannot_be_called_is_no_model() -> None:
    with pytest.raises(ex.VitrineError, match="or a function, not int"):
        ex.wrap(3)  # type: ignore[arg-type]
