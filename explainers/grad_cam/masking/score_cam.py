"""Score-CAM: channels weighted by the score of the picture seen through each of them.

Wang et al. 2020 (arXiv:1910.01279)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from explainers.core.estimate import Estimate
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT
from explainers.grad_cam.masking._family import MASKED_CAVEAT, ScoreCamOptions, score_cam_method, score_weighted_maps


@score_cam_method(
    "score-cam",
    options=ScoreCamOptions,
    title="Score-CAM",
    unit="weighted activation",
    citation="Wang et al. 2020, arXiv:1910.01279",
    shows="Channels of the layer added up, each weighted by the score of the picture seen through that channel alone.",
    caveat=COARSE_CAVEAT + MASKED_CAVEAT,
)
def score_cam(run: Run, input: Tensor, target: Target, options: ScoreCamOptions) -> Iterator[Estimate]:
    """ReLU(sum_c w_c A_c) with w = softmax over the channels of score(input * mask_c), (h, w)."""
    yield from score_weighted_maps(
        run, input, target, options, lambda masks, channel_index, variant_index: masks * input
    )
