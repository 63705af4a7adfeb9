"""LRP computed slowly, with one matrix per layer, and the small networks that it is computed on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from explainers.api import explain
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from tests.support.models.networks import assert_close, random_inputs

Floats = npt.NDArray[np.float64]
SHAPE = (2, 6, 6)
FLOAT32 = 3e-7
"""Attributions are handed out in float32: half a unit in the last place is 6e-8 of a value, here of the largest."""


def positive(values: Floats) -> Floats:
    return np.maximum(values, 0)


def stabilized(values: Floats) -> Floats:
    return values + np.where(values < 0, -1e-6, 1e-6)


class Dense:
    """A linear layer as a matrix: z_ji = w_ji x_i is what input i adds to output j, b_j the bias."""

    def __init__(self, layer: nn.Module, inputs: Tensor) -> None:
        basis = torch.eye(inputs.numel(), dtype=torch.float64).view(-1, *inputs.shape)
        with torch.no_grad():
            bias = layer(torch.zeros_like(inputs)[None]).flatten()
            self.weights = (layer(basis).flatten(1) - bias).T.numpy()
        self.z = self.weights * inputs.flatten().numpy()
        self.bias = bias.numpy()

    def epsilon(self, relevance: Floats, share: float = 0.0) -> Floats:
        total = self.z.sum(1) + self.bias
        total = total + np.where(total < 0, -1, 1) * share * np.sqrt((total**2).mean())
        return self.z.T @ (relevance / stabilized(total))

    def gamma(self, relevance: Floats, gamma: float) -> Floats:
        """Outputs above zero favour what is positive, outputs below zero what is negative (Andéol et al. 2021)."""
        side = np.where(self.z.sum(1) + self.bias > 0, 1.0, -1.0)
        favoured = self.z + gamma * side[:, None] * positive(side[:, None] * self.z)
        bias = self.bias + gamma * side * positive(side * self.bias)
        return favoured.T @ (relevance / stabilized(favoured.sum(1) + bias))

    def alpha_beta(self, relevance: Floats, alpha: float) -> Floats:
        parts = []
        for sign in (1, -1):
            part, bias = sign * positive(sign * self.z), sign * positive(sign * self.bias)
            parts.append(part.T @ (relevance / stabilized(part.sum(1) + bias)))
        return alpha * parts[0] - (alpha - 1) * parts[1]

    def flat(self, relevance: Floats) -> Floats:
        even = (self.weights != 0).astype(float)
        return even.T @ (relevance / stabilized(even.sum(1)))

    def box(self, relevance: Floats, low: float, high: float) -> Floats:
        boxed = self.z - low * positive(self.weights) + high * positive(-self.weights)
        return boxed.T @ (relevance / stabilized(boxed.sum(1)))


DenseRule = Callable[[Dense, Floats], Floats]
Composite = Callable[[type[nn.Module], int, Dense, Floats], Floats]
"""(kind of layer, its index from the front, the layer as a matrix, relevance of its outputs) -> of its inputs."""


def slow_lrp(network: nn.Sequential, inputs: Tensor, start: Tensor, composite: Composite) -> Floats:
    """Relevance of one input without a batch dimension, from `start` times the outputs."""
    outputs = [inputs]
    with torch.no_grad():
        for layer in network:
            outputs.append(layer(outputs[-1][None])[0])
    relevance = (start * outputs[-1]).numpy()
    for index in reversed(range(len(network))):
        layer = network[index]
        if isinstance(layer, nn.Conv2d | nn.Linear):
            relevance = composite(type(layer), index, Dense(layer, outputs[index]), relevance)
        elif isinstance(layer, nn.AvgPool2d):
            relevance = Dense(layer, outputs[index]).epsilon(relevance)
    return relevance.reshape(inputs.shape)


def single_rule(rule: DenseRule) -> Composite:
    return lambda kind, index, dense, relevance: rule(dense, relevance)


def by_kind(conv: DenseRule, linear: DenseRule = Dense.epsilon, first: DenseRule | None = None) -> Composite:
    """A rule for convolutions, one for linear layers, and perhaps one for the first layer, whatever it is."""

    def composite(kind: type[nn.Module], index: int, dense: Dense, relevance: Floats) -> Floats:
        if index == 0 and first is not None:
            return first(dense, relevance)
        return (conv if kind is nn.Conv2d else linear)(dense, relevance)

    return composite


def conv_net(bias: bool = True, channels: int = 2, width: int = 8) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layers = [
            nn.Conv2d(channels, width, 3, padding=1, bias=bias),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=bias),
            nn.ReLU(),
            nn.AvgPool2d(3),
            nn.Flatten(),
            nn.Linear(width, width, bias=bias),
            nn.ReLU(),
            nn.Linear(width, 3, bias=bias),
        ]
    network = nn.Sequential(*layers).double().eval()
    with torch.no_grad():  # scores of a size for which 1e-6 is nothing
        network[-1].weight.mul_(100)
    return network


def perceptron() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layers = [nn.Linear(7, 9), nn.ReLU(), nn.Linear(9, 6), nn.ReLU(), nn.Linear(6, 3)]
    return nn.Sequential(*layers).double().eval()


def assert_slow_version(method: str, composite: Composite, **options: float) -> None:
    """The method's maps of a convolutional network and of a perceptron are those of the slow version."""
    classes = (0, 2, 1)
    for network, shape in ((conv_net(), SHAPE), (perceptron(), (7,))):
        inputs = random_inputs(3, shape, dtype=torch.float64)
        attribution = explain(Model("slow", network, shape), inputs, method, ClassTarget(classes), **options)
        for row, index in enumerate(classes):
            start = nn.functional.one_hot(torch.tensor(index), 3)
            expected = slow_lrp(network, inputs[row], start, composite)
            assert_close(attribution.values[row], torch.from_numpy(expected), FLOAT32)
