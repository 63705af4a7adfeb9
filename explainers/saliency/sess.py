"""SESS: a gradient CAM of many windows of the picture, from whole to close, put together into one map.

Tursun et al. 2022 (arXiv:2207.01769)."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from explainers.core.attribution import min_max_scaled
from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate
from explainers.core.options import LayerOptions
from explainers.core.target import ClassTarget, ProbabilityTarget, Target, are_probabilities
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.mixed_precision import at_least_float32
from explainers.engine.run import Run
from explainers.engine.variant_gradients import Variants, variant_captures
from explainers.engine.variant_scores import variant_scores
from explainers.grad_cam.grad_cam import grad_cam_terms
from explainers.grad_cam.grad_cam_plus_plus import grad_cam_plus_plus_terms
from explainers.grad_cam.hires_cam import hires_cam_terms
from explainers.grad_cam.layer_cam import layer_cam_terms
from explainers.grad_cam.xgrad_cam import xgrad_cam_terms
from explainers.registry import explainer

BLUR_SIZE, BLUR_DEVIATION = 11, 5.0  # px, as in the authors' code


class BaseCam(enum.StrEnum):
    """The CAM that every window gets."""

    GRAD_CAM = "grad-cam"
    GRAD_CAM_PLUS_PLUS = "grad-cam++"
    HIRES_CAM = "hires-cam"
    XGRAD_CAM = "xgrad-cam"
    LAYER_CAM = "layer-cam"


_TERMS = {
    BaseCam.GRAD_CAM: grad_cam_terms,
    BaseCam.GRAD_CAM_PLUS_PLUS: grad_cam_plus_plus_terms,
    BaseCam.HIRES_CAM: hires_cam_terms,
    BaseCam.XGRAD_CAM: xgrad_cam_terms,
    BaseCam.LAYER_CAM: layer_cam_terms,
}


class Pool(enum.StrEnum):
    """How the windows that cover a pixel become one number."""

    MEAN = "mean"
    MAX = "max"


class SessOptions(LayerOptions):
    base: BaseCam = Field(BaseCam.GRAD_CAM, description="The CAM that every window gets.")
    scales: int = Field(
        6,
        ge=1,
        le=12,
        description="Sizes that the picture is enlarged to, from its own on; 12 in the paper. Takes ever more windows.",
    )
    growth: float = Field(
        0.286,
        ge=0.05,
        le=1,
        description="How much larger each size is than the one before, as a share of the picture's own.",
    )
    left_out: float = Field(
        0.0, ge=0, le=0.95, description="Share of the windows, those of the lowest scores, that get no CAM."
    )
    pool: Pool = Field(Pool.MEAN, description="How the windows that cover a pixel become one number.")
    smooth: bool = Field(True, description="Blur the map a little, as published.")


@dataclass(frozen=True)
class Window:
    """A part of the enlarged picture that is as large as the picture itself.

    Attributes:
        size: height and width that the picture is enlarged to.
        top, left: of the window in it, in pixels.
    """

    size: tuple[int, int]
    top: int
    left: int


def windows(height: int, width: int, options: SessOptions) -> list[Window]:
    """Windows that cover every size, side by side; the last of a line is moved back into the picture."""
    covering = []
    for scale in range(options.scales):
        size = (
            height + scale * round(height * options.growth),
            width + scale * round(width * options.growth),
        )
        tops, lefts = (
            [*range(0, enlarged - own, own), enlarged - own]
            for enlarged, own in zip(size, (height, width), strict=True)
        )
        covering += [Window(size, top, left) for top in tops for left in lefts]
    return covering


def _cost(shape: Sequence[int], options: SessOptions) -> Cost:
    count = len(windows(shape[-2], shape[-1], options))
    return Cost(shape[0] * (count + _cam_count(count, options) + 1), shape[0] * _cam_count(count, options))


def _cam_count(count: int, options: SessOptions) -> int:
    """How many of so many windows get a CAM."""
    return count - int(count * options.left_out)


@explainer(
    "sess",
    options=SessOptions,
    title="SESS",
    family="saliency",  # its maps are at the picture's resolution, not at the layer's
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES,
    signed=False,
    unit="share of a window's largest value",
    cost=_cost,
    citation="Tursun et al. 2022, arXiv:2207.01769",
    shows="A CAM of every window of the picture, from the whole to close-ups, each weighted by the probability that the window "
    "has: finer than the CAM itself, and with several small objects where there are some.",
    caveat="Each window's map is scaled to its own range, so a weak map counts as a strong one where its window has a high "
    "probability. A close-up shows the network parts as if they were wholes.",
)
def sess(run: Run, input: Tensor, target: Target, options: SessOptions) -> Iterator[Estimate]:
    """Mean or maximum over the windows that cover a pixel of probability * CAM, at the picture's own resolution, (H, W).

    As in the authors' code: window maps go from 0 to 1, their weights are over the largest one, and where a map is zero
    its window does not count. Targets that have no probability weigh by their score, as far as it is positive.
    """
    height, width = input.shape[-2:]
    target = run.resolve(input, target)
    covering = windows(height, width, options)
    enlarged = functools.lru_cache(maxsize=2)(functools.partial(_enlarged, input))

    def crops(window_indices: Sequence[int]) -> Tensor:
        cut = [covering[index] for index in window_indices]
        return torch.cat([enlarged(w.size)[..., w.top : w.top + height, w.left : w.left + width] for w in cut])

    scores = _window_scores(run, input, target, len(covering), crops)
    strongest = scores.argsort(stable=True)[len(covering) - _cam_count(len(covering), options) :].tolist()
    largest = scores.max()
    weights = scores / largest if bool(largest > 0) else torch.ones_like(scores)
    total, cover = input.new_zeros(height, width), input.new_zeros(height, width)
    variants = Variants(
        len(strongest),
        lambda rows, input_index, variant_index: crops([strongest[v] for v in variant_index.tolist()]),
        torch.ones(len(strongest)),
    )
    for _, variant_index, capture in variant_captures(run, input, options.layer, target, variants):
        cams = _scaled_cams(capture, options.base, (height, width))
        for cam, index in zip(cams, [strongest[v] for v in variant_index.tolist()], strict=True):
            placed = _placed(cam * weights[index], covering[index], (height, width))
            if options.pool is Pool.MAX:
                total = torch.maximum(total, placed)
            else:
                total += placed.clamp_min(0)
                cover += (placed > 0).to(cover)
        pooled = total if options.pool is Pool.MAX else total / cover.clamp_min(1)
        share = (int(variant_index[-1]) + 1) / len(strongest)
        yield Estimate(_blurred(pooled) if options.smooth else pooled, share)


def _enlarged(input: Tensor, size: tuple[int, int]) -> Tensor:
    exact = at_least_float32(input)  # there is no such enlarging in half the bits
    return F.interpolate(exact, size, mode="bilinear", antialias=True, align_corners=False).to(input)


def _window_scores(
    run: Run, input: Tensor, target: Target, count: int, crops: Callable[[Sequence[int]], Tensor]
) -> Tensor:
    """What each of `count` windows weighs, (count,), not negative."""
    weighting = _weighting_target(run, input, target)
    chunks = variant_scores(run, input, weighting, count, lambda rows: (crops(range(rows.start, rows.stop)), None))
    return torch.cat([scores for _, scores in chunks]).clamp_min(0)


def _weighting_target(run: Run, input: Tensor, target: Target) -> Target:
    """What the windows are weighted by: the probability of a class, or the score."""
    outputs = run.outputs(input)
    if run.model.task != "classification" or not isinstance(target, ClassTarget) or outputs.ndim != 2:
        return target
    return ProbabilityTarget(target, are_probabilities(outputs))


def _scaled_cams(capture: LayerCapture, base: BaseCam, size: tuple[int, int]) -> Tensor:
    """CAMs of the windows (m, H, W), enlarged, each from 0 to 1."""
    cams = min_max_scaled(_TERMS[base](capture).sum(1).relu())
    return min_max_scaled(F.interpolate(cams.unsqueeze(1), size, mode="bilinear", align_corners=False)[:, 0])


def _blurred(cam: Tensor) -> Tensor:
    """A map (H, W) blurred a little; one of fewer pixels than the blur reaches stays as it is."""
    if min(cam.shape) <= BLUR_SIZE // 2:
        return cam
    blurred: Tensor = gaussian_blur(cam[None, None], [BLUR_SIZE, BLUR_SIZE], [BLUR_DEVIATION])
    return blurred[0, 0]


def _placed(cam: Tensor, window: Window, size: tuple[int, int]) -> Tensor:
    """The map of a window (H, W) where it belongs in the picture."""
    whole = cam.new_zeros(window.size)
    whole[window.top : window.top + size[0], window.left : window.left + size[1]] = cam
    return F.interpolate(whole[None, None], size, mode="bilinear", align_corners=False)[0, 0]
