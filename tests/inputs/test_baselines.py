"""Baselines and fills: in the colours of the model, and one for every input."""

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
from explainers.inputs.baselines import Baseline, Fill, baseline_for, inpaint, masker_for
from tests.support.models.networks import Formula, assert_close, fixed_engine, random_inputs, small_model


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
    picture = preprocess(Image.new("RGB", (40, 30), colour))
    assert torch.equal(baseline_for(model, inputs, baseline), picture.expand_as(inputs))


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


def test_inpainting_a_flat_picture_gives_it_back() -> None:
    flat = torch.full((1, 3, 21, 34), 0.7)
    masks = (random_inputs(5, (1, 21, 34)) > 0.8).float()
    torch.testing.assert_close(inpaint(flat, masks), flat.expand(5, -1, -1, -1))


def test_inpainting_grows_in_what_is_near() -> None:
    """Left half 0, right half 1: a hole in either half takes that half's value."""
    image = torch.zeros(1, 1, 64, 64)
    image[..., 32:] = 1
    masks = torch.ones(1, 1, 64, 64)
    masks[..., 20:40, 4:14] = masks[..., 20:40, 50:60] = 0
    filled = inpaint(image, masks)
    assert float(filled[..., 20:40, 4:14].max()) < 0.05
    assert float(filled[..., 20:40, 50:60].min()) > 0.95


def test_inpainting_all_of_a_picture_leaves_its_mean() -> None:
    image = random_inputs(1)
    filled = inpaint(image, torch.zeros(1, 1, 16, 16))
    torch.testing.assert_close(filled, image.mean((2, 3), keepdim=True).expand_as(image))


def test_what_is_half_shown_is_half_filled() -> None:
    image = random_inputs(1)
    covered = masker_for(small_model(), image, Fill.ZERO)(torch.full((1, 1, 16, 16), 0.25))
    torch.testing.assert_close(covered, image * 0.25)


def test_noise_has_the_inputs_mean_and_spread_and_depends_on_the_seed() -> None:
    image = random_inputs(1, (3, 64, 64)) * torch.tensor([1.0, 2.0, 0.5]).view(3, 1, 1) + 4
    noise = baseline_for(small_model(), image, Fill.NOISE, 3)
    mean, deviation = image.mean((2, 3)), image.std((2, 3))
    error = 5 * deviation / 64  # five times that of a mean of 64 x 64 draws; a deviation is known better still
    assert ((noise.mean((2, 3)) - mean).abs() < error).all()
    assert ((noise.std((2, 3)) - deviation).abs() < error).all()
    assert torch.equal(noise, baseline_for(small_model(), image, Fill.NOISE, 3))
    assert not torch.equal(noise, baseline_for(small_model(), image, Fill.NOISE, 4))


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,)], ids=["one pixel", "one feature"])
def test_noise_like_a_single_number_is_that_number(shape: tuple[int, ...]) -> None:
    numbers = random_inputs(2, shape)
    assert torch.equal(baseline_for(small_model(), numbers, Fill.NOISE), numbers)
