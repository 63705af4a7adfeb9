"""Baselines: what a method starts from, in the colours of the model, and one for every input."""

from __future__ import annotations

import pytest
import scipy.ndimage
import torch
from PIL import Image

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.inputs.baselines import Baseline, baseline_for
from tests.support.networks import Formula, assert_close, fixed_engine, random_inputs, small_model


def test_completeness_is_measured_against_the_baseline_asked_for():
    model = small_model(torch.float64)
    inputs = random_inputs(2, dtype=torch.float64)
    result = explain(model, inputs, "integrated-gradients", 0, steps=100, baseline="white")
    with torch.no_grad():
        difference = model.network(inputs)[:, 0] - model.network(torch.ones_like(inputs))[:, 0]
    assert_close(result.completeness.expected, difference, 1e-6)
    assert_close(result.values.flatten(1).sum(1), difference, 1e-2)


@pytest.mark.parametrize(
    ("method", "options"), [("integrated-gradients", {"steps": 4}), ("gradient-shap", {"samples": 3}), ("deeplift", {})]
)
def test_every_input_has_its_own_baseline_in_every_chunk(method, options):
    """Blurred pictures differ: none may meet another's."""
    model, inputs = small_model(torch.float64), random_inputs(5, dtype=torch.float64)
    options = options | {"baseline": "blur"}
    together = explain(model, inputs, method, 2, engine=fixed_engine(2), **options)
    for row in range(5):
        alone = explain(model, inputs[row : row + 1], method, 2, **options)
        assert_close(together.values[row], alone.values[0], 1e-6)
        assert_close(together.completeness.expected[row], alone.completeness.expected[0], 1e-5)


@pytest.mark.parametrize(("baseline", "colour"), [(Baseline.BLACK, "black"), (Baseline.WHITE, "white")])
@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(crop=(16, 16), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        Preprocess(crop=(16, 16), channels="BGR", mean=(104, 117, 123), scale=255.0),
        Preprocess(crop=(16, 16), channels="L", mean=(0.13,), std=(0.31,)),
    ],
    ids=["RGB", "BGR", "L"],
)
def test_black_and_white_are_the_models_own(baseline, colour, preprocess):
    model = Model("any", Formula(lambda x: x.flatten(1), torch.float32), preprocess.input_shape, preprocess=preprocess)
    inputs = random_inputs(2, preprocess.input_shape)
    made = baseline_for(model, inputs, baseline)
    picture = preprocess(Image.new("RGB", (40, 30), colour))
    assert torch.equal(made, picture.expand_as(inputs))


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 12, 30), (7,)])
def test_zero_is_zero_and_without_preprocessing_black_is_too(shape):
    run = Run(Model("any", Formula(lambda x: x.flatten(1)), shape), engine_for("cpu"))
    inputs = random_inputs(2, shape)
    for baseline, value in ((Baseline.ZERO, 0.0), (Baseline.BLACK, 0.0), (Baseline.WHITE, 1.0)):
        assert torch.equal(baseline_for(run.model, inputs, baseline), torch.full_like(inputs, value))
    if len(shape) == 1:
        assert not baseline_for(run.model, inputs, Baseline.BLUR).any()


@pytest.mark.parametrize("size", [(24, 24), (16, 30)])
def test_blur_is_a_gaussian_of_a_twelfth_of_the_side(size):
    run = Run(Model("any", Formula(lambda x: x.flatten(1)), (3, *size)), engine_for("cpu"))
    inputs = random_inputs(2, (3, *size), dtype=torch.float64)
    sigma = max(size) / 12
    expected = scipy.ndimage.gaussian_filter(
        inputs.numpy(), sigma=(0, 0, sigma, sigma), mode="mirror", radius=(0, 0, int(3 * sigma), int(3 * sigma))
    )
    assert_close(baseline_for(run.model, inputs, Baseline.BLUR), torch.from_numpy(expected), 1e-6)


def test_an_input_that_equals_its_baseline_gets_nothing(model):
    zeros = torch.zeros(1, 3, 16, 16)
    for method in ("integrated-gradients", "deeplift", "input-x-gradient"):
        assert not explain(model, zeros, method, 0).values.any()
