"""Trust: whether to believe an explanation, in numbers and in words.

Each check is one function in a module of `explainers.trust.checks`; `verify` makes those that are asked for and puts
them together.
"""

from explainers.trust import checks  # noqa: F401 (they register themselves)
from explainers.trust.finding import Finding
from explainers.trust.grade import Grade
from explainers.trust.ground import Ground, GroundFinding, Reference, answer_ground, familiarity_reference
from explainers.trust.registry import Asks, Check, CheckOptions, find_check
from explainers.trust.runner import estimate_verify, verify
from explainers.trust.truth import truth_mask
from explainers.trust.verdict import Verdict

__all__ = [
    "Asks",
    "Check",
    "CheckOptions",
    "Finding",
    "Grade",
    "Ground",
    "GroundFinding",
    "Reference",
    "Verdict",
    "answer_ground",
    "estimate_verify",
    "familiarity_reference",
    "find_check",
    "truth_mask",
    "verify",
]
