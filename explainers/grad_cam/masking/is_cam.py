"""IS-CAM: Score-CAM averaged over masks of growing strength.

Naidu et al. 2020 (arXiv:2010.03023)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.estimate import Estimate
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT
from explainers.grad_cam.masking._family import MASKED_CAVEAT, ScoreCamOptions, score_cam_method, score_weighted_maps


class IntegratedOptions(ScoreCamOptions):
    steps: int = Field(10, ge=1, le=100, description="Strengths at which every mask is tried.")


@score_cam_method(
    "is-cam",
    options=IntegratedOptions,
    title="IS-CAM",
    unit="weighted activation",
    citation="Naidu et al. 2020, arXiv:2010.03023; strengths as in TorchCAM",
    shows="Score-CAM with weights averaged over masks of growing strength.",
    caveat=COARSE_CAVEAT + MASKED_CAVEAT + " The strongest pictures are several times brighter than any real one.",
)
def is_cam(run: Run, input: Tensor, target: Target, options: IntegratedOptions) -> Iterator[Estimate]:
    """As Score-CAM, the score of a channel being the mean of score(s_i mask_c * input), s_i = (1 + ... + i) / steps, (h, w)."""
    strengths = (torch.arange(1, options.steps + 1).cumsum(0) / options.steps).to(input)

    def apply(masks: Tensor, channel_index: Tensor, variant_index: Tensor) -> Tensor:
        return strengths[variant_index].view(-1, 1, 1, 1) * masks * input

    yield from score_weighted_maps(run, input, target, options, apply)
