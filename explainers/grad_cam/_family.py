"""What class activation maps share: registration, options, and how the channels of a layer become one map.

All gradient CAMs are different sums over the same capture of a layer: its activations A and the gradients G of the
score, both (N, C, h, w). Maps are ReLU'd as published, at the layer's own resolution, not normalised. Instead of the
sum over channels their first principal component can be shown, and the maps of several views can be averaged."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._principal_component import principal_map
from explainers.registry import explainer

COARSE_CAVEAT = (
    "It is as coarse as the layer, stretched over the image: edges in it are not edges in the picture. "
    "It says where the layer's evidence lies, not what it looks for there."
)


class SmoothOptions(LayerOptions):
    eigen_smooth: bool = Field(
        False,
        description="Show what the weighted channels have in common (their first principal component) instead of their sum.",
    )
    aug_smooth: bool = Field(
        False,
        description="Average over six views: the picture and its mirror image, each in three contrasts. Takes six times the passes.",
    )


CONTRASTS = (0.9, 1.0, 1.1)
VIEWS = 2 * len(CONTRASTS)


def gradient_cost(shape: Sequence[int], options: SmoothOptions) -> Cost:
    """One pass forward and back; six more of both, and one to name the class, where views are averaged."""
    return Cost(shape[0] * (VIEWS + 1), shape[0] * VIEWS) if options.aug_smooth else Cost(shape[0], shape[0])


cam_method = functools.partial(
    explainer, family="cam", needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES, cost=gradient_cost, signed=False
)

forward_cam_method = functools.partial(
    cam_method, needs=Needs.LAYERS | Needs.IMAGES, cost=lambda shape, options: Cost(shape[0], 0)
)


def cam_map(
    run: Run,
    inputs: Tensor,
    target: Target,
    options: SmoothOptions,
    terms: Callable[[LayerCapture], Tensor],
    curvature: bool = False,
) -> Tensor:
    """ReLU of the terms added up over the channels, or smoothed as the options say, (N, h, w).

    Args:
        terms: (capture) -> what every channel adds at every place, (N, C, h, w).
        curvature: whether the terms need it.
    """

    def maps(rows: Tensor, targets: Target) -> Tensor:
        channels = terms(run.capture(rows, [options.layer], targets, curvature)[0])
        return (principal_map(channels) if options.eigen_smooth else channels.sum(1)).relu()

    if not options.aug_smooth:
        return maps(inputs, target)
    views = run.derived("views", inputs, _views)
    view_targets = run.resolve(inputs, target).take(list(range(len(inputs))) * VIEWS)
    plain, mirrored = maps(views, view_targets).chunk(2)
    sums = plain + mirrored.flip(-1)
    return sums.view(len(CONTRASTS), len(inputs), *sums.shape[1:]).mean(0) / 2


def _views(inputs: Tensor) -> Tensor:
    """The inputs in every contrast, then their mirror images, (6 N, C, H, W): the views of pytorch-grad-cam."""
    contrasts = torch.cat([inputs * contrast for contrast in CONTRASTS])
    return torch.cat([contrasts, contrasts.flip(-1)])
