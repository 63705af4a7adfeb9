"""Incremental inference: the same numbers as the whole network's, from fewer of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, fx, nn

import explainers as ex
from explainers.core.black_box import BlackBox
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget
from explainers.engine.mixed_precision import Precision
from explainers.engine.run import Run
from explainers.engine.variant_scores import WORTH_FOLDING_IN_BOXES, fastest_scoring, variant_scores
from explainers.graph.boxes import Boxes, ChangedMaps, Extents, SlidingWindow
from explainers.graph.conv_fusion import can_fuse, merged_for_scores
from explainers.graph.incremental import IncrementalNetwork, can_increment, sliding_of
from explainers.inputs.segments import segment_extents
from explainers.perturbation._family import regions_by_area
from tests.support.networks import assert_close, fixed_engine, lively, random_inputs, small_model

SIDE = 64


def versions_of(one: Tensor, boxes: Boxes, seed: int = 3) -> Tensor:
    """Noise in the boxes, the input itself elsewhere."""
    versions = one.repeat(len(boxes.corners), 1, 1, 1)
    noise = random_inputs(len(versions), one.shape[1:], seed=seed, dtype=one.dtype)
    height, width = boxes.size
    for version, other, (row, column) in zip(versions, noise, boxes.corners.tolist(), strict=True):
        place = (slice(None), slice(row, row + height), slice(column, column + width))
        version[place] = other[place]
    return versions


def some_boxes(size: tuple[int, int] = (9, 12), side: int = SIDE) -> Boxes:
    """In every corner, at an edge and in the middle."""
    last, middle = torch.tensor([side, side]) - torch.tensor(size), side // 2 - 3
    corners = [(0, 0), (0, last[1]), (last[0], 0), (last[0], last[1]), (middle, 0), (middle, middle), (7, 13)]
    return Boxes(torch.tensor(corners), size)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"), list(product([1, 2, 3, 7], [1, 2, 3], [0, 1, 3], [1, 2]))
)
def test_outputs_that_read_a_box_are_found_and_none_besides(
    kernel: int, stride: int, padding: int, dilation: int
) -> None:
    size, boxes = 19, some_boxes((3, 2), 19)
    changed = versions_of(torch.zeros(1, 1, size, size), boxes).abs()
    counted = F.conv2d(changed, torch.ones(1, 1, kernel, kernel), None, stride, padding, dilation)[:, 0] > 0
    sliding = SlidingWindow((kernel,) * 2, (stride,) * 2, (padding,) * 2, (dilation,) * 2)
    found = sliding.reached_from(boxes, counted.shape[1:])
    row, column = found.lines(torch.device("cpu"))
    inside = torch.zeros_like(counted)
    for number in range(len(counted)):
        inside[number, row[number][:, None], column[number]] = True
    assert not (counted & ~inside).any()
    tallest, widest = counted.any(2).sum(1).max(), counted.any(1).sum(1).max()
    if dilation == 1 and kernel >= stride:  # without gaps
        assert found.size == (max(1, tallest), max(1, widest))


def test_what_other_boxes_show_is_cut_from_the_whole_maps_with_an_edge_around() -> None:
    plain, boxes = random_inputs(1, (5, 20, 20)), some_boxes((4, 6), 20)
    versions = versions_of(plain, boxes)
    values = torch.stack(
        [v[:, r : r + 4, c : c + 6] for v, (r, c) in zip(versions, boxes.corners.tolist(), strict=True)]
    )
    changed = ChangedMaps(plain, values, boxes)
    assert torch.equal(changed.whole(), versions)
    wider = Boxes(boxes.corners - 3, (11, 12))
    padded = F.pad(versions, [12] * 4, value=7.0)
    expected = [
        v[:, r + 12 : r + 23, c + 12 : c + 24] for v, (r, c) in zip(padded, wider.corners.tolist(), strict=True)
    ]
    assert torch.equal(changed.inside(wider, outside=7.0), torch.stack(expected))


def test_common_boxes_hold_all_and_stay_on_the_map() -> None:
    one, other = Boxes(torch.tensor([[0, 0], [6, 7]]), (2, 3)), Boxes(torch.tensor([[1, 4], [5, 6]]), (3, 2))
    common = Boxes.around([one, other], (10, 10))
    assert common.size == (4, 6)
    assert common.corners.tolist() == [[0, 0], [5, 4]]
    assert common.share((10, 10)) == pytest.approx(0.24)
    middle = Extents.in_the_middle(2, (4, 40), (10, 10))
    assert middle.boxes().corners.tolist() == [[3, 0]] * 2
    assert middle.boxes().size == (4, 10)


def test_boxes_of_regions_hold_them() -> None:
    regions = torch.tensor([[0, 0, 1, 1], [0, 2, 2, 1], [3, 3, 2, 1]])
    order, extents = regions_by_area(regions)
    assert extents is not None
    assert order.tolist() == [3, 0, 2, 1]
    assert extents.corners.tolist() == [[2, 0], [0, 0], [1, 1], [0, 2]]
    assert extents.ends.tolist() == [[3, 2], [2, 2], [3, 3], [3, 4]]
    assert extents.areas().tolist() == [2, 4, 4, 6]
    assert extents.boxes(slice(0, 3)).size == (2, 2)
    assert extents.boxes().size == (3, 2)
    assert extents.boxes(slice(0, 1)).corners.tolist() == [[2, 0]]
    assert segment_extents(torch.arange(4)) is None


def compared(network: nn.Module, boxes: Boxes, tolerance: float) -> fx.GraphModule:
    """The traced network, after a look that its outputs are the same both ways, twice."""
    like = next(network.parameters())
    one = random_inputs(1, (3, SIDE, SIDE), dtype=like.dtype)
    traced = merged_for_scores(network)
    assert can_increment(traced)
    with torch.no_grad():
        incremental = IncrementalNetwork(traced, one)
        for seed in (3, 4):
            versions = versions_of(one, boxes, seed)
            expected, found = network(versions), incremental.outputs(versions, boxes)
            assert float((expected - network(one)).abs().max()) > 0
            torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
    return traced


NETWORKS = ["resnet18", "vgg11", "densenet121", "mobilenet_v2", "googlenet", "squeezenet1_1", "regnet_y_400mf", "shufflenet_v2_x0_5"]  # fmt: skip


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_torchvision_in_doubles(name: str) -> None:
    network = torchvision.models.get_model(name, weights=None).double().eval()
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
        found = convolve(module, inputs)
        counts.append(found.numel())
        return found

    monkeypatch.setattr(nn.Conv2d, "forward", counted)
    return counts


def test_most_outputs_of_early_layers_are_not_computed(outputs_computed: list[int]) -> None:
    network = lively(torchvision.models.vgg11(weights=None).double(), (3, SIDE, SIDE))
    one, boxes = random_inputs(1, (3, SIDE, SIDE), dtype=torch.float64), some_boxes((8, 8))
    traced, versions = merged_for_scores(network), versions_of(one, boxes)
    with torch.no_grad():
        incremental = IncrementalNetwork(traced, one)
        outputs_computed.clear()
        incremental.outputs(versions, boxes)
        few = list(outputs_computed)
        outputs_computed.clear()
        network(versions)
    shares = [a / b for a, b in zip(few, outputs_computed, strict=True)]
    # Boxes of 8 grow by 2 in a convolution and halve in a pooling: 10, 5 + 2, 4 + 2, 8, 4 + 2; 8 of 8 are the whole.
    assert shares[:5] == [(10 / 64) ** 2, (7 / 32) ** 2, (6 / 16) ** 2, (8 / 16) ** 2, (6 / 8) ** 2]
    assert shares[5:] == [1.0] * 3


COUNT = WORTH_FOLDING_IN_BOXES


@pytest.mark.parametrize("precision", list(Precision))
def test_a_sweep_in_boxes_scores_the_same(precision: Precision, outputs_computed: list[int]) -> None:
    network = lively(torchvision.models.resnet18(weights=None).double(), (3, SIDE, SIDE))
    model, one = Model("resnet18", network, (3, SIDE, SIDE)), random_inputs(1, (3, SIDE, SIDE), dtype=torch.float64)
    boxes = Boxes(torch.randint(SIDE - 8, (COUNT, 2), generator=torch.Generator().manual_seed(0)), (8, 8))
    versions, extents = versions_of(one, boxes), Extents(boxes.corners, boxes.corners + 8, (SIDE, SIDE))
    run = Run(model, fixed_engine(5))
    run.cache.scoring_copy()
    outputs_computed.clear()
    found = torch.cat(
        [s for _, s in variant_scores(run, one, ClassTarget(2), COUNT, lambda n: (versions[n], n), precision, extents)]
    )
    few = sum(outputs_computed)
    outputs_computed.clear()
    with torch.no_grad():
        assert_close(found, network(versions)[:, 2], 1e-9)
    assert few < 0.9 * sum(outputs_computed)
    assert run.cost.forward == COUNT


def test_sweeps_that_cannot_be_made_in_boxes_are_made_whole() -> None:
    one = random_inputs(1)

    def boxed(model: Model, target: ex.Target | None = None, count: int = COUNT, side: int = 4) -> bool:
        run = Run(model, fixed_engine(4))
        extents = Extents.in_the_middle(count, (side, side), (16, 16))
        return (
            fastest_scoring(run, one, target or ClassTarget(1), count, lambda n: (one, n), extents).extents is not None
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
    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    options = {"patch": 3, "stride": 3, "fill": "zero"}
    price = ex.estimate(model, one, "occlusion", **options)
    outputs_computed.clear()
    found = ex.explain(model, one, "occlusion", 2, **options)
    assert (price.forward, price.seconds > 0) == (found.cost.forward, True)
    assert outputs_computed[-3] < 16 * 6 * 16 * 16  # the first convolution of the last chunk
    covered, times = torch.zeros(16, 16, dtype=torch.float64), torch.zeros(16, 16, dtype=torch.float64)
    with torch.no_grad():
        whole = model.network.eval()(one)[0, 2]
        for row, column in product(range(0, 16, 3), repeat=2):
            version = one.clone()
            version[..., row : row + 3, column : column + 3] = 0
            covered[row : row + 3, column : column + 3] += whole - model.network(version)[0, 2]
            times[row : row + 3, column : column + 3] += 1
    assert_close(found.values[0], covered / times, 1e-6)
