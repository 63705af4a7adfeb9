"""The registry of checks: what each says of itself, and what is offered for a map."""

from __future__ import annotations

import torch

import explainers as ex
from tests.support.attributions import SIDE, attribution_of, explained, random_map
from tests.support.models.networks import random_inputs, small_model


def test_every_check_says_what_it_is() -> None:
    names = [check.name for check in ex.checks()]
    assert len(names) == len(set(names)) == 18
    for check in ex.checks():
        assert check.citation
        assert check.says.endswith(".")
        assert check.better in ("higher", "lower", None)
        assert check.low is None or check.high is None or check.low < check.high
        assert ex.find_check(check.name) is check


def test_only_what_fits_is_offered() -> None:
    model, image = small_model(), random_inputs(1)

    def offered(m: ex.Model, attribution: ex.Attribution) -> set[str]:
        return {check.name for check in ex.checks(m, attribution)}

    cam = offered(model, explained(model, image))
    assert "randomisation" in cam
    assert not cam & {"completeness", "seed-stability"}
    assert "completeness" in offered(model, explained(model, image, "integrated-gradients"))
    assert "seed-stability" in offered(model, explained(model, image, "smoothgrad"))
    unknown = offered(model, attribution_of(random_map()[None], image))
    assert not unknown & {"randomisation", "max-sensitivity", "input-stability"}
    box = ex.wrap(lambda inputs: inputs.flatten(1)[:, :3], input_shape=(3, SIDE, SIDE))
    assert "randomisation" not in offered(box, explained(box, image, "occlusion", patch=4, stride=4))
    vectors = ex.load_model("demo:diabetes-mlp")
    row = ex.explain(vectors, torch.randn(1, 10), "integrated-gradients")
    assert not offered(vectors, row) & {"pointing-game", "road", "input-stability"}
    assert {"deletion", "randomisation", "infidelity"} <= offered(vectors, row)
