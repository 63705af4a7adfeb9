"""What in a table of weight statistics looks unhealthy, in plain words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd
from scipy.special import betainc

from explainers.weight_stats.filters import TWINS

Level = Literal["problem", "warning", "note"]

USUAL_ALPHA: Final = (2.0, 6.0)
"""Power-law exponents usual for well-trained layers (Martin, Peng & Mahoney 2021, Nature Communications 12:4122)."""

USUAL_GAIN: Final = (1e-3, 100.0)
"""std times the square root of the inputs per filter; initialisations and most trained layers have 0.1 to 10."""

MANY: Final = 0.05  # share of a layer's filters from which a note becomes a warning

SPARSE: Final = 0.5  # share of exact zeros that is worth a note

_RELIABLE_TAIL: Final = 50  # eigenvalues; Clauset et al. 2009, section 3

FEW_SHAPES: Final = 1.5
"""The effective rank of a depthwise convolution's kernels below which they are nearly one shape.

The lowest of the 17 layers of a MobileNetV2 trained on ImageNet is 2.3 of 9, in its last block."""

_TINY_SCALE: Final = 1e-3  # of a normalisation, whose scales are learnt from 1


@dataclass(frozen=True)
class HealthFinding:
    """Something about a tensor that deserves a look.

    Attributes:
        level: "problem": the network cannot work as it is; "warning": part of it is idle or far out of the ordinary;
            "note": unusual, and often harmless.
        tensor: its name; of several, the one that stands out most.
        sentence: what was found and why it matters, with numbers.
        kind: what kind of thing it is, in a few words that findings of one rule share.

    Example:
        >>> import explainers as ex
        >>> ex.HealthFinding("warning", "fc.weight", "fc.weight: 3 of 8 filters are zero.", "dead filters").level
        'warning'
    """

    level: Level
    tensor: str
    sentence: str
    kind: str


def health(stats: pd.DataFrame) -> list[HealthFinding]:
    """Findings in a table made by `weight_stats`, the most important first: by level, kind of finding, and extent.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> layer = torch.nn.Linear(64, 8)
        >>> _ = torch.nn.init.zeros_(layer.weight)
        >>> for finding in ex.health(ex.weight_stats(ex.wrap(layer, input_shape=(64,)))):
        ...     print(finding.level, finding.sentence, sep=": ")
        problem: weight: all 512 weights are zero, so it lets nothing of its input through.
    """
    ranked = []
    rows: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in stats.to_dict("records")]
    for rule_index, (kind, rule) in enumerate(_RULES.items()):
        for row in rows:
            verdict = rule(row)
            if verdict is not None:
                level, extent, words = verdict
                finding = HealthFinding(level, row["tensor"], f"{row['tensor']}: {words}", kind)
                ranked.append(((_LEVELS.index(level), rule_index, -extent), finding))
    ranked.sort(key=lambda pair: pair[0])
    return [finding for _, finding in ranked] + _unusual_exponents(rows)


_LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note")

_Row = dict[str, Any]

_RuleResult = tuple[Level, float, str] | None
"""Level, extent (to order by), and words."""


def _not_finite(row: _Row) -> _RuleResult:
    bad = row["nan"] + row["inf"]
    if not bad:
        return None
    counts = " and ".join(f"{row[key]:,} {word}" for key, word in (("nan", "NaN"), ("inf", "infinite")) if row[key])
    return "problem", bad, f"{counts} among {row['count']:,} values; whatever is computed from them is undefined."


def _all_zero(row: _Row) -> _RuleResult:
    if not (_is_matrix(row) and row["sparsity"] == 1 and _is_finite(row)):
        return None
    return "problem", row["count"], f"all {row['count']:,} weights are zero, so it lets nothing of its input through."


def _constant(row: _Row) -> _RuleResult:
    if not _is_matrix(row) or row["count"] < 2 or row["min"] != row["max"] or row["max"] == 0:
        return None
    return "warning", row["count"], f"all {row['count']:,} weights are {row['max']:.4g}; its filters cannot differ."


def _out_of_scale(row: _Row) -> _RuleResult:
    # Only weights that are multiplied with an input: position tables and scales have no such ordinary size.
    if not _is_matrix(row) or not row["tensor"].endswith("weight") or row["kind"].startswith("Embedding"):
        return None
    gain = row["std"] * math.sqrt(_inputs(row))
    low, high = USUAL_GAIN
    if low <= gain <= high or not gain > 0:
        return None
    word, effect = ("exploded", "blow up") if gain > high else ("vanished", "fade out")
    words = (
        f"standard deviation {row['std']:.3g} over {_inputs(row):,} inputs per filter; signals would {effect} "
        f"about {gain if gain > high else 1 / gain:.0f}-fold unless a normalisation follows. "
        f"It may have {word} in training."
    )
    return "warning", abs(math.log(gain)), words


def _dead_filters(row: _Row) -> _RuleResult:
    dead, filters = row["dead_filters"], row["filters"]
    if not dead or dead == filters or row["kind"].startswith("Embedding"):  # an embedding's padding row is zero
        return None
    words = (
        f"{dead:,} of {filters:,} filters are zero, or a thousand times smaller than the others: they answer nothing."
    )
    return _by_share(dead / filters), dead / filters, words


def _idle_scales(row: _Row) -> _RuleResult:
    if "Norm" not in row["kind"] or row["tensor"].rpartition(".")[2] != "weight" or not _is_finite(row):
        return None
    count = row["count"]
    idle = count if max(abs(row["min"]), abs(row["max"])) < _TINY_SCALE else row["near_zero"]
    if not count or not idle:
        return None
    share = idle / count
    words = f"{idle:,} of {count:,} scales are almost zero; only the bias of their channels comes through."
    return _by_share(share), share, words


def _near_duplicates(row: _Row) -> _RuleResult:
    twins, filters = row["near_duplicate_filters"], row["filters"]
    if not twins or row["min"] == row["max"]:
        return None
    others = filters / row["groups"] - 1
    by_chance = filters * (1 - (1 - _alike_by_chance(_inputs(row))) ** others)
    if twins <= by_chance + 3 * math.sqrt(by_chance):
        return None
    words = f"{twins:,} of {filters:,} filters have a near-duplicate (cosine similarity above 0.99): capacity unused."
    return "note", twins / filters, words


def _alike_by_chance(inputs: int) -> float:
    """The probability that two random directions in so many dimensions have a cosine similarity above TWINS.

    Cai, Fan & Jiang 2013, Journal of Machine Learning Research 14:1837: their angle has a density in proportion to
    sin^(inputs - 2), whose integral is an incomplete beta function.
    """
    return float(betainc((inputs - 1) / 2, 0.5, 1 - TWINS**2)) / 2 if inputs > 1 else 0.5


def _few_shapes(row: _Row) -> _RuleResult:
    # Kernels of a depthwise convolution that are alike are no waste, each has a channel of its own; trained ones come in a
    # few shapes (Babaiee et al. 2024, arXiv:2401.14469). One shape alone says that the layer learnt to do one thing only.
    rank, size = row["kernel_rank"], _inputs(row)
    if not rank < FEW_SHAPES or size < 2 or row["min"] == row["max"]:
        return None
    words = (
        f"its {row['filters']:,} depthwise kernels are nearly one shape (effective rank {rank:.1f} of {size}): every channel is "
        "filtered alike."
    )
    return "note", 1 / rank, words


def _sparse(row: _Row) -> _RuleResult:
    if not _is_matrix(row) or not SPARSE <= row["sparsity"] < 1:
        return None
    words = f"{row['sparsity']:.0%} of its weights are exactly zero, as after pruning."
    return "note", row["sparsity"], words


_RULES: Final[dict[str, Callable[[_Row], _RuleResult]]] = {
    "values that are not finite": _not_finite,
    "weights that are all zero": _all_zero,
    "weights that are all equal": _constant,
    "weights of an unusual size": _out_of_scale,
    "dead filters": _dead_filters,
    "idle channels of a normalisation": _idle_scales,
    "near-duplicate filters": _near_duplicates,
    "depthwise kernels of one shape": _few_shapes,
    "sparse weights": _sparse,
}
"""Every rule by the kind of its findings, the most important first."""


def _unusual_exponents(rows: list[_Row]) -> list[HealthFinding]:
    """One note for all tensors: in an untrained network it would otherwise be a note for each."""
    low, high = USUAL_ALPHA
    fitted = [row for row in rows if row["alpha_tail"] >= _RELIABLE_TAIL]
    outside = [row for row in fitted if not low <= row["alpha"] <= high]
    if not outside:
        return []
    # As a ratio: 1.5 lies as far below 2 as 8 lies above 6.
    farthest = max(outside, key=lambda row: max(low / row["alpha"], row["alpha"] / high))
    sentence = (
        f"{farthest['tensor']}: its power-law exponent is {farthest['alpha']:.1f} (over {farthest['alpha_tail']:,} "
        f"eigenvalues); {len(outside)} of {len(fitted)} tensors with a reliable fit lie outside {low:.0f} to "
        f"{high:.0f}, which Martin, Peng & Mahoney (2021, Nature Communications 12:4122) call usual for well-trained "
        "layers. Random weights lie outside too; by itself it proves nothing."
    )
    return [HealthFinding("note", farthest["tensor"], sentence, "unusual power-law exponents")]


def _is_matrix(row: _Row) -> bool:
    return len(row["shape"]) >= 2 and row["count"] > 0


def _is_finite(row: _Row) -> bool:
    return not row["nan"] + row["inf"]


def _inputs(row: _Row) -> int:
    """Inputs per filter."""
    return int(row["count"]) // max(1, int(row["filters"]))


def _by_share(share: float) -> Level:
    return "warning" if share >= MANY else "note"
