"""Many questions at once, sharing their passes; and what their maps have in common."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from torch import Tensor

from explainers.api import answer, read_plans
from explainers.core.asking import TargetLike
from explainers.core.attribution import Attribution
from explainers.core.engine import Engine
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.passes import Progress
from explainers.trust.ranking import centred_ranks, spearman, top_overlap
from explainers.trust.trial import heat_of


@dataclass(frozen=True, eq=False)
class Question:
    """What `explain` is asked, for one picture."""

    model: Model
    image: Image.Image
    method: str = "grad-cam"
    target: TargetLike = None
    options: dict[str, Any] = field(default_factory=dict)


def explain_all(
    questions: Sequence[Question],
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> list[Attribution | VitrineError]:
    """Answer every question. Those of one model, picture and target share their passes: all CAMs on all layers take one capture.

    Args:
        progress, cancel: as in `explain`.

    Returns:
        In the order of the questions; where one cannot be answered, the error that says why stands in its place.
    """
    groups: dict[tuple[str, int, str], list[int]] = {}
    for number, question in enumerate(questions):
        about = (question.model.fingerprint, id(question.image), repr(question.target))
        groups.setdefault(about, []).append(number)
    found: dict[int, Attribution | VitrineError] = {}
    for place, numbers in enumerate(groups.values()):
        part = _part(progress, place, len(groups))
        found |= dict(zip(numbers, _together([questions[n] for n in numbers], engine, part, cancel), strict=True))
    return [found[number] for number in range(len(questions))]


def _together(
    questions: Sequence[Question], engine: Engine | None, progress: Progress | None, cancel: threading.Event | None
) -> list[Attribution | VitrineError]:
    """Answers to questions of one model, picture and target. One that fails does not take the others with it."""
    first = questions[0]
    try:
        plans = [plan for q in questions for plan in read_plans([q.method], q.model, q.options)]
        return [*answer(first.model, first.image, plans, first.target, engine, progress, cancel)]
    except VitrineError as error:
        if len(questions) == 1:
            return [error]
    return [answered for question in questions for answered in _together([question], engine, progress, cancel)]


def _part(progress: Progress | None, place: int, count: int) -> Progress | None:
    """Progress of one group as a part of all of them."""
    if progress is None:
        return None
    return lambda done, words: progress((place + done) / count, words)


def rank_correlations(attributions: Sequence[Attribution], names: Sequence[str]) -> pd.DataFrame:
    """Spearman's rank correlation of every pair of maps of pictures of one size.

    Returns:
        Columns: row, column, correlation (-1 to 1; None where a map is constant); a row per ordered pair.
    """
    ranks = [
        centred_ranks(heat_of(attribution)) for attribution in attributions
    ]  # once for each: ranking is what takes time
    rows = [
        {"row": one, "column": other, "correlation": _product(first, second)}
        for one, first in zip(names, ranks, strict=True)
        for other, second in zip(names, ranks, strict=True)
    ]
    return pd.DataFrame(rows, columns=["row", "column", "correlation"])


def _product(a: npt.NDArray[np.float64] | None, b: npt.NDArray[np.float64] | None) -> float | None:
    return None if a is None or b is None or a.shape != b.shape else float(np.clip(a @ b, -1, 1))


def likeness(a: Attribution, b: Attribution) -> tuple[float | None, float | None]:
    """Rank correlation of two maps, and the intersection over union of their strongest tenths; None where sizes differ."""
    first, second = heat_of(a), heat_of(b)
    if first.shape != second.shape:
        return None, None
    return spearman(first, second), top_overlap(first, second)


def difference(a: Attribution, b: Attribution) -> Tensor:
    """The map of a minus that of b, (H, W) float64: in their unit where one method made both, else each over its largest
    absolute value.

    Raises:
        VitrineError: the maps have different sizes.
    """
    first, second = heat_of(a), heat_of(b)
    if first.shape != second.shape:
        raise VitrineError(
            f"Maps of {tuple(first.shape)} and {tuple(second.shape)} pixels have no difference; compare maps of one input size."
        )
    if a.method == b.method:
        return first - second
    return first / first.abs().max().clamp_min(1e-300) - second / second.abs().max().clamp_min(1e-300)
