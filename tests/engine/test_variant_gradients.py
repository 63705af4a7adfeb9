"""Many variants of an input, differentiated or looked at inside the network."""

from __future__ import annotations

import pytest
import torch
import torchvision

from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.run import Run
from explainers.engine.variant_gradients import (
    Variants,
    scores_with_layer_replaced,
    summed_gradients,
    variant_captures,
)
from tests.support.models.networks import assert_close, fixed_engine, lively, random_inputs, small_model


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

    def without(output: torch.Tensor, rows: slice) -> torch.Tensor:
        outputs = output.expand(rows.stop - rows.start, -1, -1, -1).clone()
        for row, channel in enumerate(range(rows.start, rows.stop)):
            outputs[row, channel] = 0
        return outputs

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


def scaled(rows: torch.Tensor, input_index: torch.Tensor, variant_index: torch.Tensor) -> torch.Tensor:
    """Variant v of an input is (v + 1) / 4 times it, and of the second input twice as much."""
    factor = (variant_index + 1) / 4 * (input_index + 1)
    return rows * factor.view(-1, 1, 1, 1)


WEIGHTS = torch.tensor([0.5, 0.25, 0.125, 0.125])


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_gradients_are_summed_with_their_weights_whatever_the_chunk(chunk: int) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    target = ClassTarget((1, 3))
    expected = torch.zeros_like(inputs)
    for input_index in range(2):
        for variant_index in range(4):
            variant = inputs[input_index : input_index + 1] * (variant_index + 1) / 4 * (input_index + 1)
            variant.requires_grad_()
            score = model.network.eval()(variant)[0, target.index[input_index]]
            expected[input_index] += WEIGHTS[variant_index] * torch.autograd.grad(score, variant)[0][0]
    run = Run(model, fixed_engine(chunk))
    assert_close(summed_gradients(run, inputs, target, Variants(4, scaled, WEIGHTS)), expected, 1e-12)
    assert (run.cost.forward, run.cost.backward) == (8, 8)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_what_is_folded_is_summed_in_the_gradients_place(chunk: int) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)

    def fold(gradients: torch.Tensor, input_index: torch.Tensor, variant_index: torch.Tensor) -> torch.Tensor:
        return gradients.sum((1, 2, 3))[:, None] + 10 * input_index[:, None]

    run = Run(model, fixed_engine(chunk))
    folded = summed_gradients(run, inputs, ClassTarget(1), Variants(4, scaled, WEIGHTS, fold))
    plain = summed_gradients(run, inputs, ClassTarget(1), Variants(4, scaled, WEIGHTS))
    assert_close(folded, plain.sum((1, 2, 3))[:, None] + torch.tensor([[0.0], [10.0]]), 1e-12)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_captures_of_variants_come_in_order(chunk: int) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    chunks = list(
        variant_captures(Run(model, fixed_engine(chunk)), inputs, "norm1", ClassTarget(1), Variants(4, scaled, WEIGHTS))
    )
    assert torch.cat([input_index for input_index, _, _ in chunks]).tolist() == [0] * 4 + [1] * 4
    assert torch.cat([variant_index for _, variant_index, _ in chunks]).tolist() == [0, 1, 2, 3] * 2
    input_index, variant_index = torch.tensor([0] * 4 + [1] * 4), torch.arange(8) % 4
    (whole,) = Run(model, fixed_engine(8)).capture(
        scaled(inputs[input_index], input_index, variant_index), ["norm1"], ClassTarget(1)
    )
    assert_close(torch.cat([capture.gradients for _, _, capture in chunks]), whole.gradients, 1e-12)
    assert_close(torch.cat([capture.activations for _, _, capture in chunks]), whole.activations, 1e-12)
