"""Scenes as tensors: normalised, augmented, kept and read back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from explainers.demo import dataset
from explainers.demo.dataset import NO_SIGN, PLACES, Scenes, SceneStore, augmented, draw_scenes, normalise
from explainers.demo.scenes import SHORTCUT_CLASS, SIZE


def quadrant_scenes(count: int) -> Scenes:
    """Black pictures whose top left quarter is white and holds a sign of class 4."""
    images = torch.zeros(count, 3, SIZE, SIZE, dtype=torch.uint8)
    images[..., : SIZE // 2, : SIZE // 2] = 255
    places = torch.full((count, PLACES, PLACES), NO_SIGN, dtype=torch.uint8)
    places[:, : PLACES // 2, : PLACES // 2] = 4
    masks = torch.zeros(count, SIZE, SIZE, dtype=torch.bool)
    return Scenes(images, torch.full((count,), 4), places, masks, masks)


def test_pixels_are_normalised_to_minus_one_to_one() -> None:
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert normalise(images)[0].unique().tolist() == [-1.0]
    assert normalise(images)[1].unique().tolist() == [1.0]


def test_the_map_of_classes_moves_with_the_picture() -> None:
    images, classes = augmented(quadrant_scenes(32), PLACES, torch.Generator().manual_seed(0))
    assert set(classes.unique().tolist()) == {4, NO_SIGN}
    bright = images.mean(1).unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4)) > 0
    inner = slice(5, PLACES - 5)  # reflection makes white also outside the picture, where no sign is
    agree = bright[:, inner, inner] == (classes[:, inner, inner] == 4)
    assert agree.float().mean() > 0.95


def test_augmentation_is_seeded() -> None:
    first, again = (augmented(quadrant_scenes(4), 12, torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert torch.equal(first, again)


def test_scenes_are_kept_and_read_back_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = SceneStore(tmp_path).scenes(range(3))
    monkeypatch.setattr(dataset, "draw_scenes", None)  # a second drawing would fail
    read_back = SceneStore(tmp_path).scenes(range(3))
    assert torch.equal(drawn.images, read_back.images)
    assert torch.equal(drawn.places, read_back.places)


def test_the_sticker_goes_on_the_shortcut_class_and_no_other(tmp_path: Path) -> None:
    seeds = range(30)
    bare = draw_scenes(seeds)
    own = bare.labels == SHORTCUT_CLASS
    assert own.any()
    laid = SceneStore(tmp_path).shortcut_scenes(seeds)
    assert torch.equal(laid.stickers.flatten(1).any(1), own)
    assert torch.equal(laid.labels, bare.labels)
    assert torch.equal(laid.images[~own], bare.images[~own])
