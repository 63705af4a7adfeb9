"""The perceptron on the diabetes table."""

from __future__ import annotations

import json

import pytest
import torch
from sklearn.datasets import load_diabetes

from explainers.demo.diabetes import diabetes_table, r_squared
from explainers.demo.networks import load_network


def test_the_perceptron_explains_part_of_the_variance_of_patients_held_out() -> None:
    network, metadata = load_network("diabetes-mlp")
    table = diabetes_table()
    features, target = table.held_out
    with torch.inference_mode():
        r2 = r_squared(network(features), target)
    assert 0.4 <= r2 <= 0.6
    assert r2 == pytest.approx(float(metadata["r_squared"]), abs=1e-4)


def test_the_perceptron_file_is_enough_to_use_it_on_a_patient() -> None:
    """From the table's own units to the target's own units, with nothing but the file's metadata."""
    network, metadata = load_network("diabetes-mlp")
    raw = load_diabetes(scaled=False)
    mean, std = (torch.tensor(json.loads(metadata[f"feature_{k}"])) for k in ("mean", "std"))
    with torch.inference_mode():
        scaled = network((torch.tensor(raw.data, dtype=torch.float32) - mean) / std)[:, 0]
    predicted = scaled * float(metadata["target_std"]) + float(metadata["target_mean"])
    assert json.loads(metadata["features"]) == raw.feature_names
    assert (predicted - torch.tensor(raw.target)).abs().mean() < 50
