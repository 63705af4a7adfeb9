"""`diabetes-mlp`: a perceptron on the diabetes table of Efron et al. 2004, "Least angle regression", Ann. Statist. 32.

442 patients, ten features (age, sex, body mass index, blood pressure, six blood serum values) and a measure of
how far the disease has gone one year later (25 to 346, no unit).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

from explainers.demo.networks import SimpleClassifier

SEED: Final = 0
HELD_OUT: Final = 110
"""Patients kept for measuring, drawn with SEED."""


@dataclass(frozen=True)
class Table:
    """The table, standardised by the mean and standard deviation of the patients trained on.

    Attributes:
        features: (N, 10) float32, standardised.
        target: (N, 1) float32, standardised.
        feature_mean, feature_std: (10,) in the features' own units.
        target_mean, target_std: in the target's own units.
    """

    names: tuple[str, ...]
    features: Tensor
    target: Tensor
    feature_mean: Tensor
    feature_std: Tensor
    target_mean: float
    target_std: float

    @property
    def train(self) -> tuple[Tensor, Tensor]:
        return self.features[HELD_OUT:], self.target[HELD_OUT:]

    @property
    def held_out(self) -> tuple[Tensor, Tensor]:
        return self.features[:HELD_OUT], self.target[:HELD_OUT]


def diabetes_table() -> Table:
    """The table in random order: the first HELD_OUT rows are for measuring, the rest for training."""
    raw = load_diabetes(scaled=False)
    order = np.random.default_rng(SEED).permutation(len(raw.target))
    features = torch.tensor(raw.data[order], dtype=torch.float32)
    target = torch.tensor(raw.target[order], dtype=torch.float32)[:, None]
    mean, std = features[HELD_OUT:].mean(0), features[HELD_OUT:].std(0)
    centre, spread = target[HELD_OUT:].mean().item(), target[HELD_OUT:].std().item()
    return Table(
        tuple(raw.feature_names), (features - mean) / std, (target - centre) / spread, mean, std, centre, spread
    )


def r_squared(predicted: Tensor, target: Tensor) -> float:
    """Share of the target's variance that is explained (1 is perfect, 0 no better than the mean)."""
    return 1 - float((target - predicted).square().sum() / (target - target.mean()).square().sum())


def train_diabetes(epochs: int | None = None) -> tuple[nn.Module, dict[str, float], dict[str, str]]:
    """Trains SimpleClassifier; returns it with its measured figures and what its file should say."""
    table = diabetes_table()
    torch.manual_seed(SEED)
    network = SimpleClassifier()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=1.0)
    features, target = table.train
    for _ in range(epochs or 300):
        optimiser.zero_grad()
        torch.autograd.backward(F.mse_loss(network(features), target))
        optimiser.step()
    network.eval()
    with torch.inference_mode():
        figures = {
            "r_squared": r_squared(network(table.held_out[0]), table.held_out[1]),
            "r_squared_train": r_squared(network(features), target),
        }
    notes = {
        "seed": str(SEED),
        "features": json.dumps(table.names),
        "feature_mean": json.dumps(table.feature_mean.tolist()),
        "feature_std": json.dumps(table.feature_std.tolist()),
        "target": "disease progression one year after baseline",
        "target_mean": str(table.target_mean),
        "target_std": str(table.target_std),
    }
    return network, figures, notes
