"""What stands for "nothing to see": baselines of paths, and what covers the parts of an input that are hidden."""

from __future__ import annotations

import enum
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import functional as tvf

from explainers.core.model import Model
from explainers.core.rng import seeded_noise


class Baseline(enum.StrEnum):
    """The input that a path starts from."""

    ZERO = "zero"  # zeros after normalisation: the mean colour, Captum's default
    BLACK = "black"
    WHITE = "white"
    BLUR = "blur"


class Fill(enum.StrEnum):
    """What is seen where a part of the input is hidden."""

    BLUR = "blur"
    MEAN = "mean"  # the input's own mean, channel by channel
    ZERO = "zero"
    BLACK = "black"
    WHITE = "white"
    NOISE = "noise"  # normal, with the input's own mean and deviation
    INPAINT = "inpaint"  # grown in from what is left around the hole


def baseline_for(model: Model, inputs: Tensor, fill: Fill | Baseline, seed: int = 0) -> Tensor:
    """An input of each input's shape with nothing to see in it, (N, ...), in the model's own units.

    What has no meaning for vectors is zero for them, and so is a colour where there is no preprocessing to say
    what it is.
    """
    is_image = inputs.ndim == 4
    positions = tuple(range(2, inputs.ndim)) or (1,)
    match fill.value:
        case "blur" if is_image:
            # A sigma of a twelfth of the side leaves colour and layout but no object.
            sigma = max(inputs.shape[-2:]) / 12
            radius = min(int(3 * sigma), min(inputs.shape[-2:]) - 1)
            blurred: Tensor = tvf.gaussian_blur(inputs, [2 * radius + 1] * 2, [sigma, sigma])
            return blurred
        case "black" | "white" if is_image and model.preprocess is not None:
            return model.preprocess.pixel(float(fill.value == "white"), inputs).expand_as(inputs)
        case "white":
            return torch.ones_like(inputs)
        case "mean" | "inpaint" if is_image:
            return inputs.mean(positions, keepdim=True).expand_as(inputs)
        case "noise":
            noise = seeded_noise(inputs, seed, torch.zeros(1, dtype=torch.long)).expand_as(inputs)
            # Without Bessel's correction, which leaves a single number no deviation at all.
            return inputs.mean(positions, keepdim=True) + noise * inputs.std(positions, correction=0, keepdim=True)
    return torch.zeros_like(inputs)


def masker_for(model: Model, input: Tensor, fill: Fill, seed: int = 0) -> Callable[[Tensor], Tensor]:
    """A function that hides parts of one input (1, ...).

    Returns:
        (masks (m, 1, H, W) or (m, F): 1 where the input is seen, 0 where it is hidden, shares between) -> (m, ...).
    """
    if fill is Fill.INPAINT and input.ndim == 4:
        return lambda masks: torch.lerp(inpaint(input, masks), input, masks)
    cover = baseline_for(model, input, fill, seed)
    return lambda masks: torch.lerp(cover, input, masks)


def inpaint(images: Tensor, masks: Tensor) -> Tensor:
    """Images whose hidden pixels take the colours around them, coarse where the hole is wide.

    The pull-push pyramid of Gortler et al. 1996 (The Lumigraph, section 3.4): averages of what is seen at half the
    size, and so on up; then every level fills its holes from the coarser one.

    Args:
        images: (1 or m, C, H, W).
        masks: (m, 1, H, W), 1 where seen.
    """
    # Colours times how much of a pixel is visible, and that weight, from fine to coarse.
    colours, weight = images * masks, masks.expand(-1, 1, -1, -1)
    levels = [(colours, weight)]
    while min(colours.shape[-2:]) > 1:
        colours, weight = (F.avg_pool2d(part, 2, ceil_mode=True, count_include_pad=False) for part in (colours, weight))
        levels.append((colours, weight))
    colours, weight = levels.pop()
    total = weight.sum((2, 3), keepdim=True)
    mean = images.mean((2, 3), keepdim=True)
    filled = torch.where(total > 0, colours.sum((2, 3), keepdim=True) / total.clamp_min(1e-12), mean).expand_as(colours)
    for colours, weight in reversed(levels):
        coarser = F.interpolate(filled, colours.shape[-2:], mode="bilinear", align_corners=False)
        # A pixel that is visible in part keeps that part.
        filled = colours + (1 - weight) * coarser
    return filled
