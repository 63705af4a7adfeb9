"""Truth: on freshly drawn sign scenes, how often the strongest point of a map lies where the evidence is.

The pointing game (Zhang et al. 2016, arXiv:1608.00507): a map scores when its maximum lies inside the mask of
what is known to matter: the sign, or, for the network that learnt a shortcut, the sticker.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import explainers as ex
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS, Scene, draw_scene
from explainers.engine.run import Run
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks.ground_truth import energy_share, pointing_hit

STICKER = "on the sticker"
WHERE = {"demo:signs-cnn": "in the sign", "demo:signs-vit": "in the sign", "demo:signs-shortcut": STICKER}
"""Where the evidence lies that each network goes by."""

BATCH = 50
TENTHS = 10
# Far from the seeds that the demo's own results were measured on, which are far from those trained on.
SEEDS = EVAL_SEEDS_START + 500_000


@dataclass(frozen=True)
class Pointing:
    """Result of one method on one network.

    Attributes:
        hits: share of scenes whose maximum lies inside the mask.
        energy: mean share of the map's positive values inside the mask.
        deletion: mean probability of the class while the strongest tenths of the picture are blurred away one after
            another (Petsiuk et al. 2018, arXiv:1806.07421): lower is better.
        seconds: per scene.
    """

    model: str
    method: str
    where: str
    hits: float
    energy: float
    deletion: float
    seconds: float
    scenes: int


def sign_scenes(count: int) -> list[Scene]:
    """Scenes of every class in turn, never trained on."""
    return [draw_scene(SEEDS + i, label=i % len(CLASSES)) for i in range(count)]


def shortcut_scenes(count: int) -> list[Scene]:
    """Scenes of the shortcut class with its sticker, never trained on."""
    return [draw_scene(SEEDS + i, label=SHORTCUT_CLASS, sticker=True) for i in range(count)]


def pointing(
    model: ex.Model, method: str, scenes: Sequence[Scene], masks: Sequence[np.ndarray], where: str
) -> Pointing:
    """Explain each scene's own class and look where the maximum lies."""
    hits, energy, deleted = [], [], []
    started = time.perf_counter()
    spent = 0.0
    for start in range(0, len(scenes), BATCH):
        part = scenes[start : start + BATCH]
        target = ex.ClassTarget(tuple(scene.label for scene in part))
        result = ex.explain(model, [scene.image for scene in part], method, target)
        spent += time.perf_counter() - started
        heats = result.heatmap(masks[0].shape)
        deleted += [
            mean_deletion(model, result.inputs[row : row + 1], target.take([row]), heats[row])
            for row in range(len(part))
        ]
        started = time.perf_counter()
        for heat, mask in zip(heats, map(torch.from_numpy, masks[start : start + BATCH]), strict=True):
            hits.append(pointing_hit(heat, mask))
            energy.append(energy_share(heat, mask) or 0.0)  # None of a map without positive values
    shares = (float(np.mean(values)) for values in (hits, energy, deleted))
    return Pointing(model.name, method, where, *shares, spent / len(scenes), len(scenes))


def mean_deletion(model: ex.Model, image: Tensor, target: ex.Target, heat: Tensor) -> float:
    """Mean probability of the class while the strongest tenths of the picture are blurred away one after another."""
    rank = heat.flatten().argsort(descending=True).argsort().view(1, 1, *heat.shape).to(image.device)
    shares = torch.linspace(0, 1, TENTHS + 1, device=image.device).view(-1, 1, 1, 1)
    pictures = masker_for(model, image, Fill.BLUR)((rank >= shares * heat.numel()).to(image))
    probabilities = Run(model, ex.engine_for()).outputs(pictures).softmax(1)
    return float(target.take([0] * len(pictures))(probabilities)[1:].mean())


def measure(count: int, name: str, methods: Sequence[str]) -> Iterator[Pointing]:
    """The pointing game of these methods on one of the bundled networks."""
    model, where = ex.load_model(name), WHERE[name]
    scenes = shortcut_scenes(count) if where == STICKER else sign_scenes(count)
    masks = [scene.sticker if where == STICKER else scene.signs[0].mask for scene in scenes]
    given_masks = [mask for mask in masks if mask is not None]
    for method in methods:
        if not ex.find_method(method).fits(model):  # a CNN has no attention
            continue
        try:
            yield pointing(model, method, scenes, given_masks, where)
        except ex.VitrineError as refusal:  # some methods find out only when they look, such as CAM at the head
            print(refusal, file=sys.stderr)


def ranked(rows: Iterable[Pointing]) -> list[Pointing]:
    """The best first: by how often they point at the evidence, then by deletion."""
    return sorted(rows, key=lambda row: (-row.hits, row.deletion))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown: every network's methods, ranked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--methods", nargs="+", default=[method.name for method in ex.methods()])
    parser.add_argument("--models", nargs="+", default=list(WHERE), choices=list(WHERE))
    parsed = parser.parse_args(arguments)
    print(f"{parsed.scenes} scenes of seeds never trained on\n")
    print("| network | method | maximum lies | of scenes | energy there | deletion | s per scene |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in parsed.models:
        rows = []
        for row in measure(parsed.scenes, name, parsed.methods):
            rows.append(row)
            print(f"{row.model}, {row.method}: {row.hits:.1%}", file=sys.stderr)
        for row in ranked(rows):
            figures = f"{row.hits:.1%} | {row.energy:.0%} | {row.deletion:.2f} | {row.seconds:.3f}"
            print(f"| {row.model} | {row.method} | {row.where} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
