"""How stable: whether the answer stays when the picture is changed by less than anybody would mind.

Azulay & Weiss 2018 (arXiv:1805.12177) found that networks flip under moves of a pixel; Hendrycks & Dietterich 2019
(arXiv:1903.12261) measure the same under noise, blur, light and compression. Pictures are not mirrored: whether an arrow, a
digit or a word may be mirrored only the model's maker knows."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as tvf

from explainers.core.model import Model
from explainers.core.rng import seeded_noise
from explainers.trust.finding import percent
from explainers.trust.ground.result import GroundFinding

STEADY = 0.95
"""Share of the changes that must keep the answer."""

LEAST_SIDE = 8
"""Pixels; of smaller pictures a pixel is no small change."""

SHIFT = 0.03  # of a side
SHORT_SHIFT = 0.01
ZOOM = 0.05
LIGHT = 0.12  # of the brightness or the contrast
NOISE = 0.02  # deviation, of the range from black to white
BLUR = 0.005  # deviation, of the shorter side
QUALITY = 60  # of JPEG

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Range:
    """The values of a black and of a white pixel, (C, 1, 1) each: between them lie all pictures."""

    black: Tensor
    white: Tensor

    @classmethod
    def of(cls, model: Model, inputs: Tensor) -> Range:
        """As the model's preprocessing has it; without one the least and the largest value of the input (1, C, H, W)."""
        if model.preprocess is not None:
            like = inputs[0].float()
            return cls(model.preprocess.pixel(0.0, like), model.preprocess.pixel(1.0, like))
        low, high = inputs[0].float().amin(), inputs[0].float().amax()
        return cls(low.view(1, 1, 1), torch.maximum(high, low + 1e-6).view(1, 1, 1))

    def to_unit(self, inputs: Tensor) -> Tensor:
        """Inputs as pictures in [0, 1]."""
        return ((inputs.float() - self.black) / (self.white - self.black)).clamp(0, 1)

    def from_unit(self, pictures: Tensor) -> Tensor:
        """Pictures in [0, 1], clipped there, as inputs."""
        return pictures.clamp(0, 1) * (self.white - self.black) + self.black


def small_changes(side: int, channels: int) -> list[tuple[str, Change]]:
    """Name of every change, and what makes it of pictures (1, C, H, W) in [0, 1] whose shorter side is `side` pixels."""
    far, near = max(2, round(SHIFT * side)), max(1, round(SHORT_SHIFT * side))
    ways = (("right", 1, 0), ("left", -1, 0), ("down", 0, 1), ("up", 0, -1))
    changes: list[tuple[str, Change]] = [
        (f"moved {pixels} px {words}", partial(_moved, right=right * pixels, down=down * pixels))
        for pixels in (near, far)
        for words, right, down in ways
    ]
    changes += [
        (f"{ZOOM:.0%} larger".replace("%", " %"), partial(_moved, zoom=1 + ZOOM)),
        (f"{ZOOM:.0%} smaller".replace("%", " %"), partial(_moved, zoom=1 - ZOOM)),
        ("brighter", lambda picture: picture * (1 + LIGHT)),
        ("darker", lambda picture: picture * (1 - LIGHT)),
        ("more contrast", partial(_contrasted, factor=1 + LIGHT)),
        ("less contrast", partial(_contrasted, factor=1 - LIGHT)),
        ("a little noise", _noisy),
        ("a little blur", partial(_blurred, deviation=max(0.4, BLUR * side))),
    ]
    return [*changes, (f"as a JPEG of quality {QUALITY}", _compressed)] if channels in (1, 3) else changes


def _moved(picture: Tensor, right: int = 0, down: int = 0, zoom: float = 1.0) -> Tensor:
    """Moved by whole pixels or zoomed about the middle; what comes in at an edge is what stood there."""
    height, width = picture.shape[-2:]
    if zoom == 1.0:
        pad = [max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)]
        padded = F.pad(picture, pad, mode="replicate")
        top, left = max(-down, 0), max(-right, 0)
        return padded[..., top : top + height, left : left + width]
    matrix = picture.new_tensor([[[1 / zoom, 0, 0], [0, 1 / zoom, 0]]])
    grid = F.affine_grid(matrix, [1, *picture.shape[1:]], align_corners=False)
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def _contrasted(picture: Tensor, factor: float) -> Tensor:
    mean = picture.mean((-3, -2, -1), keepdim=True)
    return mean + (picture - mean) * factor


def _noisy(picture: Tensor) -> Tensor:
    return picture + NOISE * seeded_noise(picture, 0, torch.tensor([0]))


def _blurred(picture: Tensor, deviation: float) -> Tensor:
    size = 2 * math.ceil(2 * deviation) + 1
    blurred: Tensor = tvf.gaussian_blur(picture, [size, size], [deviation, deviation])
    return blurred


def _compressed(picture: Tensor) -> Tensor:
    file = io.BytesIO()
    tvf.to_pil_image(picture[0].cpu()).save(file, "JPEG", quality=QUALITY)
    with Image.open(file) as image:
        pixels: Tensor = tvf.pil_to_tensor(image)
    return pixels.to(picture).unsqueeze(0) / 255


def changed_inputs(model: Model, inputs: Tensor) -> tuple[list[str], Tensor]:
    """Names of the changes, and the input (1, C, H, W) under each of them, (M, C, H, W)."""
    span = Range.of(model, inputs)
    picture = span.to_unit(inputs)
    changes = small_changes(min(inputs.shape[-2:]), inputs.shape[1])
    changed = torch.cat([span.from_unit(change(picture)) for _, change in changes])
    return [name for name, _ in changes], changed.to(inputs.dtype)


def stability(model: Model, names: list[str], probabilities: Tensor, index: int) -> GroundFinding:
    """What the probabilities (M, K) under the changes say of class `index`: the share of changes under which it is first."""
    tops = probabilities.argmax(1)
    kept = tops == index
    own = probabilities[:, index].double().cpu()
    share, least = float(kept.double().mean()), float(own.min())
    table = pd.DataFrame(
        {
            "change": names,
            "probability": own.tolist(),
            "first answer": [model.label(int(top)) for top in tops.tolist()],
            "same answer": kept.tolist(),
        }
    ).sort_values("probability", kind="stable", ignore_index=True)
    count = int(kept.sum())
    what = f"{model.label(index)!r} is the first answer under "
    if count == len(names):
        sentence = (
            f"{what}all {len(names)} small changes of the picture; its probability falls to {percent(least)} at worst."
        )
    else:
        rival = model.label(int(tops[~kept].mode().values))
        sentence = f"{what}{count} of {len(names)} small changes of the picture; else it is mostly {rival!r}."
    details = {"changes": len(names), "kept": count, "least probability": least}
    return GroundFinding("stable", share, share >= STEADY, sentence, table, details)
