"""Incremental inference: the same numbers as the whole network's, from fewer of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, fx, nn
from torchvision.models import vgg

import explainers as ex
from explainers.core.black_box import BlackBox
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget
from explainers.engine.mixed_precision import Precision
from explainers.engine.run import Run
from explainers.engine.variant_scores import WORTH_FOLDING_IN_BOXES, fastest_scoring, variant_scores
from explainers.graph.boxes import Boxes, Extents, SlidingWindow
from explainers.graph.conv_fusion import can_fuse, merged_for_scores
from explainers.graph.incremental import IncrementalNetwork, can_increment, sliding_of
from tests.support.boxes import SIDE, some_boxes, variants_in_boxes
from tests.support.models.networks import assert_close, fixed_engine, lively, random_inputs, small_model


def compared(network: nn.Module, boxes: Boxes, tolerance: float) -> fx.GraphModule:
    """The traced network, after a look that its outputs are the same both ways, twice."""
    like = next(network.parameters())
    input = random_inputs(1, (3, SIDE, SIDE), dtype=like.dtype)
    traced = merged_for_scores(network)
    assert can_increment(traced)
    with torch.no_grad():
        incremental = IncrementalNetwork(traced, input)
        for seed in (3, 4):
            variants = variants_in_boxes(input, boxes, seed)
            expected, outputs = network(variants), incremental.outputs(variants, boxes)
            assert float((expected - network(input)).abs().max()) > 0
            torch.testing.assert_close(outputs, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    return traced


def vgg11() -> nn.Module:
    """Without the two wide layers of its classifier, which are nine tenths of its weights and see no boxes."""
    features = vgg.make_layers(vgg.cfgs["A"])
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(512 * 7 * 7, 10))


NETWORKS = ["resnet18", "vgg11", "densenet121", "mobilenet_v2", "googlenet", "squeezenet1_1", "regnet_y_400mf", "shufflenet_v2_x0_5"]  # fmt: skip


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_torchvision_in_doubles(name: str) -> None:
    network = (vgg11() if name == "vgg11" else torchvision.models.get_model(name, weights=None)).double().eval()
    compared(lively(network, (3, SIDE, SIDE)) if name != "googlenet" else network, some_boxes(), 1e-9)


@pytest.mark.skipif(not can_fuse(nn.Conv2d(1, 1, 1)), reason="this machine has not the operators of oneDNN")
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v3_small"])
def test_fused_networks(name: str) -> None:
    compared(lively(torchvision.models.get_model(name, weights=None), (3, SIDE, SIDE)), some_boxes(), 1e-4)


class Net(nn.Module):
    """Two convolutions and a way to join them."""

    def __init__(self, join: Callable[[Net, Tensor], Tensor], step: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.step = nn.Identity() if step is None else step
        self.scale = nn.Parameter(torch.rand(6, 1, 1))
        self.join = join

    def forward(self, inputs: Tensor) -> Tensor:
        return self.join(self, inputs).mean((2, 3))


STEPS = [
    nn.MaxPool2d(3, 2, 1), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(3, 1, 1, dilation=2), nn.AvgPool2d(3, 2, 1),
    nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, 2, 1, count_include_pad=False), nn.BatchNorm2d(6),
    nn.BatchNorm2d(6, track_running_stats=False), nn.ReLU(inplace=True), nn.Hardswish(), nn.GELU(), nn.InstanceNorm2d(6),
    nn.Softmax2d(), nn.Conv2d(6, 6, (3, 5), (2, 1), (1, 2), groups=3), nn.Conv2d(6, 6, 3, padding="same", dilation=3),
    nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect"), nn.ConvTranspose2d(6, 6, 2, 2), nn.LPPool2d(2, 2),
    nn.Upsample(scale_factor=2), nn.Dropout(), nn.AdaptiveAvgPool2d(4),
]  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_step_between_two_convolutions(step: nn.Module) -> None:
    """Whether it is known to read places alone, to slide, or is none of these and computed whole."""
    network = Net(lambda net, x: net.second(net.step(net.first(x))), step)
    compared(network.double().eval(), some_boxes(), 1e-10)


def test_steps_with_edges_of_their_own_do_not_slide() -> None:
    assert sliding_of(nn.AvgPool2d(2, 2, 1, count_include_pad=False)) is None
    assert sliding_of(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")) is None
    assert sliding_of(nn.MaxPool2d((3, 2), padding=1)) == SlidingWindow((3, 2), (3, 2), (1, 1), (1, 1))


JOINS: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "side by side": lambda net, x: net.second(torch.cat([net.first(x)[:, :3], net.first(x)[:, 3:]], 1)),
    "stacked and cut": lambda net, x: net.second(torch.cat([net.first(x), -net.first(x)], 0)).chunk(2)[0],
    "cat by name": lambda net, x: torch.cat([net.first(x), net.second(net.first(x))], dim=1),
    "sum": lambda net, x: net.second(net.first(x)) + net.first(x),
    "sum of a number": lambda net, x: net.second(torch.add(net.first(x), 0.5, alpha=2)),
    "product": lambda net, x: net.second(net.first(x).mul(net.first(x).sigmoid())),
    "with a parameter": lambda net, x: net.second(net.first(x) * net.scale),
    "gated by all of it": lambda net, x: net.second(net.first(x) * net.first(x).mean((2, 3), keepdim=True)),
    "with a row": lambda net, x: net.second(net.first(x) + net.first(x)[:, :, :1]),
    "in place": lambda net, x: net.second(F.relu(net.first(x), inplace=True).add_(1)),
    "in place, read before": lambda net, x: (lambda a: net.second(a) + F.relu_(a))(net.first(x)),
    "of two sizes": lambda net, x: (
        net.second(net.first(x)) + F.interpolate(net.first(x)[..., ::2, ::2], scale_factor=2)
    ),
    "clamped": lambda net, x: net.second(net.first(x).clamp(0, 1)),
}


@pytest.mark.parametrize("name", JOINS)
def test_ways_to_join(name: str) -> None:
    compared(Net(JOINS[name]).double().eval(), some_boxes(), 1e-10)


@pytest.mark.parametrize("write", [lambda a: a.clamp_(0), lambda a: torch.neg(a, out=a)])
def test_a_network_that_writes_in_ways_unknown_is_left_alone(write: Callable[[Tensor], Tensor]) -> None:
    network = Net(lambda net, x: net.second(write(net.first(x)))).double().eval()
    assert not can_increment(merged_for_scores(network))


@pytest.fixture
def outputs_computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many numbers every convolution put out."""
    counts: list[int] = []
    convolve = nn.Conv2d.forward

    def counted(module: nn.Conv2d, inputs: Tensor) -> Tensor:
        outputs = convolve(module, inputs)
        counts.append(outputs.numel())
        return outputs

    monkeypatch.setattr(nn.Conv2d, "forward", counted)
    return counts


