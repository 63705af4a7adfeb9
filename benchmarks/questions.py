"""Questions whose true answer is known: what a class's score depends on, in drawn scenes and in grids of photographs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

import explainers as ex
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, Scene, draw_scene
from explainers.trust.checks.ground_truth import energy_share, pointing_hit

SEEDS = EVAL_SEEDS_START + 900_000  # no scene that the thresholds were tried on
DECISIVE = 2.0  # logits that the score falls by, at least, when the part is taken away


@dataclass(frozen=True, eq=False)
class KnownQuestion:
    """A class asked of a picture.

    Attributes:
        evidence: the pixels that the score depends on, (H, W) bool in the frame of the model's input.
        half: 0 of the pictures to set thresholds on, 1 of those to report.
        second: whether another class is as conspicuous in the picture, or more so.
        depends: whether the score is known to depend on the evidence; else the class is asked for in vain.
    """

    model: ex.Model
    image: Image.Image
    target: int
    evidence: Tensor
    half: int
    second: bool
    depends: bool = True


def scene_questions(name: str, count: int) -> Iterator[KnownQuestion]:
    """Scenes with two signs, asked for either. The score depends on a sign if it falls without it, and more than without the other one:
    the same scene is drawn again without each."""
    model = ex.load_model(name)
    for number in range(count):
        scene = draw_scene(SEEDS + number, label=number % len(CLASSES), second=True)
        if len(scene.signs) < 2:
            continue
        falls = _falls(model, scene, SEEDS + number)
        for position, sign in enumerate(scene.signs):
            depends = falls[position][position] >= max(DECISIVE, 2 * falls[position][1 - position])
            evidence = torch.from_numpy(sign.mask)
            yield KnownQuestion(
                model, scene.image, sign.label, evidence, number // len(CLASSES) % 2, position == 1, depends
            )


def _falls(model: ex.Model, scene: Scene, seed: int) -> list[list[float]]:
    """By how much the logit of each sign's class falls without the first sign, and without the second."""
    labels = [sign.label for sign in scene.signs]
    other_label = next(label for label in range(len(CLASSES)) if label not in labels)
    without = [draw_scene(seed, label=other_label, second=True), draw_scene(seed, label=scene.label, second=False)]
    outputs = ex.predict(model, [scene.image, *(changed.image for changed in without)]).outputs
    return [[float(outputs[0, label] - outputs[1 + part, label]) for part in range(2)] for label in labels]


def grid_questions(model: ex.Model, folder: Path, count: int, side: int = 224) -> Iterator[KnownQuestion]:
    """Two by two grids of photographs that are labelled by `labels.json` in the folder, asked for the classes of two of them
    (the game of Böhle, Fritz & Schiele 2021, arXiv:2104.00032). The score depends on a photograph if it falls most where that one, of all
    four, is exchanged for a fifth."""
    entries: list[dict[str, Any]] = json.loads((folder / "labels.json").read_text())
    source = random.Random(0)
    for number in range(count):
        *parts, fifth = source.sample(entries, 5)
        tiles = [_tile(folder, entry, side // 2) for entry in (*parts, fifth)]
        grids = [_grid(tiles[:4])] + [_grid([*tiles[:place], tiles[4], *tiles[place + 1 : 4]]) for place in range(4)]
        outputs = ex.predict(model, grids).outputs
        for place in range(2):
            target = int(parts[place]["index"])
            falls = (outputs[0, target] - outputs[1:, target]).tolist()
            depends = falls[place] >= max(DECISIVE, *(2 * fall for other, fall in enumerate(falls) if other != place))
            evidence = np.zeros((2, 2), np.bool_)
            evidence[place // 2, place % 2] = True
            yield KnownQuestion(model, grids[0], target, _enlarged(evidence, side), number % 2, place == 1, depends)


def _tile(folder: Path, entry: dict[str, Any], side: int) -> Image.Image:
    return ImageOps.fit(ex.read_image(folder / Path(entry["file"]).name).convert("RGB"), (side, side))


def _grid(tiles: Sequence[Image.Image]) -> Image.Image:
    side = tiles[0].width
    canvas = Image.new("RGB", (2 * side, 2 * side))
    for place, tile in enumerate(tiles):
        canvas.paste(tile, (place % 2 * side, place // 2 * side))
    return canvas


def _enlarged(cells: npt.NDArray[np.bool_], side: int) -> Tensor:
    return torch.from_numpy(cells.repeat(side // 2, 0).repeat(side // 2, 1))


def lies_there(heat: Tensor, evidence: Tensor) -> bool:
    """Whether a map (H, W) lies where the evidence is: its strongest point, or half of its positive values."""
    share = energy_share(heat, evidence)
    return share is not None and (pointing_hit(heat, evidence) > 0.5 or share >= 0.5)


def shuffled(values: Tensor, seed: int) -> Tensor:
    """A map's values (1, ...) in random places."""
    flat = values.flatten()
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))
    return flat[order].view(values.shape)


def mean_over(rows: Sequence[bool]) -> float | None:
    return sum(rows) / len(rows) if rows else None
