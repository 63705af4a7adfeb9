"""SS-CAM: Score-CAM averaged over noisy masks.

Wang et al. 2020 (arXiv:2006.14255)."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field
from torch import Tensor

from explainers.core.estimate import Estimate
from explainers.core.rng import seeded_noise
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT
from explainers.grad_cam.masking._family import MASKED_CAVEAT, ScoreCamOptions, score_cam_method, score_weighted_maps


class SmoothedOptions(ScoreCamOptions):
    samples: int = Field(10, ge=1, le=100, description="Noisy versions of every mask; 35 in the paper's experiments.")
    noise: float = Field(2.0, ge=0, le=4, description="Standard deviation of the noise; masks go from 0 to 1.")
    seed: int = Field(0, ge=0, description="Seed of the noise.")


@score_cam_method(
    "ss-cam",
    options=SmoothedOptions,
    title="SS-CAM",
    unit="weighted activation",
    citation="Wang et al. 2020, arXiv:2006.14255",
    shows="Score-CAM with weights averaged over noisy versions of every mask.",
    caveat=COARSE_CAVEAT + MASKED_CAVEAT + " It is a sample: another seed gives a slightly different map.",
)
def ss_cam(run: Run, input: Tensor, target: Target, options: SmoothedOptions) -> Iterator[Estimate]:
    """As Score-CAM, the score of a channel being the mean of score(input * (mask_c + noise)), (h, w)."""

    def apply(masks: Tensor, channel_index: Tensor, variant_index: Tensor) -> Tensor:
        noise = seeded_noise(masks, options.seed, channel_index * options.samples + variant_index)
        return (masks + options.noise * noise) * input

    yield from score_weighted_maps(run, input, target, options, apply)
