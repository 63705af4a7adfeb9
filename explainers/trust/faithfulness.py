"""Is the map faithful to the model? The findings of the checks put together into one grade and its reason.

What was measured stands in docs/truth.md: of maps graded "supported", how many lie where the evidence is known to be. Whether the
model itself looks at the right thing is another question (see `explainers.trust.ground`): of a network that learnt a shortcut, the
faithful map is the one that shows the shortcut. So no check that is given the truth takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from explainers.trust.finding import Finding
from explainers.trust.grade import Grade

PLACE, CLASS = "faithfulness-correlation", "target-sensitivity"
CONTRADICTING = ("redrawn-weights", "randomisation", "completeness", "seed-stability", "road")
"""Checks that can take "supported" from a map whose place was seen to matter."""

CURVES = ("deletion", "insertion")


@dataclass(frozen=True)
class Conclusion:
    """The answer to one question.

    Attributes:
        reason: a sentence.
    """

    grade: Grade
    reason: str


def faithfulness(findings: Mapping[str, Finding]) -> Conclusion:
    """The grade of a map from the findings of its checks, by their names."""
    whether_map, place = findings.get("map"), findings.get(PLACE)
    if whether_map is not None and whether_map.good is False:
        return Conclusion(Grade.NOT_SUPPORTED, whether_map.sentence)
    if place is None:
        return Conclusion(Grade.NOT_CHECKED, "No check of where the map lies was made.")
    if place.value is None:
        return Conclusion(Grade.NOT_CHECKED, place.sentence)
    if place.good is False:
        return Conclusion(Grade.NOT_SUPPORTED, _sentence(place.clause))
    doubts = _doubts(findings)
    if place.good is None:
        return Conclusion(Grade.MIXED, _sentence(place.clause, *doubts))
    if doubts:
        return Conclusion(Grade.MIXED, _sentence(place.clause, "but " + doubts[0], *doubts[1:]))
    class_clause = findings[CLASS].clause if CLASS in findings else ""
    return Conclusion(Grade.SUPPORTED, _sentence(place.clause, class_clause))


def _doubts(findings: Mapping[str, Finding]) -> list[str]:
    """What speaks against a map, or was left open, in clauses."""
    doubts = []
    if CLASS not in findings:
        doubts.append("whether another class would have another map is not checked")
    elif findings[CLASS].good is False:
        doubts.append(findings[CLASS].clause)
    doubts += [findings[name].clause for name in CONTRADICTING if name in findings and findings[name].good is False]
    curves = [findings[name] for name in CURVES if name in findings]
    if curves and all(finding.good is False for finding in curves):
        doubts += [finding.clause for finding in curves]
    return [doubt for doubt in doubts if doubt]


def _sentence(*clauses: str) -> str:
    text = "; ".join(clause for clause in clauses if clause)
    return f"{text[:1].upper()}{text[1:]}."
