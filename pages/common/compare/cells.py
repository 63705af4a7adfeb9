"""The cells of a comparison: every question answered, in one call that shares what can be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.selection import Selection
from pages.common.compare.axes import names_of
from pages.common.compare.questions import AxisValues, QuestionOrError, layerless, questions
from pages.common.result.map_checks import identity
from pages.common.run.explain import price_of
from pages.common.run.long_work import FEW, result_of

NO_LAYER = "no layer"

Axis = tuple[str, list[str]]
"""Its kind, and the values along it."""

Place = tuple[int, int]
"""Row and column of a cell, from 0."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of the grid.

    Attributes:
        name: of its row and its column.
        axis_values: what every axis says, by its kind.
        question: what is asked of the network, or why nothing is.
        attribution: the map, or the sentence that says why there is none.
        ranking: the order of the map's values, to compare it by, where it has one.
    """

    place: Place
    name: str
    axis_values: AxisValues
    question: QuestionOrError
    attribution: ex.Attribution | ex.VitrineError
    ranking: ex.Ranking | None

    @property
    def answered(self) -> ex.Question:
        """The question of a cell that has a map."""
        assert isinstance(self.question, ex.Question)
        return self.question

    @property
    def map(self) -> ex.Attribution:
        """The map of a cell that has one."""
        assert isinstance(self.attribution, ex.Attribution)
        return self.attribution

    @property
    def has_map(self) -> bool:
        return isinstance(self.attribution, ex.Attribution)

    @property
    def key(self) -> tuple[object, ...]:
        """What tells its map from all others."""
        attribution = self.map
        about = (attribution.model_fingerprint, attribution.input_fingerprint, repr(attribution.target))
        return (*about, *identity(attribution))

    @cached_property
    def heat(self) -> Any:
        """The map (H, W) as it is shown."""
        return self.map.heatmap()[0]

    @property
    def view(self) -> Image.Image:
        """The picture as the model sees it."""
        model, image = self.answered.model, self.answered.image
        return model.preprocess.view(image) if model.preprocess else image


def cells_with_progress(
    selection: Selection, rows: Axis, columns: Axis, fixed: AxisValues, options: dict[str, dict[str, Any]]
) -> list[Cell]:
    """Every cell of the grid, computed once.

    Args:
        fixed: what stands on no axis and is the same in all cells.
        options: by method.

    Raises:
        Waiting: long work has not been started, or was stopped.
    """
    places = [
        ((r, c), fixed | {rows[0]: row, columns[0]: column})
        for r, row in enumerate(rows[1]) for c, column in enumerate(columns[1])
    ]  # fmt: skip
    cells = questions(selection, [values for _, values in places], options)
    possible = [question for question in cells if isinstance(question, ex.Question)]
    which = [isinstance(question, ex.Question) for question in cells]
    key = ("grid", *selection.key, repr(places), repr(options), repr(which))
    answers = iter(result_of("Maps", key, lambda bar: ex.explain_all(possible, progress=bar), lambda: _price(possible)))
    attributions = [question if isinstance(question, ex.VitrineError) else next(answers) for question in cells]
    maps = [attribution for attribution in attributions if isinstance(attribution, ex.Attribution)]
    rankings = iter(result_cache().get(("rankings", *key), lambda: ex.rankings(maps)))
    return [
        Cell(place, name, values, question, answer, next(rankings) if isinstance(answer, ex.Attribution) else None)
        for (place, values), name, question, answer in zip(
            places, _names(selection, rows, columns, places, cells), cells, attributions, strict=True
        )
    ]


def _names(
    selection: Selection,
    rows: Axis,
    columns: Axis,
    places: Sequence[tuple[Place, AxisValues]],
    cells: Sequence[QuestionOrError],
) -> list[str]:
    """Of every cell's row and column; a map of no layer is not called by one."""
    row_names, column_names = names_of(*rows, selection), names_of(*columns, selection)
    names = []
    for ((row, column), values), question in zip(places, cells, strict=True):
        parts = {rows[0]: row_names[row], columns[0]: column_names[column]}
        if isinstance(question, ex.Question) and layerless(values):
            parts["layers"] = NO_LAYER
        names.append(" · ".join(parts.values()))
    return names


def _price(questions: list[ex.Question]) -> ex.Cost:
    """What all questions take together. Those of few passes share them with the others of the same model, picture and target."""
    total, shared = ex.Cost(), {}
    for question in questions:
        price = price_of(question.model, question.image, ex.find_method(question.method), question.options)
        if price.forward + price.backward > FEW:
            total += price
        else:
            about = (id(question.model), id(question.image), repr(question.target))
            shared[about] = price.largest(shared.get(about, ex.Cost()))
    return total + sum(shared.values(), ex.Cost())
