"""Verdicts: on freshly drawn sign scenes, how often a check is convinced of a map, and of a shuffled copy of it.

A check is worth its passes if it separates a map that knows something from one that does not.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

import explainers as ex
from benchmarks.truth import sign_scenes

MODEL = "demo:signs-cnn"
METHOD = "grad-cam"


def convinced_shares(check: str, count: int, **options: Any) -> tuple[float, float]:
    """Share of scenes where a check is convinced of Grad-CAM's map, and of a shuffled copy of it.

    Args:
        **options: of the check.
    """
    model, source = ex.load_model(MODEL), torch.Generator().manual_seed(0)
    honest = shuffled = 0
    for scene in sign_scenes(count):
        attribution = ex.explain(model, scene.image, METHOD, scene.label)
        places = torch.randperm(attribution.values.numel(), generator=source)
        values = attribution.values.flatten()[places].view(attribution.values.shape)
        mixed = replace(attribution, values=values)
        honest += ex.verify(model, scene.image, attribution, check, **options)[check].good is True
        shuffled += ex.verify(model, scene.image, mixed, check, **options)[check].good is True
    return honest / count, shuffled / count


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks verdicts", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--checks", nargs="+", default=["deletion", "insertion", "infidelity"])
    parsed = parser.parse_args(arguments)
    print(f"{parsed.scenes} scenes of seeds never trained on; maps by {METHOD} on {MODEL}\n")
    print("| check | convinced of the map | of a shuffled copy |\n|---|---|---|", flush=True)
    for check in parsed.checks:
        honest, shuffled = convinced_shares(check, parsed.scenes)
        print(f"| {check} | {honest:.1%} | {shuffled:.1%} |", flush=True)


if __name__ == "__main__":
    main()