def test_most_outputs_of_early_layers_are_not_computed(outputs_computed: list[int]) -> None:
    network = lively(vgg11().double(), (3, SIDE, SIDE))
    input, boxes = random_inputs(1, (3, SIDE, SIDE), dtype=torch.float64), some_boxes((8, 8))
    traced, variants = merged_for_scores(network), variants_in_boxes(input, boxes)
    with torch.no_grad():
        incremental = IncrementalNetwork(traced, input)
        outputs_computed.clear()
        incremental.outputs(variants, boxes)
        few = list(outputs_computed)
        outputs_computed.clear()
        network(variants)
    shares = [a / b for a, b in zip(few, outputs_computed, strict=True)]
    # Boxes of 8 grow by 2 in a convolution and halve in a pooling: 10, 5 + 2, 4 + 2, 8, 4 + 2; 8 of 8 are the whole.
    assert shares[:5] == [(10 / 64) ** 2, (7 / 32) ** 2, (6 / 16) ** 2, (8 / 16) ** 2, (6 / 8) ** 2]
    assert shares[5:] == [1.0] * 3


COUNT = WORTH_FOLDING_IN_BOXES


@pytest.mark.parametrize("precision", list(Precision))
def test_a_sweep_in_boxes_scores_the_same(precision: Precision, outputs_computed: list[int]) -> None:
    network = lively(torchvision.models.resnet18(weights=None).double(), (3, SIDE, SIDE))
    model, input = Model("resnet18", network, (3, SIDE, SIDE)), random_inputs(1, (3, SIDE, SIDE), dtype=torch.float64)
    boxes = Boxes(torch.randint(SIDE - 8, (COUNT, 2), generator=torch.Generator().manual_seed(0)), (8, 8))
    variants, extents = variants_in_boxes(input, boxes), Extents(boxes.corners, boxes.corners + 8, (SIDE, SIDE))
    run = Run(model, fixed_engine(5))
    run.cache.scoring_copy()
    outputs_computed.clear()
    scores = torch.cat(
        [
            s
            for _, s in variant_scores(
                run, input, ClassTarget(2), COUNT, lambda n: (variants[n], n), precision, extents
            )
        ]
    )
    few = sum(outputs_computed)
    outputs_computed.clear()
    with torch.no_grad():
        assert_close(scores, network(variants)[:, 2], 1e-9)
    assert few < 0.9 * sum(outputs_computed)
    assert run.cost.forward == COUNT


