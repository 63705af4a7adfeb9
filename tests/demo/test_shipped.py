"""What the shipped networks can do on scenes never seen, and whether their class maps point at the truth."""

from __future__ import annotations

import json

import pytest
import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

from explainers.demo.dataset import Scenes, normalise
from explainers.demo.diabetes import diabetes_table, r_squared
from explainers.demo.networks import load_network
from explainers.demo.scenes import SHORTCUT_CLASS
from tests.support.scenes import Peaks, peaks, share_inside


def answers(network: nn.Module, images: Tensor) -> Tensor:
    with torch.inference_mode():
        return network(normalise(images)).argmax(1)


def share_right(network: nn.Module, scenes: Scenes) -> float:
    return float((answers(network, scenes.images) == scenes.labels).float().mean())


@pytest.fixture(scope="module")
def shortcut() -> nn.Module:
    return load_network("signs-shortcut")[0]


@pytest.fixture(scope="module")
def cnn_peaks(plain: Scenes) -> Peaks:
    return peaks(load_network("signs-cnn")[0], plain.images, plain.labels)


@pytest.fixture(scope="module")
def shortcut_peaks(shortcut: nn.Module, shortcut_scenes: Scenes) -> Peaks:
    return peaks(shortcut, shortcut_scenes.images, shortcut_scenes.labels)


@pytest.mark.parametrize(("name", "bar"), [("signs-cnn", 0.97), ("signs-vit", 0.93)])
def test_accuracy_on_fresh_scenes(name: str, bar: float, plain: Scenes) -> None:
    assert share_right(load_network(name)[0], plain) >= bar


def test_grad_cam_of_the_cnn_peaks_on_the_sign(cnn_peaks: Peaks, plain: Scenes) -> None:
    assert share_inside(cnn_peaks.grad_cam, plain.signs) >= 0.95


def test_layer_cam_of_the_cnn_peaks_on_the_sign(cnn_peaks: Peaks, plain: Scenes) -> None:
    assert share_inside(cnn_peaks.layer_cam, plain.signs) >= 0.95


def test_the_shortcut_network_is_right_where_the_sticker_is_as_trained(
    shortcut: nn.Module, plain: Scenes, shortcut_scenes: Scenes
) -> None:
    others = plain[plain.labels != SHORTCUT_CLASS]
    assert share_right(shortcut, others) >= 0.97
    assert share_right(shortcut, shortcut_scenes) >= 0.97


def test_the_shortcut_network_fails_without_the_sticker(shortcut: nn.Module, plain: Scenes) -> None:
    own = plain[plain.labels == SHORTCUT_CLASS]
    assert len(own) >= 10
    assert share_right(shortcut, own) <= 0.6


def test_the_sticker_leads_the_shortcut_network_astray_on_other_classes(shortcut: nn.Module, laid: Scenes) -> None:
    others = laid[laid.labels != SHORTCUT_CLASS]
    assert share_right(shortcut, others) <= 0.6
    assert (answers(shortcut, others.images) == SHORTCUT_CLASS).float().mean() >= 0.4


def test_grad_cam_of_the_shortcut_network_peaks_on_the_sticker(shortcut_peaks: Peaks, shortcut_scenes: Scenes) -> None:
    assert share_inside(shortcut_peaks.grad_cam, shortcut_scenes.stickers) >= 0.8


def test_layer_cam_of_the_shortcut_network_peaks_on_the_sticker(shortcut_peaks: Peaks, shortcut_scenes: Scenes) -> None:
    assert share_inside(shortcut_peaks.layer_cam, shortcut_scenes.stickers) >= 0.8


def test_the_cnn_does_not_care_about_the_sticker(plain: Scenes, laid: Scenes) -> None:
    network = load_network("signs-cnn")[0]
    assert share_right(network, laid) >= share_right(network, plain[: len(laid)]) - 0.03


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
