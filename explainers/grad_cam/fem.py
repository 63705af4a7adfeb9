"""FEM as in pytorch-grad-cam: channels weighted by how often they fire far above their own mean. No gradients, no class.

Fuad et al. 2020 (doi:10.1109/IPTA50016.2020.9286629).

The paper's map differs: there every channel adds its mean, and only at the places where it is far above that."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from explainers.core.options import LayerOptions
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, forward_cam_method


class FemOptions(LayerOptions):
    deviations: float = Field(
        2.0,
        ge=0,
        le=4,
        description="How many standard deviations above its channel's mean an activation must be to count.",
    )


@forward_cam_method(
    "fem",
    options=FemOptions,
    title="FEM",
    highlights="where channels are far above their own mean, whatever the class,",
    unit="units of activation",
    citation="pytorch-grad-cam's variant of Fuad et al. 2020, doi:10.1109/IPTA50016.2020.9286629",
    shows="Channels of the layer added up, each weighted by the share of places where it is far above its own mean. "
    "In the paper every channel adds its mean instead, at those places only.",
    caveat=COARSE_CAVEAT + " It does not look at the score at all: every target gives the same map.",
)
def fem(run: Run, inputs: Tensor, target: Target, options: FemOptions) -> Tensor:
    """ReLU(sum_c w_c A_c) with w_c the share of places where A_c > mean(A_c) + k std(A_c), (N, h, w).

    The paper's is sum_c mean(A_c) [A_c >= mean(A_c) + k std(A_c)].
    """
    (activations,) = run.activations(inputs, [options.layer])
    mean = activations.mean((2, 3), keepdim=True)
    deviation = activations.std((2, 3), correction=0, keepdim=True)
    rare = (activations > mean + options.deviations * deviation).to(activations).mean((2, 3), keepdim=True)
    return (rare * activations).sum(1).relu()
