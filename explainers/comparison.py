"""Many questions at once, sharing their passes; and what their maps have in common."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from explainers.core.attribution import Attribution
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target_parser import TargetLike
from explainers.engine.engine import Engine
from explainers.engine.passes import Progress
from explainers.executor import run_methods
from explainers.trust.context import folded_maps, heatmap_of
from explainers.trust.ranking import correlation, order_and_top, overlap


@dataclass(frozen=True, eq=False)
class Question:
    """What `explain` is asked, for one picture.

    Attributes:
        method: a method's name, see `methods`.
        target: as in `explain`; None is the top class.
        options: the method's own.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> question = ex.Question(model, image, "integrated-gradients", target="stop", options={"steps": 10})
        >>> [a] = ex.explain_all([question])
        >>> tuple(a.values.shape)
        (1, 3, 96, 96)
    """

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

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> answers = ex.explain_all([ex.Question(model, image, name) for name in ("grad-cam", "layer-cam", "attn-lrp")])
        >>> [type(answer).__name__ for answer in answers]  # a network without attention has no AttnLRP
        ['Attribution', 'Attribution', 'VitrineError']
    """
    groups: dict[tuple[int, int, str], list[int]] = {}
    for question_index, question in enumerate(questions):
        about = (id(question.model), id(question.image), repr(question.target))
        groups.setdefault(about, []).append(question_index)
    answers: dict[int, Attribution | VitrineError] = {}
    for group_index, members in enumerate(groups.values()):
        part = _part(progress, group_index, len(groups))
        answers |= dict(zip(members, _answers([questions[i] for i in members], engine, part, cancel), strict=True))
    return [answers[question_index] for question_index in range(len(questions))]


def _answers(
    questions: Sequence[Question], engine: Engine | None, progress: Progress | None, cancel: threading.Event | None
) -> list[Attribution | VitrineError]:
    """Answers to questions of one model, picture and target. One that fails does not take the others with it."""
    first = questions[0]
    try:
        requests = [(question.method, question.options) for question in questions]
        return [
            *run_methods(
                first.model, first.image, requests, first.target, engine=engine, progress=progress, cancel=cancel
            )
        ]
    except VitrineError as error:
        if len(questions) == 1:
            return [error]
    return [answer for question in questions for answer in _answers([question], engine, progress, cancel)]


def _part(progress: Progress | None, group_index: int, count: int) -> Progress | None:
    """Progress of one group as a part of all of them."""
    if progress is None:
        return None
    return lambda done, words: progress((group_index + done) / count, words)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The order of a map's values, which is what maps are compared by: found once, however many it is compared with.

    Attributes:
        ranks: see `centred_ranks`.
        strongest: where the map's strongest tenth lies, (H, W) bool.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> [ranking] = ex.rankings([ex.explain(model, image)])
        >>> tuple(ranking.ranks.shape), tuple(ranking.strongest.shape)
        ((9216,), (96, 96))
        >>> int(ranking.strongest.sum())  # a tenth of the pixels
        922
    """

    ranks: Tensor
    strongest: Tensor

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.ranks.nbytes + self.strongest.nbytes


def rankings(attributions: Sequence[Attribution]) -> list[Ranking | None]:
    """The order of every map, for `likeness` and `rank_correlations`; None of a map that is constant or not finite.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> maps = ex.explain(model, image, ["grad-cam", "gradient"])
        >>> [tuple(ranking.strongest.shape) for ranking in ex.rankings(maps)]
        [(96, 96), (96, 96)]
    """
    orders = [order_and_top(folded_maps(attribution)[0]) for attribution in attributions]
    return [None if order is None else Ranking(*order) for order in orders]


def rank_correlations(maps: Sequence[Attribution | Ranking | None], names: Sequence[str]) -> pd.DataFrame:
    """Spearman's rank correlation of every pair of maps.

    Args:
        maps: attributions, or what `rankings` made of them.

    Returns:
        Columns: row, column, correlation (-1 to 1; None where `likeness` has none); a row per ordered pair.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> maps = ex.explain(model, image, ["grad-cam", "layer-cam", "gradient"])
        >>> table = ex.rank_correlations(maps, [a.method for a in maps])
        >>> table.shape, list(table.columns)
        ((9, 3), ['row', 'column', 'correlation'])
        >>> round(float(table["correlation"][0]), 6)  # of a map with itself
        1.0
    """
    correlations = _correlations(_ranked(maps))
    pairs = [(i, j) for i in range(len(maps)) for j in range(len(maps))]
    return pd.DataFrame(
        {
            "row": [names[i] for i, _ in pairs],
            "column": [names[j] for _, j in pairs],
            "correlation": [correlations.get(pair) for pair in pairs],
        }
    )


def _correlations(ranked: Sequence[Ranking | None]) -> dict[tuple[int, int], float]:
    """Of all pairs that have one, by one product of matrices: products of vectors wake the threads for every pair."""
    by_shape: dict[torch.Size, dict[int, Tensor]] = {}
    for map_index, ranking in enumerate(ranked):
        if ranking is not None:
            by_shape.setdefault(ranking.strongest.shape, {})[map_index] = ranking.ranks
    correlations: dict[tuple[int, int], float] = {}
    for vectors in by_shape.values():
        stacked = torch.stack([*vectors.values()])
        products = (stacked @ stacked.T).clamp(-1, 1).flatten().tolist()
        correlations |= dict(zip(itertools.product(vectors, vectors), products, strict=True))
    return correlations


def likeness(a: Attribution | Ranking | None, b: Attribution | Ranking | None) -> tuple[float, float] | None:
    """Rank correlation of two maps, -1 to 1, and the intersection over union of their strongest tenths, 0 to 1; None where
    sizes differ or one has no order, being constant or not finite.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a, b = ex.explain(model, image, ["grad-cam", "hires-cam"])
        >>> correlation, overlap = ex.likeness(a, b)
        >>> bool(-1 <= correlation <= 1), bool(0 <= overlap <= 1)
        (True, True)
    """
    first, second = _ranked([a, b])
    if first is None or second is None or first.strongest.shape != second.strongest.shape:
        return None
    return correlation(first.ranks, second.ranks), overlap(first.strongest, second.strongest)


def _ranked(maps: Sequence[Attribution | Ranking | None]) -> list[Ranking | None]:
    """The maps' rankings, of which some are found already; all others at once."""
    missing = iter(rankings([item for item in maps if isinstance(item, Attribution)]))
    return [next(missing) if isinstance(item, Attribution) else item for item in maps]


def difference(a: Attribution, b: Attribution) -> Tensor:
    """The map of a minus that of b, (H, W) float64: in their unit where one method made both, else each over its largest
    absolute value.

    Raises:
        VitrineError: the maps have different sizes.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a, b = (ex.explain(model, image, "grad-cam", target) for target in ("stop", "parking"))
        >>> tuple(ex.difference(a, b).shape)
        (96, 96)
    """
    first, second = heatmap_of(a), heatmap_of(b)
    if first.shape != second.shape:
        raise VitrineError(
            f"Maps of {tuple(first.shape)} and {tuple(second.shape)} pixels have no difference; compare maps of one input size."
        )
    if a.method == b.method:
        return first - second
    return first / first.abs().max().clamp_min(1e-300) - second / second.abs().max().clamp_min(1e-300)
