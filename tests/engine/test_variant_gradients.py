"""Many variants of an input, differentiated or looked at inside the network."""

from __future__ import annotations

import pytest
import torch
import torchvision

from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.run import Run
from explainers.engine.variant_gradients import scores_with_layer_replaced
from tests.support.networks import assert_close, fixed_engine, lively, random_inputs


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small"])
def test_a_replaced_output_is_what_a_hook_makes_of_it(name: str) -> None:
    """Also where rows that have parted meet the single one again: in a sum (ResNet) or side by side (DenseNet)."""
    layer = {
        "resnet18": "layer2.0.conv1",
        "densenet121": "features.denseblock2.denselayer3",
        "mobilenet_v3_small": "features.4",
    }[name]
    network = lively(torchvision.models.get_model(name, weights=None).double(), (3, 64, 64))
    model = Model(name, network, (3, 64, 64))
    input = random_inputs(1, (3, 64, 64), dtype=torch.float64)

    def without(output: torch.Tensor, numbers: slice) -> torch.Tensor:
        rows = output.expand(numbers.stop - numbers.start, -1, -1, -1).clone()
        for row, channel in enumerate(range(numbers.start, numbers.stop)):
            rows[row, channel] = 0
        return rows

    scores = torch.cat(
        [
            s
            for _, s in scores_with_layer_replaced(
                Run(model, fixed_engine(3)), input, layer, ClassTarget(4), 7, without
            )
        ]
    )
    expected = []
    for channel in range(7):

        def zero(_module, _inputs, output, channel=channel):  # type: ignore[no-untyped-def]
            output = output.clone()
            output[:, channel] = 0
            return output

        handle = network.get_submodule(layer).register_forward_hook(zero)
        with torch.no_grad():
            expected.append(network(input)[0, 4])
        handle.remove()
    assert_close(scores, torch.stack(expected), 1e-9)
