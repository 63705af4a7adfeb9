"""Integrated gradients at a layer."""

from __future__ import annotations

import pytest
import torch

from explainers.api import explain
from tests.support.models.networks import assert_close, fixed_engine, random_inputs
from tests.support.models.swin_layers import below_and_above, slope, swin_model


@pytest.mark.parametrize("layer", ["features.1", "features.2", "norm"])
def test_integrated_gradients_at_a_layer_with_channels_last_by_the_slow_way(layer):
    swin = swin_model()
    """Many points on the way between the two outputs of the layer, at the middle of equal parts of it."""
    inputs, (below, above) = random_inputs(2, (3, 48, 48), dtype=torch.float64), below_and_above(swin, layer)
    begin, end = below(torch.zeros_like(inputs)).detach(), below(inputs).detach()
    slopes = [slope(above, torch.lerp(begin, end, (step + 0.5) / 50), 4) for step in range(50)]
    expected = (end - begin) * torch.stack(slopes).mean(0)
    result = explain(swin, inputs, "layer-integrated-gradients", 4, layer=layer, steps=20, engine=fixed_engine(7))
    assert_close(result.values, expected.permute(0, 3, 1, 2), 1e-3)
    assert result.completeness.gap.abs().max() < 1e-4 * result.completeness.expected.abs().max()
