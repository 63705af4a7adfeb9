"""ROAD: deletion whose holes are filled from their surroundings, so that the shape of a hole tells the network little.

A covered pixel becomes the weighted mean of its eight neighbours, covered ones included: a sparse linear system per
picture, solved on the CPU. A little noise hides that the filled places are too smooth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field
from scipy.sparse import coo_array, eye_array
from scipy.sparse.linalg import splu
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.rng import seeded_generator
from explainers.engine.variant_scores import variant_scores
from explainers.trust.checks._recorded_quantity import RecordedQuantity, recorded_target
from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, no_finite_scores
from explainers.trust.ranking import order_of
from explainers.trust.registry import Asks, SeedOptions, check

Doubles = npt.NDArray[np.float64]

NEIGHBOURS = [(r, c, 1 / 12 if r and c else 1 / 6) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
"""Row and column from a pixel, and the weight there."""


class RoadOptions(SeedOptions):
    steps: int = Field(5, ge=1, le=50, description="Shares of the picture that are covered, evenly from none to all.")
    noise: float = Field(
        0.01, ge=0, le=1, description="Deviation of the noise on filled pixels, in the input's own deviations."
    )
    curve: RecordedQuantity = Field(
        RecordedQuantity.AUTO, description="What is recorded: the probability of the class, or the score."
    )


def impute(image: Tensor, covered: Tensor) -> Tensor:
    """The picture (C, H, W) whose covered pixels (H, W bool) are the weighted mean of their neighbours; float64 on the CPU.

    At the border the weights of the neighbours that exist count alone. All covered: the mean colour.
    """
    pixels = image.detach().cpu().double().flatten(1).numpy()
    hidden = covered.cpu().numpy()
    if hidden.all():
        return torch.from_numpy(np.repeat(pixels.mean(1, keepdims=True), hidden.size, 1)).view(image.shape)
    filled = pixels.copy()
    if hidden.any():
        filled[:, hidden.ravel()] = _solve(pixels, hidden)
    return torch.from_numpy(filled).view(image.shape)


def _solve(pixels: Doubles, hidden: npt.NDArray[np.bool_]) -> Doubles:
    """Values of the hidden pixels, (C, hidden)."""
    height, width = hidden.shape
    rows, columns = np.nonzero(hidden)
    unknown_index = np.full(hidden.shape, -1)  # of every hidden pixel in the system of equations
    unknown_index[rows, columns] = np.arange(len(rows))
    total = np.zeros(len(rows))
    known = np.zeros((len(rows), len(pixels)))
    entries: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Doubles]] = []
    for down, right, weight in NEIGHBOURS:
        row, column = rows + down, columns + right
        inside = np.nonzero((row >= 0) & (row < height) & (column >= 0) & (column < width))[0]
        row, column = row[inside], column[inside]
        total[inside] += weight
        neighbour = unknown_index[row, column]
        seen, unseen = inside[neighbour < 0], inside[neighbour >= 0]
        known[seen] += weight * pixels[:, (row * width + column)[neighbour < 0]].T
        entries.append((unseen, neighbour[neighbour >= 0], np.full(len(unseen), weight)))
    equation, neighbour, weights = (np.concatenate(part) for part in zip(*entries, strict=True))
    mixing = coo_array((weights / total[equation], (equation, neighbour)), shape=(len(rows), len(rows)))
    solution: Doubles = splu((eye_array(len(rows)) - mixing).tocsc()).solve(known / total[:, None])
    return solution.T


@check(
    "road",
    options=RoadOptions,
    title="ROAD",
    citation="Rong et al. 2022, arXiv:2202.00449",
    says="How much more probability (or score) is left when the lowest-ranked pixels go first than when the highest-ranked do; what "
    "is gone is filled in from around it.",
    better="higher",
    low=-1,
    high=1,
    needs=Asks.SCORES | Asks.IMAGES,
    cost=lambda attribution, options, rerun: Cost(2 * options.steps + 1),
)
def road(context: CheckContext, options: RoadOptions) -> Finding:
    """Mean over the shares covered of (lowest first - highest first), as a share of 1 or of the scores' range."""
    run, input = context.run, context.input
    target, unit = recorded_target(run, input, context.target, options.curve)
    pictures, shares = _pictures(context, options)
    whole = run.scores(input, target).cpu().double()

    def covered_variants(variants: slice) -> tuple[Tensor, None]:
        return pictures[variants].to(input), None

    scores_of_chunks = [scores for _, scores in variant_scores(run, input, target, len(pictures), covered_variants)]
    highest, lowest = torch.cat(scores_of_chunks).cpu().double().view(2, options.steps)
    everything = torch.cat([highest, lowest, whole])
    if not bool(everything.isfinite().all()):
        return no_finite_scores("road")
    spread = 1.0 if unit == "probability" else float(everything.max() - everything.min())
    value = float((lowest - highest).mean()) / spread if spread > 0 else 0.0
    value = min(1.0, max(-1.0, value))
    column = "pixels covered [%]"
    table = pd.concat(
        [
            pd.DataFrame(
                {"order": name, column: [0.0, *(100 * s for s in shares)], unit: [float(whole[0]), *line.tolist()]}
            )
            for name, line in (("highest first", highest), ("lowest first", lowest))
        ],
        ignore_index=True,
    )
    details = {"quantity": unit, "highest first": float(highest.mean()), "lowest first": float(lowest.mean())}
    sentence = (
        f"With holes filled in from around them, the {unit} is {float(highest.mean()):.2f} on average when the strongest pixels "
        f"go first, and {float(lowest.mean()):.2f} when the weakest do."
    )
    clause = "" if value > 0 else "its weakest pixels matter as much as its strongest once holes are filled in"
    # Of random orders half are above 0, and to solve the holes of enough of them takes too long: no tick for that.
    return Finding("road", value, None if value > 0 else False, sentence, clause, table, details)


def _pictures(context: CheckContext, options: RoadOptions) -> tuple[Tensor, list[float]]:
    """Pictures with the highest-ranked pixels gone, then with the lowest-ranked gone (2 * steps, C, H, W), and the shares gone."""
    order = order_of(context.heat, options.seed)
    image = context.input[0]
    shares = [(step + 1) / (options.steps + 1) for step in range(options.steps)]
    deviation = options.noise * image.cpu().double().std((1, 2), keepdim=True)
    pictures = []
    for variant_index, (share, highest) in enumerate((s, h) for h in (True, False) for s in shares):
        count = round(share * order.numel())
        covered = order < count if highest else order >= order.numel() - count
        source = seeded_generator("cpu", options.seed, variant_index)
        noise = torch.randn(image.shape, generator=source, dtype=torch.float64) * deviation * covered
        pictures.append(impute(image, covered) + noise)
        if context.progress is not None:
            context.progress(0.9 * (variant_index + 1) / (2 * options.steps))
    return torch.stack(pictures), shares
