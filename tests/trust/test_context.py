"""How a check sees a map."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.trust.context import CheckContext, heatmap_of
from tests.support.attributions import explained, patch_mask
from tests.support.models.networks import fixed_engine, random_inputs, small_model


def test_slopes_are_read_by_their_size() -> None:
    model, image = small_model(), random_inputs(1)
    slopes = explained(model, image, "gradient")
    plain, by_size, by_sum = (
        ex.verify(model, image, slopes, "pointing-game", truth=patch_mask(), **how).findings[0].details
        for how in ({}, {"reduce": "abs"}, {"reduce": "sum"})
    )
    assert plain == by_size == by_sum, "chance does not depend on the map"
    curves = [
        ex.verify(model, image, slopes, "deletion", **how)["deletion"].value
        for how in ({}, {"reduce": "abs"}, {"reduce": "sum"})
    ]
    assert curves[0] == curves[1] != curves[2]


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
def test_changed_inputs_are_explained_as_if_each_had_come_alone(method: str) -> None:
    model, images, done = small_model(), random_inputs(3), []
    attribution = explained(model, images[:1], method)
    context = CheckContext(model, attribution, fixed_engine(16), progress=done.append)
    alone = [explained(model, image[None], method) for image in images]
    heats, values = context.rerun_each(images), context.rerun_values(images)
    assert heats.dtype == values.dtype == torch.float64
    assert torch.allclose(heats, torch.stack([heatmap_of(row) for row in alone]), atol=1e-5)
    assert torch.allclose(values, torch.cat([row.values.double() for row in alone]), atol=1e-5)
    assert context.cost.forward == 2 * sum(row.cost.forward for row in alone)
    assert done == sorted(done)
    assert done[-1] == 1
