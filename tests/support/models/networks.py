"""Small networks for tests: quick, deterministic, and with signals that reach the input."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.engine.chunk_sizes import ChunkSizes
from explainers.engine.engine import Engine

# `left` forward passes may still be made; the next one raises `error`. None: any number.
TRIPWIRE = SimpleNamespace(left=None, error=RuntimeError, seen=[])


def tripwire(inputs: Tensor) -> Tensor:
    """Stands at the end of `SmallCNN`, also in its rewritten copies, and counts rows."""
    TRIPWIRE.seen.append(len(inputs))
    if TRIPWIRE.left is not None:
        if TRIPWIRE.left == 0:
            raise TRIPWIRE.error("the tripwire was touched")
        TRIPWIRE.left -= 1
    return inputs


torch.fx.wrap("tripwire")


class SmallCNN(nn.Module):
    """Convolutions, BatchNorm, one in-place ReLU used twice, a functional ReLU, dropout."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.norm2 = nn.BatchNorm2d(8)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(8, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.relu(self.norm1(self.conv1(inputs)))
        x = self.relu(self.norm2(self.conv2(x)))
        x = F.relu(x + self.conv3(x))
        return tripwire(self.head(self.dropout(x.mean((2, 3)))))


class Linear(nn.Module):
    """outputs = inputs @ weights, whatever the shape of the inputs."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1) @ self.weights


class Formula(nn.Module):
    """Any formula as a network, with one weight that gives it a dtype."""

    def __init__(self, formula: Callable[[Tensor], Tensor], dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.unit = nn.Parameter(torch.ones((), dtype=dtype))
        self.formula = formula

    def forward(self, inputs: Tensor) -> Tensor:
        return self.formula(inputs * self.unit)


def rectified() -> nn.Sequential:
    """Three linear layers with a ReLU between each two, 6 -> 16 -> 12 -> 3, in float64; the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 3)
    return nn.Sequential(*layers).double()


def lively(network: nn.Module, shape: Sequence[int], seed: int = 0) -> nn.Module:
    """Fit BatchNorm's statistics to random inputs, so that signals neither die nor explode; then evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain average over the batches below
    network.train()
    like = next(network.parameters())
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for _ in range(2):
            network(torch.randn((4, *shape), generator=generator).to(like))
    return network.eval()


def small_cnn(dtype: torch.dtype = torch.float32, seed: int = 0) -> SmallCNN:
    """A `SmallCNN` of one's own whose signals live and whose classes each win now and then."""
    network = copy.deepcopy(_fitted_cnn(dtype, seed))
    TRIPWIRE.seen.clear()
    return network


@functools.cache
def _fitted_cnn(dtype: torch.dtype, seed: int) -> SmallCNN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SmallCNN().to(dtype)
    lively(network, (3, 16, 16))
    with torch.no_grad():  # every class wins now and then
        network.head.bias -= network(random_inputs(64, seed=99, dtype=dtype)).mean(0)
        network.head.weight *= 10
        network.head.bias *= 10
    return network


def small_model(dtype: torch.dtype = torch.float32, seed: int = 0) -> Model:
    """A `SmallCNN` with labels, for inputs of (3, 16, 16)."""
    return Model("small-cnn", small_cnn(dtype, seed), (3, 16, 16), labels=("stop", "yield", "ahead", "left", "right"))


def random_inputs(
    count: int, shape: Sequence[int] = (3, 16, 16), seed: int = 1, dtype: torch.dtype = torch.float32
) -> Tensor:
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


class FixedChunks(ChunkSizes):
    """Chunks of one size from the first to the last, still halved when they do not fit."""

    def __init__(self, size: int) -> None:
        super().__init__("cpu")
        self.fixed = size

    def size(self, key: object, remaining: int, numel: int = 0) -> int:
        return min(self.fixed, remaining)

    def took(self, key: object, rows: int, seconds: float) -> None:
        pass

    def too_large(self, key: object, rows: int) -> None:
        self.fixed = max(1, rows // 2)


def fixed_engine(chunk: int) -> Engine:
    """An engine of its own, whose chunks have one size."""
    return Engine(torch.device("cpu"), lambda: FixedChunks(chunk))


def assert_close(actual: Tensor, expected: Tensor, share: float, dead: float = 0.0) -> None:
    """Equal to within `share` of the largest expected value, and the expected is more than `dead`."""
    assert actual.shape == expected.shape
    actual, expected = actual.detach().double().cpu(), expected.detach().double().cpu()
    largest = float(expected.abs().max())
    assert largest > dead, "the map compared with is all zero"
    error = float((actual - expected).abs().max())
    assert error <= share * largest, f"off by {error / largest:.2e} of the largest value, {largest:.3g}"
