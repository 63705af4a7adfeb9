"""What one check says of one map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from explainers.core.cost import Cost


@dataclass(frozen=True, eq=False)
class Finding:
    """What one check says of one map.

    Attributes:
        check: its name.
        value: None where the check could not be made of this map.
        good: None where no threshold is agreed on, or nothing is known.
        sentence: one plain sentence.
        clause: the same in a few words, lower case and without a full stop, for the verdict's sentence; "" to stay out of it.
        table: what to draw: a curve or a row per step, tidy, with units in the columns' names.
        details: other numbers.
        cost: what it took.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> finding = ex.verify(model, image, ex.explain(model, image), "deletion")["deletion"]
        >>> finding.good, 0 <= finding.value <= 1
        (True, True)
        >>> finding.table.shape, list(finding.table.columns)
        ((105, 3), ['order', 'pixels covered [%]', 'probability'])
    """

    check: str
    value: float | None
    good: bool | None
    sentence: str
    clause: str = ""
    table: pd.DataFrame | None = field(default=None, repr=False)
    details: dict[str, Any] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)


def no_finite_scores(check: str) -> Finding:
    """What is found where the score of some version of the input is NaN or infinite."""
    return Finding(check, None, None, "Not checked: some scores of the changed input are not finite numbers.")


def percent(share: float) -> str:
    """A share in words: whole percents, and "less than 1 %" rather than "0 %"."""
    if 0 < share < 0.01:
        return "less than 1 %"
    if 0.99 < share < 1:
        return "more than 99 %"
    return f"{share:.0%}".replace("%", " %")