def test_sweeps_that_cannot_be_made_in_boxes_are_made_whole() -> None:
    input = random_inputs(1)

    def boxed(model: Model, target: ex.Target | None = None, count: int = COUNT, side: int = 4) -> bool:
        run = Run(model, fixed_engine(4))
        extents = Extents.in_the_middle(count, (side, side), (16, 16))
        return (
            fastest_scoring(run, input, target or ClassTarget(1), count, lambda n: (input, n), extents).extents
            is not None
        )

    model = small_model()
    assert boxed(model)
    assert not boxed(model, ChannelTarget("conv2", 0))
    traced = Model("traced", fx.symbolic_trace(small_model().network.eval()), (3, 16, 16))
    assert boxed(traced)
    assert not boxed(traced, ChannelTarget("conv2", 0))
    assert not boxed(model, count=COUNT - 1)
    assert not boxed(model, side=15)
    assert not boxed(Model("function", BlackBox(lambda x: x.mean((2, 3))), (3, 16, 16), fingerprint="function"))
    branching = Net(lambda net, x: net.second(net.first(x)) if x.sum() > 0 else net.first(x))  # cannot be traced
    assert not boxed(Model("branching", branching, (3, 16, 16)))


def test_occlusion_and_its_estimate_are_made_in_boxes(outputs_computed: list[int]) -> None:
    model, input = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = {"patch": 3, "stride": 3, "fill": "zero"}
    price = ex.estimate(model, input, "occlusion", **options)
    outputs_computed.clear()
    attribution = ex.explain(model, input, "occlusion", 2, **options)
    assert (price.forward, price.seconds > 0) == (attribution.cost.forward, True)
    assert outputs_computed[-3] < 16 * 6 * 16 * 16  # the first convolution of the last chunk
    covered, times = torch.zeros(16, 16, dtype=torch.float64), torch.zeros(16, 16, dtype=torch.float64)
    with torch.no_grad():
        whole = model.network.eval()(input)[0, 2]
        for row, column in product(range(0, 16, 3), repeat=2):
            variant = input.clone()
            variant[..., row : row + 3, column : column + 3] = 0
            covered[row : row + 3, column : column + 3] += whole - model.network(variant)[0, 2]
            times[row : row + 3, column : column + 3] += 1
    assert_close(attribution.values[0], covered / times, 1e-6)
