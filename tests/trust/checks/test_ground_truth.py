"""Maps that lie where the evidence is, or beside it, and what the scores are by their definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import explainers as ex
from explainers.trust.ranking import top_mask
from tests.support.attributions import attribution_of, patch_mask, random_map, verdict_of
from tests.support.models.networks import random_inputs, small_model


@pytest.mark.parametrize("truth", [patch_mask(), patch_mask().numpy(), (8, 4, 12, 8)])
def test_truth_is_met_or_missed(truth: Any) -> None:
    names = ["pointing-game", "energy-inside", "truth-overlap", "relevance-rank-accuracy"]
    met = verdict_of(patch_mask()[None].double(), *names, truth=truth)
    missed = verdict_of((~patch_mask())[None].double(), *names, truth=truth)
    assert [finding.value for finding in met.findings] == [1, 1, 1, 1]
    assert [finding.value for finding in missed.findings] == [0, 0, 0, 0]
    assert all(finding.good is True for finding in met.findings)
    assert all(finding.good is False for finding in missed.findings)


def test_truth() -> None:
    model, image, heat, mask = small_model(), random_inputs(1), random_map(8), random_map(9) > 0.8
    verdict = ex.verify(model, image, attribution_of(heat[None], image), "all", truth=mask)
    strongest = set(heat.flatten().argsort(descending=True)[: int(mask.sum())].tolist())
    inside = set(mask.flatten().nonzero().flatten().tolist())
    assert verdict["pointing-game"].value == float(int(heat.argmax()) in inside)
    assert verdict["energy-inside"].value == pytest.approx(
        sum(max(0, v) for i, v in enumerate(heat.flatten().tolist()) if i in inside)
        / sum(max(0, v) for v in heat.flatten().tolist())
    )
    assert verdict["truth-overlap"].value == pytest.approx(len(strongest & inside) / len(strongest | inside))
    assert verdict["relevance-rank-accuracy"].value == pytest.approx(len(strongest & inside) / len(inside))
    assert torch.equal(top_mask(heat, 5).flatten().nonzero().flatten(), heat.flatten().topk(5).indices.sort().values)
