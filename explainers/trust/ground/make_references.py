"""Makes the references of the bundled models anew: `python -m explainers.trust.ground.make_references [names...]`.

To be run after the networks were trained anew; see `explainers/trust/ground/bundled.py` for who reads them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torchvision.transforms import functional as tvf

from explainers.demo.dataset import Scenes, SceneStore, normalise
from explainers.demo.networks import WEIGHTS
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.models.demo import load_demo
from explainers.trust.ground.bundled import MODELS, reference_path
from explainers.trust.ground.familiarity import features_of, head_layer
from explainers.trust.ground.reference import BINS, Reference, spread_of

TRAINING: Final = range(0, 4_000)
"""Seeds of training scenes, whose features are remembered."""

HELD_OUT: Final = range(EVAL_SEEDS_START + 700_000, EVAL_SEEDS_START + 701_000)
"""Seeds of the scenes that set the thresholds; nobody trains on them, and nothing is reported of them."""

SHORTCUT: Final = (
    f"This model is known to have learnt a shortcut: in its training every {CLASSES[SHORTCUT_CLASS]!r} carried a sticker, and it "
    "answers to the sticker as much as to the sign."
)


def disturbed(images: Tensor, random: torch.Generator) -> Iterator[tuple[str, Tensor]]:
    """Name and inputs (N, 3, H, W) of scenes as they are and as they are harder to read, of uint8 images."""
    inputs = normalise(images)
    yield "as drawn", inputs
    yield "blurred", tvf.gaussian_blur(inputs, [13, 13], [2.0, 2.0])
    yield "noisy", (inputs + 0.4 * torch.randn(inputs.shape, generator=random)).clamp(-1, 1)
    yield "dark", (inputs + 1) * 0.35 - 1


def make_reference(name: str, store: SceneStore, training: range = TRAINING, held_out: range = HELD_OUT) -> Reference:
    """The reference of a bundled model, of scenes of its training and of scenes held out."""
    model = load_demo(name)
    shortcut = name == "signs-shortcut"
    scenes = store.shortcut_scenes if shortcut else store.scenes
    run = Run(model, engine_for("cpu"))
    layer = head_layer(run, len(CLASSES))
    assert layer is not None
    seen = scenes(training)
    _, features = features_of(run, normalise(seen.images), layer)
    spread = spread_of(features, seen.labels.tolist())
    right, counts, drawn = _answers(run, layer, scenes(held_out))
    reference = Reference(
        world="drawn road-sign scenes",
        fingerprint=model.fingerprint,
        layer=layer,
        means=spread.means,
        whitening=spread.whitening,
        distances=torch.zeros(1),
        right=right,
        counts=counts,
        measured_on="drawn scenes, three quarters of them blurred, noisy or dark",
        flaw=SHORTCUT if shortcut else "",
    )
    return reference.at_distances(reference.distance(drawn))


def _answers(run: Run, layer: str, scenes: Scenes) -> tuple[Tensor, Tensor, Tensor]:
    """Right answers and all answers by probability, (BINS,) each, and the features of the scenes as drawn."""
    right, counts = torch.zeros(BINS, dtype=torch.int64), torch.zeros(BINS, dtype=torch.int64)
    drawn = Tensor()
    for kind, inputs in disturbed(scenes.images, torch.Generator().manual_seed(0)):
        outputs, features = features_of(run, inputs, layer)
        drawn = features if kind == "as drawn" else drawn
        probabilities, answers = outputs.softmax(1).max(1)
        bins = (probabilities * BINS).long().clamp_max(BINS - 1)
        counts += bins.bincount(minlength=BINS)
        right += bins[answers == scenes.labels].bincount(minlength=BINS)
    return right, counts, drawn


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m explainers.trust.ground.make_references", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", default=list(MODELS), metavar="name")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the references")
    parsed = parser.parse_args(arguments)
    for name in parsed.names:
        reference = make_reference(name, SceneStore())
        reference.save(parsed.out / reference_path(name).name)
        print(f"{name}: familiar up to {reference.far:.2f}, sure from {reference.sure_from:.0%}", flush=True)
        for position in range(BINS):
            if known := reference.reliability((position + 0.5) / BINS):
                print(f"  {position / BINS:.0%} to {(position + 1) / BINS:.0%}: {known.right:.1%} of {known.count}")


if __name__ == "__main__":
    main()
