"""The preprocessing contract does what torchvision's own transforms do, and can be written down and undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms._presets import ImageClassification

from explainers.core.errors import VitrineError
from explainers.core.preprocess import Preprocess


def picture(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """Smooth shapes and noise, so that both interpolation and cropping show."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([np.sin(x / 17 + k) * np.cos(y / (11 + k)) for k in range(3)], -1) * 90 + 128
    noisy = smooth + generator.normal(0, 20, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert(mode)


def presets() -> dict[str, ImageClassification]:
    """One weights entry for every way in which torchvision's classification weights are preprocessed."""
    kinds = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            preset = weights.transforms()
            kind = (*preset.crop_size, *preset.resize_size, preset.interpolation, *preset.mean, *preset.std)
            kinds.setdefault(kind, (f"{name}@{weights.name}", preset))
    return dict(kinds.values())


PRESETS = presets()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", [(300, 260), (90, 220)], ids=["larger", "smaller than the crop"])
def test_torchvisions_own_transforms_exactly(name, size):
    preset = PRESETS[name]
    ours = Preprocess.from_torchvision(preset)
    image = picture(*size)
    theirs = preset(image).unsqueeze(0)
    assert torch.equal(ours(image), theirs)
    assert ours.input_shape == tuple(theirs.shape[1:])
    assert theirs.std() > 0.1


def test_there_are_many_kinds_of_presets():
    assert len(PRESETS) >= 15
    assert {preset.interpolation.value for preset in PRESETS.values()} >= {"bilinear", "bicubic"}


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "LA"])
def test_pictures_of_every_mode_are_converted(mode):
    contract = Preprocess(crop=(20, 24), resize=30)
    image = picture(50, 40, mode=mode)
    assert torch.equal(contract(image), contract(image.convert("RGB")))


def test_several_pictures_make_a_batch():
    contract = Preprocess(crop=(20, 24), resize=30, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    images = [picture(50, 40, seed=1), picture(33, 80, seed=2)]
    assert torch.equal(contract(images), torch.cat([contract(image) for image in images]))


def test_grey_pictures_have_one_channel():
    contract = Preprocess(crop=(20, 24), channels="L", mean=(0.1307,), std=(0.3081,))
    image = picture(24, 20)
    grey = torch.from_numpy(np.array(image.convert("L"))).float() / 255
    assert torch.equal(contract(image)[0, 0], (grey - 0.1307) / 0.3081)
    assert contract.input_shape == (1, 20, 24)


def test_blue_green_red_in_raw_bytes_as_caffe_wants_them():
    contract = Preprocess(crop=(20, 24), channels="BGR", mean=(104, 117, 123), scale=255.0)
    image = picture(24, 20)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()
    expected = pixels[[2, 1, 0]] - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)
    assert (contract(image)[0] - expected).abs().max() < 1e-4


def test_resizing_to_an_exact_size():
    contract = Preprocess(crop=(20, 24), resize=(20, 24), interpolation="bicubic")
    image = picture(50, 90)
    expected = np.array(image.resize((24, 20), Image.Resampling.BICUBIC))
    assert np.array_equal(np.array(contract.view(image)), expected)


channels = st.sampled_from(["RGB", "BGR", "L"])


@st.composite
def contracts(draw: st.DrawFn, crop: tuple[int, int] | None = None) -> Preprocess:
    mode_name = draw(channels)
    count = 1 if mode_name == "L" else 3
    sides = st.integers(1, 600)
    numbers = st.floats(-300, 300, allow_nan=False)
    return Preprocess(
        crop=crop or draw(st.tuples(sides, sides)),
        resize=None if crop else draw(st.none() | sides | st.tuples(sides, sides)),
        interpolation=draw(st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"])),
        channels=mode_name,
        mean=tuple(draw(st.lists(numbers, min_size=count, max_size=count))),
        std=tuple(draw(st.lists(st.floats(1e-3, 300), min_size=count, max_size=count))),
        scale=draw(st.sampled_from([1.0, 255.0, 2.0])),
    )


@given(contract=contracts())
def test_toml_reads_back_what_it_wrote(contract):
    assert Preprocess.from_toml(contract.to_toml()) == contract


@given(contract=contracts(crop=(7, 9)), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_inverting_gives_the_picture_back(contract, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 7, 9, 3), dtype=np.uint8)
    images = [Image.fromarray(pixel_array) for pixel_array in pixels]
    back = contract.invert(contract(images))
    for image, again in zip(images, back, strict=True):
        expected = np.array(contract.view(image)).astype(int)
        assert np.abs(np.array(again).astype(int) - expected).max() <= 1
        assert again.mode == ("L" if contract.channels == "L" else "RGB")


def test_a_pixels_value():
    contract = Preprocess(crop=(2, 2), mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.4))
    like = torch.zeros(1, dtype=torch.float64)
    assert torch.allclose(contract.pixel(1.0, like).flatten(), torch.tensor([6.0, 2.5, 1.0], dtype=torch.float64))
    assert contract.pixel(0.0, like).shape == (3, 1, 1)


def test_steps_show_the_way():
    contract = Preprocess(crop=(20, 24), resize=30, channels="L", mean=(0.5,), std=(0.25,))
    steps = contract.steps(picture(60, 40, mode="RGB"))
    assert [step.name for step in steps] == ["Convert", "Resize", "Centre crop", "Normalise"]
    assert [step.image.size for step in steps] == [(60, 40), (45, 30), (24, 20), (24, 20)]
    assert steps[0].detail == "RGB to L"
    assert steps[1].detail == "to 45 x 30 px, bilinear"
    assert steps[3].detail == "L: (1 x - 0.5) / 0.25"
    assert steps[3].image.tobytes() == contract.view(picture(60, 40)).tobytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean": (0.5,)},
        {"std": (1.0, 1.0)},
        {"channels": "L"},
        {"std": (1.0, 0.0, 1.0)},
        {"std": (1.0, -1.0, 1.0)},
    ],
)
def test_contracts_that_contradict_themselves_are_refused(wrong):
    with pytest.raises(VitrineError, match="Preprocess"):
        Preprocess(**{"crop": (4, 4), **wrong})


@pytest.mark.parametrize(
    "text", ["crop = [", "crop = [4, 4]\ncolour = 3", "resize = 256", "crop = [4, 4]\nstd = ['a', 'b', 'c']"]
)
def test_texts_that_are_no_contract_are_refused(text):
    with pytest.raises(VitrineError, match="not a preprocessing contract"):
        Preprocess.from_toml(text)


@pytest.mark.parametrize("size", [(1, 200_000), (200_000, 1)])
def test_a_strip_that_would_grow_out_of_all_bounds_is_refused(size):
    with pytest.raises(VitrineError, match="would be 256 x 51,200,000 once its shorter side is resized"):
        Preprocess(crop=(224, 224), resize=256)(Image.new("L", size))
    assert Preprocess(crop=(8, 8), resize=8)(Image.new("L", size)).shape == (1, 3, 8, 8)
