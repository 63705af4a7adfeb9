"""Truth: on freshly drawn sign scenes, how often the strongest point of a map lies where the evidence is.

The pointing game (Zhang et al. 2016, arXiv:1608.00507): a map scores when its maximum lies inside the mask of
what is known to matter: the sign, or, for the network that learnt a shortcut, the sticker.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import explainers as ex
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS, Scene, draw_scene

BATCH = 50
# Far from the seeds that the demo's own results were measured on, which are far from those trained on.
SEEDS = EVAL_SEEDS_START + 500_000


@dataclass(frozen=True)
class Pointing:
    """Result of one method on one network.

    Attributes:
        hits: share of scenes whose maximum lies inside the mask.
        energy: mean share of the map's positive values inside the mask.
    """

    model: str
    method: str
    where: str
    hits: float
    energy: float
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
    hits, energy = [], []
    for start in range(0, len(scenes), BATCH):
        part = scenes[start : start + BATCH]
        target = ex.ClassTarget(tuple(scene.label for scene in part))
        result = ex.explain(model, [scene.image for scene in part], method, target)
        for heat, mask in zip(result.heatmap(masks[0].shape).numpy(), masks[start : start + BATCH], strict=True):
            hits.append(bool(mask[np.unravel_index(heat.argmax(), heat.shape)]))
            positive = heat.clip(min=0)
            energy.append(float(positive[mask].sum() / max(positive.sum(), 1e-12)))
    return Pointing(model.name, method, where, float(np.mean(hits)), float(np.mean(energy)), len(scenes))


def measure(count: int, methods: Sequence[str]) -> Iterator[Pointing]:
    """The pointing game of all methods on the bundled networks."""
    scenes, stickers = sign_scenes(count), shortcut_scenes(count)
    for name in ("demo:signs-cnn", "demo:signs-vit"):
        model = ex.load_model(name)
        masks = [scene.signs[0].mask for scene in scenes]
        yield from (pointing(model, method, scenes, masks, "in the sign") for method in fitting(model, methods))
    shortcut = ex.load_model("demo:signs-shortcut")
    masks = [scene.sticker for scene in stickers if scene.sticker is not None]
    yield from (pointing(shortcut, method, stickers, masks, "on the sticker") for method in fitting(shortcut, methods))


def fitting(model: ex.Model, methods: Sequence[str]) -> list[str]:
    """Those of the methods that the model can do: a CNN has no attention."""
    return [method for method in methods if ex.find_method(method).fits(model)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["grad-cam", "layer-cam", "hires-cam", "eigen-cam", "gradient", "integrated-gradients"],
    )
    parsed = parser.parse_args(arguments)
    print(f"{parsed.scenes} scenes of seeds never trained on\n")
    print("| network | method | maximum lies | of scenes | energy there |\n|---|---|---|---|---|")
    for row in measure(parsed.scenes, parsed.methods):
        print(f"| {row.model} | {row.method} | {row.where} | {row.hits:.1%} | {row.energy:.0%} |", flush=True)


if __name__ == "__main__":
    main()
