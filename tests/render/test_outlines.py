"""Outlines of segments, drawn over the picture."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

import explainers as ex
from explainers.render.outlines import outlined


def test_outlines_stand_where_regions_meet() -> None:
    picture = ex.sample(ex.samples()[0].id).load().resize((80, 40))
    regions = F.one_hot(torch.tensor([0, 1]), 2)[:, 1][None].expand(1, 2).numpy()
    drawn = np.asarray(outlined(picture, regions)).astype(int)
    changed = np.abs(drawn - np.asarray(picture.convert("RGB")).astype(int)).sum((0, 2)) > 0
    assert changed[38:42].any()
    assert not changed[:36].any()
    assert not changed[44:].any()
