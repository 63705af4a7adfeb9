"""Trust: whether to believe an explanation, in numbers and in words.

Each check is one function in the module of its subject; `verify` makes those that are asked for and puts them together.
"""

from explainers.trust.ground_truth import truth_mask
from explainers.trust.registry import Asks, Check, CheckOptions, checks, find_check
from explainers.trust.runner import estimate_verify, verify
from explainers.trust.verdict import Finding, Verdict

__all__ = [
    "Asks",
    "Check",
    "CheckOptions",
    "Finding",
    "Verdict",
    "checks",
    "estimate_verify",
    "find_check",
    "truth_mask",
    "verify",
]
