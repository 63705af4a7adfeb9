"""What the checks found, in numbers and in one careful sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.trust.faithfulness import Conclusion, faithfulness
from explainers.trust.finding import Finding, percent
from explainers.trust.grade import Grade

if TYPE_CHECKING:
    from explainers.trust.registry import Check

CLAUSES = 5  # in a verdict's sentence, at most
NEAR = 1 / 6  # of a side, either way: the ninth of the picture around a place


@dataclass(frozen=True, eq=False)
class Verdict:
    """How far a map can be trusted.

    Attributes:
        method: that made the map.
        highlights: what the map highlights, as the end of a sentence: "4 % of the picture, at the upper left".
        findings: one per check.
        checks: the checks, in the same order.
        cost: of all of them.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> verdict = ex.verify(model, image, ex.explain(model, image))
        >>> verdict.grade
        <Grade.SUPPORTED: 'supported'>
        >>> "map" in verdict, verdict["map"].value
        (True, 1.0)
        >>> list(verdict.table().columns)[:3]
        ['check', 'title', 'value']
    """

    method: str
    highlights: str
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    cost: Cost

    @property
    def conclusion(self) -> Conclusion:
        """Whether the map is faithful to the model, with the reason; see `explainers.trust.faithfulness`."""
        return faithfulness({finding.check: finding for finding in self.findings})

    @property
    def grade(self) -> Grade:
        """Whether the map is faithful to the model: supported, mixed, not supported or not checked."""
        return self.conclusion.grade

    @property
    def reason(self) -> str:
        """Why that grade, in a sentence."""
        return self.conclusion.reason

    @property
    def sentence(self) -> str:
        """What the map highlights and what was found of it, bad findings first."""
        broken = next((f for f in self.findings if f.check == "map" and f.good is False), None)
        if broken is not None:
            return broken.sentence
        telling = [finding for finding in self.findings if finding.clause]
        telling.sort(key=lambda finding: {False: 0, True: 1, None: 2}[finding.good])
        clauses = [f"the map highlights {self.highlights}", *(finding.clause for finding in telling[:CLAUSES])]
        text = "; ".join(clauses)
        return text[0].upper() + text[1:] + "."

    @classmethod
    def joined(cls, verdicts: Sequence[Verdict]) -> Verdict:
        """One verdict from several of the same map, in their order.

        Args:
            verdicts: at least one.
        """
        first = verdicts[0]
        return replace(
            first,
            findings=tuple(finding for verdict in verdicts for finding in verdict.findings),
            checks=tuple(check for verdict in verdicts for check in verdict.checks),
            cost=sum((verdict.cost for verdict in verdicts), Cost()),
        )

    def __getitem__(self, name: str) -> Finding:
        """The finding of the check called `name`."""
        for finding in self.findings:
            if finding.check == name:
                return finding
        names = ", ".join(finding.check for finding in self.findings) or "none"
        raise VitrineError(f"The check {name!r} was not made; those made are: {names}.")

    def __contains__(self, name: str) -> bool:
        return any(finding.check == name for finding in self.findings)

    def table(self) -> pd.DataFrame:
        """A row per check: check, title, value, low, high, better, good, sentence, forward and backward passes, seconds, citation."""
        rows = [
            {
                "check": check.name,
                "title": check.title,
                "value": finding.value,
                "low": check.low,
                "high": check.high,
                "better": check.better,
                "good": finding.good,
                "sentence": finding.sentence,
                "forward passes": finding.cost.forward,
                "backward passes": finding.cost.backward,
                "seconds": finding.cost.seconds,
                "citation": check.citation,
            }
            for check, finding in zip(self.checks, self.findings, strict=True)
        ]
        columns = [
            "check", "title", "value", "low", "high", "better", "good", "sentence",
            "forward passes", "backward passes", "seconds", "citation",
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=columns)
        return table.astype({"value": "float64", "low": "float64", "high": "float64", "good": "boolean"})

    def record(self) -> dict[str, Any]:
        """The verdict as plain data, for a manifest: NaN and infinite numbers do not occur in it."""
        return {
            "grade": str(self.grade), "reason": self.reason, "sentence": self.sentence,
            "checks": [
                {
                    "check": check.name, "value": finding.value, "range": [check.low, check.high],
                    "better": check.better, "good": finding.good, "sentence": finding.sentence,
                    "details": finding.details,
                    "passes": {"forward": finding.cost.forward, "backward": finding.cost.backward},
                    "seconds": round(finding.cost.seconds, 4), "citation": check.citation,
                }
                for check, finding in zip(self.checks, self.findings, strict=True)
            ],
        }  # fmt: skip


def highlighted(heat: Tensor) -> str:
    """What a map highlights: how little of the input holds half of its positive values, and where that is.

    A place is named where the ninth of the picture around it holds at least half of their weight.

    Args:
        heat: (H, W) or (F,).
    """
    positive = torch.nan_to_num(heat, nan=0.0, posinf=0.0, neginf=0.0).clamp_min(0)
    total = float(positive.sum())
    if total <= 0:
        return "nothing: none of its values is positive"
    values = positive.flatten().sort(descending=True).values
    count = min(1 + int((values.cumsum(0) < total / 2).sum()), len(values))
    if heat.ndim == 1:
        return f"{count} of {len(heat)} features, which hold half of its positive values"
    strong = positive >= values[count - 1]
    weights = positive[strong] / positive[strong].sum()
    rows, columns = ((indices + 0.5) / side for indices, side in zip(strong.nonzero().T, heat.shape, strict=True))
    row, column = float((rows * weights).sum()), float((columns * weights).sum())
    # Between two far places lies their mean, where nothing is.
    near = ((rows - row).abs() <= NEAR) & ((columns - column).abs() <= NEAR)
    where = _where(row, column) if float(weights[near].sum()) >= 0.5 else "not in one small place"
    return f"{percent(count / heat.numel())} of the picture, {where}"


def _where(row: float, column: float) -> str:
    """A place given by shares of the height and the width, in words."""
    vertical = ["upper", "", "lower"][min(2, int(row * 3))]
    horizontal = ["left", "", "right"][min(2, int(column * 3))]
    match vertical, horizontal:
        case "", "":
            return "around the middle"
        case "", side:
            return f"around the middle {side}"
        case edge, "":
            return f"around the {edge} middle"
    return f"around the {vertical} {horizontal}"
