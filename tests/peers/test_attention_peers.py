"""LeGrad equals TorchCAM's."""

from __future__ import annotations

from torchcam import methods as torchcam

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from tests.support.models.networks import assert_close
from tests.support.models.peers import SHAPE, TARGETS, inputs, vision_transformer


def test_legrad():
    """TorchCAM lets the head read the mean of all tokens; told to read the class token, as this network's head does and as
    Vitrine therefore does, it agrees. It answers for one input at a time."""
    network = vision_transformer()
    blocks = list(network.encoder.layers)
    ours = explain(Model("vit", network, SHAPE), inputs(), "legrad", ClassTarget(TARGETS)).values
    for row, target in enumerate(TARGETS):
        with torchcam.LeGrad(
            network, blocks, score_projection=lambda tokens: network.heads(network.encoder.ln(tokens)[:, 0])
        ) as cam:
            network(inputs()[row : row + 1])
            (theirs,) = cam(target, normalized=False)
        assert_close(ours[row : row + 1], theirs.detach(), 1e-5)
