"""LayerCAM: every activation weighted by its own positive gradient.

Jiang et al. 2021 (doi:10.1109/TIP.2021.3089943)."""

from __future__ import annotations

from torch import Tensor

from explainers.core.target import Target
from explainers.engine.layer_capture import LayerCapture
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, SmoothOptions, cam_map, cam_method


@cam_method(
    "layer-cam",
    options=SmoothOptions,
    title="LayerCAM",
    citation="Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943",
    shows="Every activation weighted by its own positive gradient: finer than Grad-CAM, and usable on early layers.",
    caveat=COARSE_CAVEAT + " Only positive gradients count, so it shows no evidence against.",
)
def layer_cam(run: Run, inputs: Tensor, target: Target, options: SmoothOptions) -> Tensor:
    """ReLU(sum_c ReLU(G_c) * A_c), (N, h, w)."""
    return cam_map(run, inputs, target, options, layer_cam_terms)


def layer_cam_terms(capture: LayerCapture) -> Tensor:
    return capture.gradients.relu() * capture.activations
