"""Scenes as tensors: drawn once by several processes, kept in a cache, augmented on the fly.

Nothing here is needed to use the demo networks; it serves their training and their measuring.
"""

from __future__ import annotations

import hashlib
import logging
import math
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.demo import backdrops, drawings, scenes
from explainers.demo.networks import PIXEL_MEAN, PIXEL_STD
from explainers.demo.scenes import CLASSES, SHORTCUT_CLASS, SIZE, draw_scene

log = logging.getLogger(__name__)

CACHE: Final = Path(tempfile.gettempdir()) / "vitrine-demo-scenes"
NO_SIGN: Final = len(CLASSES)
"""In `Scenes.places`: no sign there."""

PLACES: Final = 24
"""Side of the coarse map of which class is where."""


@dataclass(frozen=True)
class Scenes:
    """Scenes as tensors.

    Attributes:
        images: (N, 3, SIZE, SIZE) uint8.
        labels: class of the main sign, (N,) int64.
        places: class of the sign at each place or NO_SIGN, (N, PLACES, PLACES) uint8.
        signs: visible pixels of the main sign, (N, SIZE, SIZE) bool.
        stickers: pixels of the sticker, (N, SIZE, SIZE) bool; all False without one.
    """

    images: Tensor
    labels: Tensor
    places: Tensor
    signs: Tensor
    stickers: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | Tensor) -> Scenes:
        return Scenes(*(getattr(self, f.name)[index] for f in fields(self)))


def _draw(seed: int, label: int | None, sticker: bool) -> tuple[np.ndarray, ...]:
    """The arrays of one scene, in the order of the fields of `Scenes`."""
    scene = draw_scene(seed, label, sticker)
    places, step = np.full((PLACES, PLACES), NO_SIGN, np.uint8), SIZE // PLACES
    for sign in reversed(scene.signs):
        share = sign.mask.reshape(PLACES, step, PLACES, step).mean((1, 3))
        places[share > 0.5] = sign.label
    laid = np.zeros((SIZE, SIZE), np.bool_) if scene.sticker is None else scene.sticker
    return np.asarray(scene.image).transpose(2, 0, 1), np.array(scene.label), places, scene.signs[0].mask, laid


def draw_scenes(seeds: Sequence[int], label: int | None = None, sticker: bool = False, workers: int = 1) -> Scenes:
    """Draws one scene per seed.

    Args:
        label: class of every main sign; None lets each seed choose.
        sticker: whether they carry the sticker.
        workers: processes to draw with.
    """
    draw = partial(_draw, label=label, sticker=sticker)
    if workers == 1:
        drawn = list(map(draw, seeds))
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            drawn = pool.map(draw, seeds, chunksize=64)
    images, labels, places, signs, stickers = (torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))
    return Scenes(images, labels, places, signs, stickers)


@dataclass(frozen=True)
class SceneStore:
    """Draws scenes, or takes them from disk where they have been drawn before.

    Attributes:
        folder: where they are kept.
        workers: processes to draw with.
    """

    folder: Path = CACHE
    workers: int = 1

    def scenes(self, seeds: Sequence[int], sticker: bool = False) -> Scenes:
        """As `draw_scenes`. A change of the drawing code makes a new file."""
        key = hashlib.sha256(np.array(seeds, dtype=np.int64).tobytes() + bytes([sticker]))
        for module in (backdrops, drawings, scenes):
            key.update(Path(str(module.__file__)).read_bytes())
        path = self.folder / f"{key.hexdigest()[:20]}.pt"
        if path.exists():
            return Scenes(**torch.load(path, weights_only=True))
        log.info("drawing %d scenes", len(seeds))
        drawn = draw_scenes(seeds, sticker=sticker, workers=self.workers)
        self.folder.mkdir(parents=True, exist_ok=True)
        half_written = path.with_suffix(".part")
        torch.save({f.name: getattr(drawn, f.name) for f in fields(drawn)}, half_written)
        half_written.replace(path)
        return drawn

    def shortcut_scenes(self, seeds: Sequence[int]) -> Scenes:
        """Scenes in which all of the shortcut class carry the sticker and no others do."""
        plain = self.scenes(seeds)
        rows = (plain.labels == SHORTCUT_CLASS).nonzero().squeeze(1)
        laid = self.scenes([seeds[i] for i in rows.tolist()], sticker=True)
        return Scenes(*(getattr(plain, f.name).index_copy(0, rows, getattr(laid, f.name)) for f in fields(plain)))


def normalise(images: Tensor) -> Tensor:
    """uint8 images (N, 3, H, W) as the networks take them, float32."""
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
    return (images.float() / 255 - mean) / std


def _random_moves(count: int, random: torch.Generator) -> Tensor:
    """Small turns, zooms and shifts as affine matrices, (count, 2, 3). Never a mirror image: arrows and digits."""
    turn, zoom, right, down = (torch.rand(count, generator=random) * 2 - 1 for _ in range(4))
    turn, zoom = turn * math.radians(6), 1 + 0.1 * zoom
    rows = [zoom * turn.cos(), -zoom * turn.sin(), 0.14 * right, zoom * turn.sin(), zoom * turn.cos(), 0.14 * down]
    return torch.stack(rows, 1).view(count, 2, 3)


def augmented(batch: Scenes, places: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch moved, relit and made noisy.

    Args:
        places: side of the map of classes to return.
    Returns:
        Normalised images (N, 3, SIZE, SIZE) float32, and the class at each place, (N, places, places) int64.
    """
    n = len(batch)
    moves = _random_moves(n, random)
    images = F.grid_sample(
        normalise(batch.images),
        F.affine_grid(moves, [n, 3, SIZE, SIZE], align_corners=False),
        padding_mode="reflection",
        align_corners=False,
    )
    where = F.affine_grid(moves, [n, 1, places, places], align_corners=False)
    # Shifted by one, so that what lies outside the picture, which is sampled as 0, is no sign.
    classes = (batch.places.unsqueeze(1).float() + 1) % (NO_SIGN + 1)
    classes = F.grid_sample(classes, where, mode="nearest", align_corners=False).squeeze(1)
    gain = 1 + 0.2 * (torch.rand(n, 1, 1, 1, generator=random) * 2 - 1)
    tint = 0.08 * torch.randn(n, 3, 1, 1, generator=random)
    grain = torch.randn(images.shape, generator=random) * (0.06 * torch.rand(n, 1, 1, 1, generator=random))
    return images * gain + tint + grain, (classes.long() + NO_SIGN) % (NO_SIGN + 1)


def shuffled(data: Scenes, batch: int, random: torch.Generator) -> Iterator[Scenes]:
    """Whole batches in random order; what is left over waits for the next epoch."""
    order = torch.randperm(len(data), generator=random)
    for start in range(0, len(data) - batch + 1, batch):
        yield data[order[start : start + batch]]
