"""The preprocessing contract: how a picture becomes a model's input, written down instead of guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tvf
from torchvision.transforms._presets import ImageClassification

from explainers.core.errors import VitrineError

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos"]
Channels = Literal["RGB", "BGR", "L"]

LARGEST_RESIZED = 50_000_000
"""Pixels; a strip one pixel wide grows by its whole length when its shorter side is resized."""


@dataclass(frozen=True)
class Step:
    """One step of the way from a picture to an input, for the step-by-step view."""

    name: str
    detail: str
    image: Image.Image


@dataclass(frozen=True)
class Preprocess:
    """Resize, centre crop, scale to [0, 1], normalise: the whole way from a picture to an input.

    Attributes:
        crop: (height, width) of the model's input in pixels; cut from the middle after resizing.
        resize: what the picture is resized to first: the length of its shorter side, or an exact
            (height, width), or None for no resizing.
        interpolation: how resizing interpolates (antialiased, as torchvision does it).
        channels: channel order of the input; "L" is a single grey channel.
        mean, std: per channel, in units of the [0, 1] picture; the input is (picture - mean) / std.
        scale: value of a full-white pixel before normalising: 1.0, or 255.0 for models fed raw bytes.

    Example:
        >>> import explainers as ex
        >>> preprocess = ex.Preprocess(crop=(224, 224), resize=256, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
        >>> inputs = preprocess(ex.sample("photo:chelsea").load())
        >>> tuple(inputs.shape)
        (1, 3, 224, 224)
        >>> preprocess.invert(inputs)[0].size
        (224, 224)
    """

    crop: tuple[int, int]
    resize: int | tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    channels: Channels = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    scale: float = 1.0

    def __post_init__(self) -> None:
        count = 1 if self.channels == "L" else 3
        if len(self.mean) != count or len(self.std) != count:
            raise VitrineError(
                f"Preprocess with channels={self.channels!r} needs {count} values of mean and std, "
                f"not {len(self.mean)} and {len(self.std)}."
            )
        if any(s <= 0 for s in self.std):
            raise VitrineError(f"Preprocess needs a positive std for every channel, not {self.std}.")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what comes out."""
        return (1 if self.channels == "L" else 3, *self.crop)

    @classmethod
    def from_torchvision(cls, preset: ImageClassification) -> Preprocess:
        """The contract of a torchvision weights entry, from its own `transforms()`."""
        (resize,), (crop,) = preset.resize_size, preset.crop_size
        return cls(
            crop=(crop, crop),
            resize=resize,
            interpolation=preset.interpolation.value,
            mean=tuple(preset.mean),
            std=tuple(preset.std),
        )

    def __call__(self, images: Image.Image | Sequence[Image.Image]) -> Tensor:
        """Turn pictures into inputs.

        Returns:
            (N, C, H, W) float32, N = 1 for a single picture.

        Raises:
            VitrineError: a picture so long and thin that it would be larger than LARGEST_RESIZED on the way.
        """
        if isinstance(images, Image.Image):
            images = [images]
        return torch.stack([self._one(image) for image in images])

    def _one(self, image: Image.Image) -> Tensor:
        pixels = tvf.pil_to_tensor(self.view(image)).float() / 255
        if self.channels == "BGR":
            pixels = pixels.flip(0)
        mean, std = self._statistics(pixels)
        normalised: Tensor = (pixels * self.scale - mean) / std
        return normalised

    def view(self, image: Image.Image) -> Image.Image:
        """The picture as the model sees it: converted, resized and cropped, but not normalised."""
        image = image.convert("L" if self.channels == "L" else "RGB")
        return self._cropped(self._resized(image))

    def _resized(self, image: Image.Image) -> Image.Image:
        if self.resize is None:
            return image
        size = [self.resize] if isinstance(self.resize, int) else list(self.resize)
        if isinstance(self.resize, int):
            shorter, longer = sorted(image.size)
            if self.resize**2 * longer > LARGEST_RESIZED * shorter:
                raise VitrineError(
                    f"The picture is {image.width} x {image.height} pixels, and would be {self.resize} x "
                    f"{self.resize * longer // shorter:,} once its shorter side is resized as the model wants it; cut it first."
                )
        resized: Image.Image = tvf.resize(image, size, InterpolationMode(self.interpolation), antialias=True)
        return resized

    def _cropped(self, image: Image.Image) -> Image.Image:
        cropped: Image.Image = tvf.center_crop(image, list(self.crop))
        return cropped

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (like.new_tensor(v).view(-1, 1, 1) for v in (self.mean, self.std))
        return mean, std

    def pixel(self, value: float, like: Tensor) -> Tensor:
        """The input value of a pixel whose every channel is `value` in [0, 1]: (C, 1, 1), like `like`."""
        mean, std = self._statistics(like)
        return (value * self.scale - mean) / std

    def invert(self, inputs: Tensor) -> list[Image.Image]:
        """The pictures behind inputs of shape (N, C, H, W), for display."""
        mean, std = self._statistics(inputs)
        pixels = ((inputs.detach() * std + mean) / self.scale).clamp(0, 1)
        if self.channels == "BGR":
            pixels = pixels.flip(1)
        return [tvf.to_pil_image((p * 255).round().to(torch.uint8).cpu()) for p in pixels]

    def steps(self, image: Image.Image) -> list[Step]:
        """The picture after every step, for the step-by-step view."""
        converted = image.convert("L" if self.channels == "L" else "RGB")
        resized = self._resized(converted)
        to = "kept" if self.resize is None else f"to {resized.width} x {resized.height} px, {self.interpolation}"
        height, width = self.crop
        normal = "; ".join(f"({self.scale:g} x - {m:g}) / {s:g}" for m, s in zip(self.mean, self.std, strict=True))
        cropped = self._cropped(resized)
        return [
            Step("Convert", f"{image.mode} to {converted.mode}", converted),
            Step("Resize", to, resized),
            Step("Centre crop", f"{width} x {height} px", cropped),
            Step("Normalise", f"{self.channels}: {normal}", cropped),
        ]

    def to_toml(self) -> str:
        """The contract as TOML; `from_toml` reads it back."""
        lines = []
        for key, value in asdict(self).items():
            if value is not None:
                shown = (
                    f'"{value}"' if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)
                )
                lines.append(f"{key} = {shown}")
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str) -> Preprocess:
        """Read what `to_toml` wrote.

        Raises:
            VitrineError: the text is not TOML, or names a field that does not exist.
        """
        try:
            fields: dict[str, Any] = tomllib.loads(text)
            plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
            return cls(**plain)
        except (tomllib.TOMLDecodeError, TypeError) as error:
            raise VitrineError(
                f"This is not a preprocessing contract ({error}); compare it with Preprocess.to_toml()."
            ) from error
