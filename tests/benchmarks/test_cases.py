"""Rows of the table are chosen by part of a name."""

from __future__ import annotations

import torch

from benchmarks.cases import cases
from benchmarks.setting import VIT

CPU = torch.device("cpu")


def test_part_of_a_name_chooses_cases() -> None:
    every = cases("", CPU)
    assert 0 < len(cases(VIT, CPU)) < len(every)
    assert len(cases("grad-cam resnet18 1", CPU)) == 2, "1 and 16 images"
