"""EpsilonGammaBox against the slow version, and the box of values that the first convolution can read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.relevance.lrp_epsilon_gamma_box import pixel_box
from tests.support.models.networks import assert_close, random_inputs
from tests.support.slow_lrp import FLOAT32, by_kind, conv_net, slow_lrp

METHOD = "lrp-epsilon-gamma-box"
MEAN, STD = 0.4, 0.3
LOW, HIGH = (0 - MEAN) / STD, (1 - MEAN) / STD
SHAPE = (1, 6, 6)
PREPROCESS = Preprocess((6, 6), channels="L", mean=(MEAN,), std=(STD,))


def test_the_slow_version() -> None:
    network = conv_net(channels=1)
    model = Model("slow", network, SHAPE, preprocess=PREPROCESS)
    inputs = random_inputs(2, SHAPE, dtype=torch.float64)
    attribution = explain(model, inputs, METHOD, 1, gamma=0.5)
    composite = by_kind(lambda d, r: d.gamma(r, 0.5), first=lambda d, r: d.box(r, LOW, HIGH))
    for row in range(2):
        expected = slow_lrp(network, inputs[row], torch.tensor([0, 1, 0]), composite)
        assert_close(attribution.values[row], torch.from_numpy(expected), FLOAT32)


class Normalising(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([MEAN]).double().view(1, 1, 1))
        self.register_buffer("std", torch.tensor([STD]).double().view(1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def test_the_box_of_a_network_that_normalises_pixels_itself_is_the_same() -> None:
    plain = conv_net(channels=1)
    outside = Model("outside", plain, SHAPE, preprocess=PREPROCESS)
    normalising = nn.Sequential(Normalising(), nn.Identity(), plain)
    inside = Model("inside", normalising, SHAPE, preprocess=Preprocess((6, 6), channels="L", mean=(0,), std=(1,)))
    pixels = torch.rand(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    low, high = pixel_box(Run(inside, engine_for("cpu")), pixels)
    assert_close(low, torch.full((1, *SHAPE), LOW), 1e-6)
    assert_close(high, torch.full((1, *SHAPE), HIGH), 1e-6)
    expected = explain(outside, (pixels - MEAN) / STD, METHOD, 1).values
    assert_close(explain(inside, pixels, METHOD, 1).values * STD, expected, 1e-6)  # the steps before have no rule


def test_where_black_and_white_bound_what_the_first_convolution_reads_and_where_not() -> None:
    pixels = random_inputs(2, SHAPE, dtype=torch.float64)
    padded = nn.Sequential(nn.ZeroPad2d(1), nn.BatchNorm2d(1, affine=False), nn.Conv2d(1, 2, 3), nn.Flatten()).double()
    low, high = pixel_box(Run(Model("padded", padded.eval(), SHAPE), engine_for("cpu")), pixels)
    assert low.shape == high.shape == (2, 1, 8, 8)
    assert_close(low[:, 0, 4, 4], pixels.amin((1, 2, 3)), 1e-4)
    assert not low[:, 0, 0].any()
    contrast = nn.Sequential(nn.InstanceNorm2d(1), nn.Conv2d(1, 2, 3), nn.Flatten()).double().eval()
    with pytest.raises(VitrineError, match="need not lie between"):
        explain(Model("contrast", contrast, SHAPE), pixels, METHOD, 1)
