"""Opti-CAM: the search, also in half the bits."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.target import ClassTarget
from tests.support.models.networks import assert_close, random_inputs, small_model
from tests.support.rounding import halved_and_exact, inputs_for


@pytest.mark.parametrize("steps", [1, 12])
def test_opti_cam_equals_the_search_through_the_whole_network(steps):
    """Autograd from the score down to the weights, in one graph, each picture by itself."""
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    network, expected, gains = model.network.eval(), [], []
    for row, image in enumerate(inputs.split(1)):
        channels = network.norm1(network.conv1(image)).relu().detach()
        weights = torch.zeros(channels.shape[1], dtype=torch.float64, requires_grad=True)
        optimizer, scores = torch.optim.Adam([weights], lr=0.2), []
        for _ in range(steps):
            mask = F.interpolate(
                (weights.softmax(0).view(1, -1, 1, 1) * channels).sum(1, keepdim=True),
                image.shape[-2:],
                mode="bilinear",
            )
            score = network(image * (mask - mask.min()) / (mask.max() - mask.min()))[0, (0, 3)[row]]
            scores.append(float(score.detach()))
            optimizer.zero_grad()
            (-score).backward()
            optimizer.step()
        expected.append((weights.softmax(0).view(-1, 1, 1) * channels[0]).sum(0).detach())
        gains.append(scores[-1] - scores[0])
    result = explain(model, inputs, "opti-cam", ClassTarget((0, 3)), layer="norm1", steps=steps, rate=0.2)
    assert_close(result.values, torch.stack(expected), 1e-6)
    assert (result.cost.forward, result.cost.backward) == (2 * (steps + 1), 2 * steps)
    assert steps == 1 or min(gains) > 0
    assert explain(model, inputs, "opti-cam", steps=steps).cost.forward == 2 * (steps + 1), (
        "the top class costs no pass"
    )


def masked_scores(network: nn.Module, inputs: Tensor, maps: Tensor) -> Tensor:
    """Scores of class 2 for inputs seen through their maps, in the network's own dtype."""
    masks = F.interpolate(maps.unsqueeze(1).double(), inputs.shape[-2:], mode="bilinear")
    low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
    with torch.no_grad():
        return network(inputs.double() * (masks - low) / (high - low))[:, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_climb_as_high(dtype):
    """Adam divides by squares of slopes, which vanish in half the bits: without care the weights are no numbers.

    It takes as large a step for a small slope as for a large one. So rounding decides where channels end that hardly matter,
    and the maps of two processors may differ; the score that the search reaches may not.
    """
    (halved, exact), inputs = halved_and_exact(dtype, seed=1), inputs_for(dtype)
    result, expected = (explain(model, inputs, "opti-cam", 2, layer="norm1", steps=20) for model in (halved, exact))
    assert result.values.isfinite().all()
    start = explain(exact, inputs, "opti-cam", 2, layer="norm1", steps=1, rate=1e-6)
    reached, possible, before = (
        masked_scores(exact.network, inputs, attribution.values) for attribution in (result, expected, start)
    )
    assert ((possible - before) > 0.05).all()
    assert ((reached - before) > (possible - before) / 2).all()
