"""What the shipped networks can do on scenes never seen, and whether their class maps point at the truth."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from explainers.demo.dataset import Scenes, normalise
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


@pytest.mark.parametrize(("name", "least"), [("signs-cnn", 0.97), ("signs-vit", 0.93)])
def test_accuracy_on_fresh_scenes(name: str, least: float, plain: Scenes) -> None:
    assert share_right(load_network(name)[0], plain) >= least


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
