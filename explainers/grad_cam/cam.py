"""CAM proper: for networks that end in global average pooling and one linear layer, what each place adds to the score.

Zhou et al. 2016 (arXiv:1512.04150)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.options import LayerOptions
from explainers.core.target import Target, layer_of
from explainers.engine.run import Run
from explainers.grad_cam._family import COARSE_CAVEAT, cam_method


@cam_method(
    "cam",
    options=LayerOptions,
    title="CAM",
    needs=Needs.LAYERS | Needs.IMAGES,
    only_layer=True,
    cost=lambda shape, options: Cost(shape[0], 0),
    citation="Zhou et al. 2016, arXiv:1512.04150",
    shows="Channels of the last layer added up with the weights that the network's own linear head gives them: each place's "
    "share of the score.",
    caveat=COARSE_CAVEAT + " Only networks that end in global average pooling and one linear layer have it.",
)
def cam_proper(run: Run, inputs: Tensor, target: Target, options: LayerOptions) -> Tensor:
    """ReLU(sum_c w_c A_c), w the head's weights for the target, (N, h, w). Before the ReLU its mean is the score less the bias."""
    if (layer := layer_of(target)) is not None:
        raise VitrineError(
            f"CAM explains the network's outputs, not layer {layer!r}; choose another method for that target."
        )
    (activations,) = run.activations(inputs, [options.layer])
    weight = _linear_head(run, activations, run.outputs(inputs), options).weight
    resolved = run.resolve(inputs, target)
    # The target of a weight column is that column's part in the target of the outputs.
    columns = weight.T
    weights = [resolved.take([row] * len(columns))(columns) for row in range(len(inputs))]
    return torch.einsum("nc,nchw->nhw", torch.stack(weights), activations).relu()


def _linear_head(run: Run, activations: Tensor, outputs: Tensor, options: LayerOptions) -> nn.Linear:
    """The linear layer that makes the outputs from the mean of the activations over all places."""
    pooled = activations.mean((2, 3))
    for module in run.network.modules():
        if isinstance(module, nn.Linear) and (module.out_features, module.in_features) == (
            outputs.flatten(1).shape[1],
            pooled.shape[1],
        ):
            head_outputs = F.linear(pooled, module.weight, module.bias)
            if float((head_outputs - outputs.flatten(1)).abs().max()) <= 1e-3 * float(outputs.abs().max()):
                return module
    raise VitrineError(
        f"CAM needs a network that ends in global average pooling and one linear layer, and {run.model.name} does not "
        f"after layer {run.layer(options.layer).name!r}; choose hires-cam, which shows the same where both exist."
    )
