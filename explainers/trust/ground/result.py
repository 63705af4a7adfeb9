"""What is known of how safe an answer is: three findings, a grade, and what none of it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pandas as pd

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.trust.grade import Grade

Aspect = Literal["sure", "stable", "familiar"]

TITLES: Final[dict[Aspect, str]] = {
    "sure": "How sure is it?",
    "stable": "Does it stay under small changes?",
    "familiar": "Does the picture look like what it was made for?",
}

LIMIT: Final = (
    "What this does not tell: whether the model looks at the right thing. An answer can be sure, stable, on a familiar picture "
    "and still right or wrong for the wrong reason."
)


@dataclass(frozen=True, eq=False)
class GroundFinding:
    """One of the three things that are asked of an answer.

    Attributes:
        name: "sure", "stable" or "familiar".
        value: sure: the probability; stable: the share of small changes that keep the answer, 0 to 1; familiar: the share of
            pictures of the model's own world that are farther from what it was trained on than this one, 0 to 1, where they
            are known. None where it is not known.
        good: None where nothing is known.
        sentence: one plain sentence.
        table: a row per class or per change, with units in the columns' names.
        details: other numbers.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> finding = ex.answer_ground(model, ex.sample("scene:1000050").load())["stable"]
        >>> finding.title, finding.value, finding.good
        ('Does it stay under small changes?', 1.0, True)
    """

    name: Aspect
    value: float | None
    good: bool | None
    sentence: str
    table: pd.DataFrame | None = field(default=None, repr=False)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is asked, as a question."""
        return TITLES[self.name]


@dataclass(frozen=True, eq=False)
class Ground:
    """Whether an answer itself is safe ground, whatever a map shows of it.

    Attributes:
        grade: how well it is supported that the answer can be built on.
        reason: why, in one plain sentence.
        answer: what the model was asked about: the label of its first answer, or of the class that was named.
        findings: how sure, how stable, how familiar, in this order; () where none was looked at.
        note: what is known of this model that no single picture shows, such as a shortcut that it learnt; or "".
        cost: the passes that were made.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> cat = ex.answer_ground(model, ex.sample("photo:chelsea").load())
        >>> print(cat.grade, cat["familiar"].good)
        not supported False
    """

    grade: Grade
    reason: str
    answer: str
    findings: tuple[GroundFinding, ...]
    note: str
    cost: Cost

    @property
    def limit(self) -> str:
        """What none of it tells, in a sentence that belongs beside every grade."""
        return LIMIT

    def __getitem__(self, name: str) -> GroundFinding:
        """The finding of that name.

        Raises:
            VitrineError: there is none.
        """
        for finding in self.findings:
            if finding.name == name:
                return finding
        names = ", ".join(finding.name for finding in self.findings) or "none"
        raise VitrineError(f"The ground has no finding {name!r}; it has: {names}.")

    def table(self) -> pd.DataFrame:
        """A row per finding: finding, title, value, good, sentence."""
        columns = ["finding", "title", "value", "good", "sentence"]
        rows = [(f.name, f.title, f.value, f.good, f.sentence) for f in self.findings]
        return pd.DataFrame(rows, columns=columns).astype({"value": "float64", "good": "boolean"})

    def record(self) -> dict[str, Any]:
        """The ground as plain data, for a manifest."""
        return {
            "grade": str(self.grade),
            "reason": self.reason,
            "answer": self.answer,
            "findings": [
                {"finding": f.name, "value": f.value, "good": f.good, "sentence": f.sentence, "details": f.details}
                for f in self.findings
            ],
            "note": self.note,
            "limit": self.limit,
        }
