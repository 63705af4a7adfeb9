"""Faithfulness correlation: hide halves of the picture, and see whether the score is higher where more of the map is seen.

Bhatt, Weller & Moura 2020 (arXiv:2005.00631). A correlation alone says little of a map that lies where things usually are, so the same
pictures judge the map's fair opponents: itself, turned, mirrored and shifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import ClassTarget, are_probabilities, layer_of
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks._hidden_cells import (
    PICTURES,
    cell_sums,
    coarse,
    correlations,
    halves,
    masks_of,
    moved_copies,
)
from explainers.trust.context import CheckContext
from explainers.trust.finding import Finding, no_finite_scores, percent
from explainers.trust.registry import Asks, SeedOptions, check
from explainers.trust.thresholds import BEATEN, FITTING, MEASURABLE, UNREMARKABLE

CLEAR = (0.7, 0.98)  # share of moved copies: outside of it half of the pictures are enough
FLAT = 1e-6  # of the score's own size: below it a score does not change


class FaithfulnessCorrelationOptions(SeedOptions):
    pictures: int = Field(
        PICTURES,
        ge=8,
        le=2000,
        multiple_of=4,
        description="Pictures with one half of the cells hidden, at most; each takes a pass. Half of them are enough where they leave no doubt.",
    )
    fill: Fill = Field(Fill.BLUR, description="What is seen where a cell is hidden.")


@dataclass(frozen=True, eq=False)
class Measured:
    """Scores of the pictures with hidden halves.

    Attributes:
        scores: (n,) float64; of a class above the mean of all, for that is all that a softmax sees.
        all_scores: of all classes in these pictures, (n, K), to tell how much of a change is much; None where there are no classes.
    """

    scores: Tensor
    all_scores: Tensor | None

    @property
    def swing(self) -> float | None:
        """The scores' deviation as a share of that of all classes' scores: a network that learnt nothing always says much the same."""
        return None if self.all_scores is None else float(self.scores.std() / self.all_scores.std().clamp_min(1e-12))

    @property
    def nothing_to_measure(self) -> bool:
        if self.swing is not None and self.swing < MEASURABLE:
            return True
        return float(self.scores.std()) <= FLAT * float(self.scores.abs().max())

    def joined(self, more: Measured) -> Measured:
        """With the scores of more pictures."""
        both = None
        if self.all_scores is not None and more.all_scores is not None:
            both = torch.cat([self.all_scores, more.all_scores])
        return Measured(torch.cat([self.scores, more.scores]), both)


@dataclass(frozen=True, eq=False)
class Fit:
    """How well a map fits what was measured.

    Attributes:
        value: correlation of the scores with how much of the map is seen.
        beaten: share of the moved copies that fit less well.
        seen: how much of the map each picture shows, (n,).
    """

    value: float
    beaten: float
    seen: Tensor

    @classmethod
    def of(cls, grid: Tensor, copies: Tensor, effects: Measured, shown: Tensor) -> Fit | None:
        """None where there is nothing to measure.

        Args:
            grid, copies: of `coarse` and `moved_copies`.
            shown: which cells the pictures show, of the first of them on.
        """
        if not bool(effects.scores.isfinite().all()) or effects.nothing_to_measure:
            return None
        cells = shown[: len(effects.scores)].double().T
        seen = cell_sums(grid[None]) @ cells
        value = float(correlations(effects.scores, seen)[0])
        others = correlations(effects.scores, cell_sums(copies) @ cells)
        return cls(value, float((others < value).double().mean()), seen[0])

    @property
    def is_clear(self) -> bool:
        """Whether more pictures would hardly change what is said."""
        return self.beaten <= CLEAR[0] or (self.beaten >= CLEAR[1] and self.value >= 2 * FITTING)


def measured(context: CheckContext, shown: Tensor, options: FaithfulnessCorrelationOptions) -> Measured:
    """The scores of the pictures that show these halves."""
    run, input, target = context.run, context.input, context.run.resolve(context.input, context.target)
    pictures = masker_for(run.model, input, options.fill, options.seed)(
        masks_of(shown, (input.shape[-2], input.shape[-1])).to(input)
    )
    outputs = run.outputs(pictures, layer_of(target)).cpu().double()
    shared = target.take([0] * len(outputs))
    if not isinstance(shared, ClassTarget) or outputs.shape[1] < 2 or run.model.task != "classification":
        return Measured(shared(outputs), None)
    logits = outputs.clamp_min(1e-12).log() if are_probabilities(outputs) else outputs
    logits = logits - logits.mean(1, keepdim=True)
    return Measured(shared(logits), logits)


@check(
    "faithfulness-correlation",
    options=FaithfulnessCorrelationOptions,
    title="Faithfulness correlation",
    citation="Bhatt, Weller & Moura 2020, arXiv:2005.00631",
    says="Whether the score is higher the more of the map is seen, in pictures with half of their cells hidden: the correlation, and how "
    "many copies of the map, turned, mirrored and shifted, fit the same scores less well.",
    better="higher",
    low=-1,
    high=1,
    needs=Asks.SCORES | Asks.IMAGES,
    quick=True,
    cost=lambda attribution, options, rerun: Cost(options.pictures),
)
def faithfulness_correlation(context: CheckContext, options: FaithfulnessCorrelationOptions) -> Finding:
    """Correlation over the pictures; None where the map is constant or the score hardly changes."""
    name, grid = "faithfulness-correlation", coarse(context.heat)
    if float(grid.max()) == float(grid.min()):
        return Finding(name, None, None, "The map is constant, so it does not tell where the evidence lies.")
    shown, copies = halves(options.pictures, options.seed), moved_copies(grid)
    effects = measured(context, shown[: options.pictures // 2], options)
    fit = Fit.of(grid, copies, effects, shown)
    if fit is None or not fit.is_clear:
        effects = effects.joined(measured(context, shown[options.pictures // 2 :], options))
        fit = Fit.of(grid, copies, effects, shown)
    if not bool(effects.scores.isfinite().all()):
        return no_finite_scores(name)
    details = {"swing": effects.swing, "fill": str(options.fill), "pictures": len(effects.scores)}
    if fit is None:
        sentence = "Nothing to measure: whichever half of the picture is hidden, the score hardly changes."
        return Finding(name, None, None, sentence, "", None, details)
    share = (100 * fit.seen / grid.abs().sum()).tolist()
    table = pd.DataFrame({"share of the map seen [%]": share, "score": effects.scores.tolist()})
    return _finding(name, fit.value, fit.beaten, table, details | {"better than moved copies": fit.beaten})


def _finding(name: str, value: float, beaten: float, table: pd.DataFrame, details: dict[str, Any]) -> Finding:
    good = True if value >= FITTING and beaten >= BEATEN else False if beaten < UNREMARKABLE else None
    sentence = (
        f"With halves of the picture hidden, the score's correlation with how much of the map is seen is {value:.2f}, higher than with "
        f"{percent(beaten)} of the map's own copies, turned, mirrored and shifted."
    )
    clause = {
        True: f"the score is higher the more of it is visible, which {percent(beaten)} of its copies laid elsewhere do not match",
        False: f"the score does not depend on how much of it is visible: only {percent(beaten)} of its copies laid elsewhere do worse",
        None: f"the score follows it only loosely: {percent(beaten)} of its copies laid elsewhere do worse",
    }[good]
    return Finding(name, value, good, sentence, clause, table, details)
