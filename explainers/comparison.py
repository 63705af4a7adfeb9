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
from explainers.trust.ranking import centred_ranks, overlap, strongest
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


@dataclass(frozen=True, eq=False)
class Ranking:
    """The order of a map's values, which is what maps are compared by: found once, however many it is compared with.

    Attributes:
        shape: of the map at the input's own resolution.
        ranks: see `centred_ranks`; None of a constant map.
        strongest: where its strongest tenth lies, bool.
    """

    shape: tuple[int, ...]
    ranks: npt.NDArray[np.float64] | None
    strongest: Tensor

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return 9 * self.strongest.numel()


def rankings(attributions: Sequence[Attribution]) -> list[Ranking]:
    """The order of every map, for `likeness` and `rank_correlations`."""
    return [_ranking(heat_of(attribution)) for attribution in attributions]


def _ranking(heat: Tensor) -> Ranking:
    return Ranking(tuple(heat.shape), centred_ranks(heat), strongest(heat))


def rank_correlations(maps: Sequence[Attribution | Ranking], names: Sequence[str]) -> pd.DataFrame:
    """Spearman's rank correlation of every pair of maps of pictures of one size.

    Args:
        maps: attributions, or what `rankings` made of them.

    Returns:
        Columns: row, column, correlation (-1 to 1; None where a map is constant); a row per ordered pair.
    """
    ranked = _ranked(maps)
    half = {(i, j): _correlation(ranked[i], ranked[j]) for i in range(len(ranked)) for j in range(i + 1)}
    pairs = [(i, j) for i in range(len(ranked)) for j in range(len(ranked))]
    return pd.DataFrame(
        {
            "row": [names[i] for i, _ in pairs],
            "column": [names[j] for _, j in pairs],
            "correlation": [half[max(pair), min(pair)] for pair in pairs],
        }
    )


def likeness(a: Attribution | Ranking, b: Attribution | Ranking) -> tuple[float | None, float | None]:
    """Rank correlation of two maps, and the intersection over union of their strongest tenths; None where sizes differ."""
    first, second = _ranked([a, b])
    if first.shape != second.shape:
        return None, None
    return _correlation(first, second), overlap(first.strongest, second.strongest)


def _ranked(maps: Sequence[Attribution | Ranking]) -> list[Ranking]:
    made = iter(rankings([one for one in maps if isinstance(one, Attribution)]))
    return [next(made) if isinstance(one, Attribution) else one for one in maps]


def _correlation(a: Ranking, b: Ranking) -> float | None:
    if a.ranks is None or b.ranks is None or a.shape != b.shape:
        return None
    return min(1.0, max(-1.0, float(a.ranks @ b.ranks)))


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
