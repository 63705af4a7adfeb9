"""Accuracy: how far Shapley values estimated from so many pictures lie from those of every combination of regions.

An estimate is only as fast as it is accurate: what counts is how many pictures it takes to a given error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from captum.attr import KernelShap, ShapleyValueSampling
from torch import Tensor

import explainers as ex
from benchmarks.truth import sign_scenes
from explainers.inputs.baselines import Fill, masker_for

REGIONS = 12
COUNTS = (50, 100, 200, 400)  # pictures
AGAINST, WITH = "captum's KernelShap", 200  # the error that is to be reached
LADDER = (20, 24, 28, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400)
OPTIONS = {"segments": "grid", "regions": REGIONS, "fill": "blur"}


@dataclass(frozen=True)
class Puzzle:
    """One picture cut into regions, whose Shapley values are known."""

    model: ex.Model
    image: Tensor
    label: int

    @cached_property
    def regions(self) -> Tensor:
        """The number of each pixel's region, (H, W)."""
        return ex.regions(self.model, self.image, "grid", REGIONS)

    @cached_property
    def truth(self) -> Tensor:
        """The value of every region, (R,), from all 2^R combinations."""
        return self.explain("shapley")

    @cached_property
    def hidden(self) -> Tensor:
        """The picture with every region hidden, (1, C, H, W)."""
        return masker_for(self.model, self.image, Fill.BLUR)(torch.zeros_like(self.image[:, :1]))

    def explain(self, method: str, **options: object) -> Tensor:
        attribution = ex.explain(self.model, self.image, method, self.label, **OPTIONS, **options)
        return self.of_regions(attribution.values[0])

    def of_regions(self, values: Tensor) -> Tensor:
        """The value of every region, (R,), of a map (H, W) that is constant on each."""
        count = int(self.regions.max()) + 1
        places = [int((self.regions.flatten() == region).nonzero()[0]) for region in range(count)]
        return values.flatten()[places].double()


def vitrine_kernel_shap(puzzle: Puzzle, count: int, seed: int) -> Tensor:
    return puzzle.explain("kernel-shap", samples=count, seed=seed)


def vitrine_sampling(puzzle: Puzzle, count: int, seed: int) -> Tensor:
    return puzzle.explain("shapley-sampling", orders=max(2, count // (2 * (REGIONS + 1))), seed=seed)


def captum_kernel_shap(puzzle: Puzzle, count: int, seed: int) -> Tensor:
    return _captum(puzzle, KernelShap, count, seed)


def captum_sampling(puzzle: Puzzle, count: int, seed: int) -> Tensor:
    return _captum(puzzle, ShapleyValueSampling, count // REGIONS, seed)


def _captum(puzzle: Puzzle, method: type, count: int, seed: int) -> Tensor:
    torch.manual_seed(seed)
    values = method(puzzle.model.network).attribute(
        puzzle.image,
        baselines=puzzle.hidden,
        target=puzzle.label,
        feature_mask=puzzle.regions[None, None],
        n_samples=count,
    )
    return puzzle.of_regions(values[0, 0])


def shap_kernel(puzzle: Puzzle, count: int, seed: int) -> Tensor:
    import shap

    def scores(rows: np.ndarray) -> np.ndarray:
        shown = torch.from_numpy(rows).float()[:, puzzle.regions].unsqueeze(1)
        pictures = torch.lerp(puzzle.hidden, puzzle.image, shown)
        with torch.no_grad():
            outputs: np.ndarray = torch.cat([puzzle.model.network(part) for part in pictures.split(64)]).numpy()
        return outputs[:, puzzle.label]

    np.random.seed(seed)  # it draws from NumPy's global state
    explainer = shap.KernelExplainer(scores, np.zeros((1, REGIONS)))
    shapley_values = explainer.shap_values(np.ones((1, REGIONS)), nsamples=count, l1_reg=0, silent=True)
    return torch.from_numpy(np.asarray(shapley_values))[0].double()


CONTENDERS: dict[str, Callable[[Puzzle, int, int], Tensor]] = {
    "kernel-shap": vitrine_kernel_shap,
    AGAINST: captum_kernel_shap,
    "shap's KernelExplainer": shap_kernel,
    "shapley-sampling": vitrine_sampling,
    "captum's ShapleyValueSampling": captum_sampling,
}


def error(name: str, puzzles: Sequence[Puzzle], count: int, seeds: int) -> float:
    """Root mean square error over regions, puzzles and seeds, as a share of the root mean square value."""
    method = CONTENDERS[name]
    squares = [
        float((method(puzzle, count, seed) - puzzle.truth).square().mean())
        for puzzle in puzzles
        for seed in range(seeds)
    ]
    size = float(np.mean([float(puzzle.truth.square().mean()) for puzzle in puzzles]))
    return float(np.sqrt(np.mean(squares) / size))


def lines(name: str, scenes: int, seeds: int) -> Iterator[str]:
    """Rows of the table for one of the bundled networks, and how many pictures the error to be reached takes."""
    model = ex.load_model(name)
    model.network.eval()
    puzzles = [Puzzle(model, model.inputs(scene.image), scene.label) for scene in sign_scenes(scenes)]
    for contender in CONTENDERS:
        figures = [f"{error(contender, puzzles, count, seeds):.1%}" for count in COUNTS]
        yield f"| {name} | {contender} | {' | '.join(figures)} |"
    limit = error(AGAINST, puzzles, WITH, seeds)
    enough = next((count for count in LADDER if error("kernel-shap", puzzles, count, seeds) <= limit), None)
    yield f"\n{name}: kernel-shap needs {enough} pictures to the error of {AGAINST} with {WITH}, {limit:.1%}.\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--models", nargs="+", default=["demo:signs-cnn", "demo:signs-vit"])
    parsed = parser.parse_args(arguments)
    print(f"{parsed.scenes} scenes, {parsed.seeds} seeds, {REGIONS} regions; error as a share of the values\n")
    print(f"| network | method | {' | '.join(f'{count} pictures' for count in COUNTS)} |")
    print("|---|---|" + "---|" * len(COUNTS), flush=True)
    for name in parsed.models:
        for line in lines(name, parsed.scenes, parsed.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
