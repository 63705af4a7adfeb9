"""XRAI: regions of the picture ranked by how much attribution they hold per pixel.

Kapishnikov et al. 2019 (arXiv:1906.02825)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.inputs.baselines import Baseline, baseline_for
from explainers.inputs.segments import Segments, segment_input
from explainers.saliency._family import saliency_method
from explainers.saliency.paths.integrated_gradients import IntegratedGradientsOptions, integrated_gradients

REGION_COUNTS = (10, 20, 40, 80, 160, 320)  # about how many, from coarse to fine
BASELINES = (Baseline.BLACK, Baseline.WHITE)


class XraiOptions(Options):
    steps: int = Field(25, ge=2, le=500, description="Points on each of the two paths, from black and from white.")
    grow: int = Field(
        2, ge=0, le=10, description="Pixels by which regions are enlarged, so that they hold the edges that bound them."
    )


def _score_above_black_and_white(run: Run, inputs: Tensor, target: Target, options: XraiOptions) -> Tensor:
    target = run.resolve(inputs, target)
    scores = [run.scores(baseline_for(run.model, inputs, baseline), target) for baseline in BASELINES]
    return run.scores(inputs, target) - torch.stack(scores).mean(0)


@saliency_method(
    "xrai",
    options=XraiOptions,
    title="XRAI",
    needs=Needs.GRADIENTS | Needs.IMAGES,
    cost=lambda shape, options: Cost(shape[0] * (2 * options.steps + 3), shape[0] * 2 * options.steps),
    citation="Kapishnikov et al. 2019, arXiv:1906.02825",
    shows="Integrated gradients from black and from white, averaged over regions of the picture: those with the most "
    "attribution per pixel come first.",
    caveat="Regions follow the picture's edges and colours, not the network: what the network sees in a part of a region is "
    "spread over all of it. Colours between black and white get attribution too, but little.",
    expected_sum=_score_above_black_and_white,
)
def xrai(run: Run, inputs: Tensor, target: Target, options: XraiOptions) -> Tensor:
    """Attribution per pixel of the region by which a pixel was first covered, (N, H, W), in units of the score.

    Channels are summed, so that the map sums to the change of the score as integrated gradients do; the
    authors' code takes the largest channel.
    """
    target = run.resolve(inputs, target)
    steps = options.steps
    paths = [
        integrated_gradients(run, inputs, target, IntegratedGradientsOptions(steps=steps, baseline=baseline))
        for baseline in BASELINES
    ]
    attributions = torch.stack(paths).mean(0).sum(1).cpu().double()
    maps = []
    for row, attribution in enumerate(attributions):
        regions = region_candidates(run, inputs[row : row + 1], options.grow)
        maps.append(rank_regions(attribution, regions, min_pixels=max(1, attribution.numel() // 1000)))
    return torch.stack(maps).to(inputs)


def region_candidates(run: Run, input: Tensor, grow: int) -> Tensor:
    """Regions of an input (1, C, H, W) at every scale, enlarged by `grow` pixels, as masks (R, H, W), bool, on the CPU."""
    masks = []
    for count in REGION_COUNTS:
        labels = segment_input(run.model, input, Segments.FELZENSZWALB, count)
        masks.append(torch.arange(int(labels.max()) + 1)[:, None, None] == labels)
    regions = torch.cat(masks)
    if not grow:
        return regions
    enlarged: Tensor = F.max_pool2d(regions.unsqueeze(1).float(), 2 * grow + 1, stride=1, padding=grow)
    return enlarged[:, 0] > 0


def rank_regions(attribution: Tensor, regions: Tensor, min_pixels: int = 1) -> Tensor:
    """Cover the picture greedily, each time with the region whose new pixels hold the most attribution on average.

    Args:
        attribution: (H, W).
        regions: masks (R, H, W), bool.
        min_pixels: regions that would add fewer pixels than this are left out.

    Returns:
        (H, W): each pixel has the average of the new pixels it was covered with, or of all those that no region
        covered; the sum is that of `attribution`.
    """
    values, masks = attribution.flatten().numpy(), regions.flatten(1).numpy()
    sums, counts = np.array([values[mask].sum() for mask in masks]), masks.sum(1)
    uncovered, ranked = np.ones(len(values), dtype=bool), np.zeros(len(values))
    while (counts >= min_pixels).any():
        best = int(np.where(counts >= min_pixels, sums / counts.clip(1), -np.inf).argmax())
        new = np.flatnonzero(masks[best] & uncovered)
        ranked[new] = values[new].mean()
        uncovered[new] = False
        overlaps = masks[:, new]
        sums, counts = sums - overlaps @ values[new], counts - overlaps.sum(1)
    if uncovered.any():
        ranked[uncovered] = values[uncovered].mean()
    return torch.from_numpy(ranked).view_as(attribution)
