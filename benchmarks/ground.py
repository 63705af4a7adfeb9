"""Ground: how often answers of each grade are right, on scenes drawn afresh, spoilt ones, photographs, noise and blank pictures.

Thresholds are set by other scenes (`explainers/trust/ground/make_references.py`). On what is no road sign no answer is right.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torchvision.transforms import functional as tvf

import explainers as ex
from explainers.demo.dataset import Scenes, SceneStore, normalise
from explainers.demo.scenes import EVAL_SEEDS_START, SHORTCUT_CLASS
from explainers.trust.ground.bundled import MODELS

SEEDS = EVAL_SEEDS_START + 701_000  # next to those that set the thresholds
PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "fixtures" / "images"
FRESH = "as drawn"
NEVER = -1  # the label of a picture that shows no sign


@dataclass(frozen=True)
class World:
    """Pictures of one kind: inputs (N, 3, H, W), and what each shows, (N,), NEVER where it is none of the classes."""

    name: str
    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Row:
    """What was made of one kind of picture.

    Attributes:
        grades: of each picture.
        right: whether each answer is.
        strange: whether each picture was called unfamiliar.
        distances: from what the model was made for.
        seconds: of each ground.
    """

    world: str
    grades: list[ex.Grade]
    right: list[bool]
    strange: list[bool]
    distances: list[float]
    seconds: list[float]

    def share(self, grade: ex.Grade) -> str:
        """How many have that grade, and how many of these are right."""
        of_grade = [right for own, right in zip(self.grades, self.right, strict=True) if own is grade]
        return f"{len(of_grade)} | {sum(of_grade)}"


def photographs(model: ex.Model, folder: Path) -> Tensor:
    """The bundled photographs and those of a folder, as inputs."""
    pictures = [sample.load() for sample in ex.samples() if sample.id.startswith("photo:")]
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    return model.inputs([*pictures, *(ex.read_image(path) for path in files)])


def half_covered(scenes: Scenes) -> Tensor:
    """Scenes whose main sign is grey from its middle to the right."""
    inputs = normalise(scenes.images)
    columns = torch.arange(inputs.shape[-1])
    for row, mask in enumerate(scenes.signs):
        middle = float((mask.sum(0) * columns).sum() / mask.sum())
        inputs[row, :, mask & (columns > middle)] = 0.0
    return inputs


def worlds(model: ex.Model, count: int, folder: Path) -> Iterator[World]:
    """Every kind of picture, the model's own first."""
    store, seeds = SceneStore(), range(SEEDS, SEEDS + count)
    shortcut = model.name == "demo:signs-shortcut"
    scenes = store.shortcut_scenes(seeds) if shortcut else store.scenes(seeds)
    drawn, random = normalise(scenes.images), torch.Generator().manual_seed(1)
    yield World(FRESH, drawn, scenes.labels)
    if shortcut:
        laid, plain = store.scenes(seeds, sticker=True), store.scenes(seeds)
        other = laid.labels != SHORTCUT_CLASS
        yield World("sticker on other signs", normalise(laid.images[other]), laid.labels[other])
        own = plain.labels == SHORTCUT_CLASS
        yield World("its sign without sticker", normalise(plain.images[own]), plain.labels[own])
    for deviation in (1.0, 2.0):
        yield World(f"blurred, {deviation:g} px", tvf.gaussian_blur(drawn, [13, 13], [deviation] * 2), scenes.labels)
    for strength in (0.15, 0.3):
        noise = strength * 2 * torch.randn(drawn.shape, generator=random)
        yield World(f"noise of {strength:.0%}".replace("%", " %"), (drawn + noise).clamp(-1, 1), scenes.labels)
    yield World("dark, 35 %", (drawn + 1) * 0.35 - 1, scenes.labels)
    yield World("half of the sign grey", half_covered(scenes), scenes.labels)
    for name, inputs in (
        ("photographs", photographs(model, folder)),
        ("noise alone", torch.rand(drawn.shape, generator=random) * 2 - 1),
        ("one colour", (torch.rand(len(drawn), 3, 1, 1, generator=random) * 2 - 1).expand_as(drawn)),
    ):
        yield World(name, inputs, torch.full((len(inputs),), NEVER))


def measure(model: ex.Model, world: World) -> Row:
    """The ground of every picture's first answer."""
    row = Row(world.name, [], [], [], [], [])
    for inputs, label in zip(world.inputs.split(1), world.labels.tolist(), strict=True):
        started = time.perf_counter()
        ground = ex.answer_ground(model, inputs)
        row.seconds.append(time.perf_counter() - started)
        row.grades.append(ground.grade)
        row.right.append(ground.answer == model.label(label) and label != NEVER)
        row.strange.append(ground["familiar"].good is False)
        row.distances.append(ground["familiar"].details.get("distance", ground["familiar"].details.get("deviation")))
    return row


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The table of one model as Markdown, the last line over all pictures that show a sign and all that do not."""
    yield "| pictures | number | right | supported | of them right | mixed | of them right | not supported | of them right | unfamiliar | AUROC |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    own = rows[0].distances
    for row in rows:
        grades = " | ".join(row.share(g) for g in (ex.Grade.SUPPORTED, ex.Grade.MIXED, ex.Grade.NOT_SUPPORTED))
        area = "" if row is rows[0] else f"{_auroc(own, row.distances):.3f}"
        strange = sum(row.strange) / len(row.strange)
        yield f"| {row.world} | {len(row.right)} | {sum(row.right)} | {grades} | {strange:.1%} | {area} |"
    supported = [
        right for row in rows for g, right in zip(row.grades, row.right, strict=True) if g is ex.Grade.SUPPORTED
    ]
    if supported:
        yield f"\nOf all {len(supported)} answers graded supported {sum(supported) / len(supported):.1%} are right."
    seconds = statistics.median(second for row in rows for second in row.seconds)
    yield f"\nMedian time of one ground: {seconds:.3f} s."


def _auroc(own: Sequence[float], other: Sequence[float]) -> float:
    return float(roc_auc_score([0] * len(own) + [1] * len(other), [*own, *other]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table per model as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ground", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200, help="of every kind")
    parser.add_argument("--models", nargs="+", default=[f"demo:{name}" for name in MODELS])
    parser.add_argument(
        "--photographs", type=Path, default=PHOTOGRAPHS, help="a folder of them, beside the bundled ones"
    )
    parser.add_argument("--without-reference", action="store_true", help="as for models that have none")
    parsed = parser.parse_args(arguments)
    for name in parsed.models:
        model = ex.load_model(name)
        if parsed.without_reference:
            model = ex.Model(name, model.network, model.input_shape, model.labels, model.preprocess, fingerprint="none")
        print(f"\n{name}, {parsed.scenes} scenes of every kind\n", flush=True)
        rows = [measure(model, world) for world in worlds(model, parsed.scenes, parsed.photographs)]
        print("\n".join(lines(rows)), flush=True)


if __name__ == "__main__":
    main()
