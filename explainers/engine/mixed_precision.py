"""Scores in half the bits: up to four times as fast where the hardware has them, and used only where they say the same."""

from __future__ import annotations

import enum

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.options import Options

TRIED = 8  # variants that are scored both ways before half the bits are trusted with the others
WORTH_TRYING = 8 * TRIED


# Correlation of those scores, at least: then rounding is no more than a hundredth of their variance. Ranks would say less:
# most variants of an input have nearly the same score, and any rounding shuffles those.
ALIKE = 0.995


class Precision(enum.StrEnum):
    """The bits that scores are computed in."""

    FLOAT32 = "float32"
    MIXED = "mixed"


class ScoredOptions(Options):
    """Options of methods that read the scores of many variants of an input."""

    precision: Precision = Field(
        Precision.FLOAT32,
        description="mixed: scores in half the bits (bfloat16), where that is faster and the first of them agree with float32.",
    )


def half_dtype(device: torch.device) -> torch.dtype:
    """The 16-bit type that a device computes in: bfloat16, which has the range of float32, unless a GPU is too old for it."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def at_least_float32(values: Tensor) -> Tensor:
    """The same values in no fewer bits than float32 has."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def scores_agree(a: Tensor, b: Tensor) -> bool:
    """Whether two ways to compute the same scores (M,) agree; never where one is constant or not finite."""
    return bool(torch.corrcoef(torch.stack([a, b]).cpu().double())[0, 1] >= ALIKE)
