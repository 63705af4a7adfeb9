"""What is no map is said, and why."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import explainers as ex
from tests.support.attributions import SIDE, patch_mask, verdict_of


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (torch.zeros(1, SIDE, SIDE), "blank"),
        (torch.full((1, SIDE, SIDE), 3.0), "constant"),
        (torch.full((1, SIDE, SIDE), float("nan")), "not numbers"),
        (torch.where(patch_mask(), float("inf"), 1.0)[None], "not numbers"),
        ((~patch_mask())[None].double() * 7, "saturated"),
    ],
)
def test_what_is_no_map_is_said(values: Tensor, words: str) -> None:
    verdict = verdict_of(values, "map")
    assert verdict["map"].value == 0
    assert verdict["map"].good is False
    assert words in verdict.sentence
    assert verdict.cost == ex.Cost()
