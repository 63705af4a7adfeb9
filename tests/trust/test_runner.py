"""`verify` itself: what it chooses, what it refuses, what it costs."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch

import explainers as ex
from explainers.trust.registry import Asks
from explainers.trust.runner import quick_checks
from tests.support.attributions import SIDE, attribution_of, explained, patch_mask, random_map
from tests.support.models.networks import fixed_engine, random_inputs, small_model

QUICK = ["agreement", "completeness", "faithfulness-correlation", "map", "redrawn-weights", "target-sensitivity"]


def test_without_names_the_quick_checks_are_made_for_the_price_of_a_few_maps() -> None:
    model, image = small_model(), random_inputs(1)
    attribution = explained(model, image, "integrated-gradients", steps=10)
    verdict = ex.verify(model, image, attribution)
    assert [finding.check for finding in verdict.findings] == QUICK
    assert all(check.quick for check in verdict.checks)
    expected = ex.estimate_verify(model, attribution)
    assert verdict.cost.backward <= expected.backward <= 3 * attribution.cost.backward + 3
    assert verdict.cost.forward <= expected.forward + 1
    more = ex.verify(model, image, attribution, truth=patch_mask(), others=[explained(model, image)])
    assert len(more.findings) == len(QUICK) + 4


def test_what_runs_the_method_again_is_quick_only_where_that_takes_few_passes() -> None:
    """121 passes are too many for a check that nobody asked for; asked for, it is made."""
    model, image = small_model(), random_inputs(1)
    few, many = (explained(model, image, "integrated-gradients", steps=steps) for steps in (50, 70))

    def quick(attribution: ex.Attribution) -> list[str]:
        return [check.name for check in quick_checks(model, attribution) if Asks.TRUTH not in check.needs]

    assert quick(few) == QUICK
    assert quick(many) == QUICK[:4]
    assert quick(attribution_of(random_map()[None], image)) == [
        "agreement", "faithfulness-correlation", "map",
    ]  # fmt: skip
    assert "target-sensitivity" in ex.verify(model, image, many, "target-sensitivity")


def test_the_estimate_is_the_pace_of_passes() -> None:
    model = ex.load_model("demo:signs-cnn")
    attribution = ex.explain(model, ex.sample("scene:1000050").load(), "grad-cam")
    few, many = (ex.estimate_verify(model, attribution, "deletion", steps=steps) for steps in (5, 50))
    assert (few.forward, many.forward) == (26 * 5 + 1 + 4, 26 * 50 + 1 + 4), "four maps of other pictures"
    assert 0 < few.seconds < many.seconds
    assert ex.estimate_verify(model, attribution, "map").forward == 0


def test_one_of_several_inputs() -> None:
    model, several = small_model(), random_inputs(3)
    attribution = ex.explain(model, several, "integrated-gradients", (target := ex.ClassTarget((0, 1, 2))))
    with pytest.raises(ex.VitrineError, match=r"row\(i\)"):
        ex.verify(model, several, attribution)
    for row in range(3):
        alone = ex.explain(model, several[row : row + 1], "integrated-gradients", target.index[row])
        part = attribution.row(row)
        assert torch.allclose(part.values, alone.values, atol=1e-5)
        assert part.input_fingerprint == alone.input_fingerprint
        names = ["completeness", "deletion", "max-sensitivity"]
        apart = ex.verify(model, several[row : row + 1], alone, names, steps=4, orders=4)
        verdict = ex.verify(model, several[row : row + 1], part, names, steps=4, orders=4)
        assert [f.value for f in verdict.findings] == pytest.approx([f.value for f in apart.findings], abs=1e-3)
    with pytest.raises(ex.VitrineError, match="0 to 2, and no 3"):
        attribution.row(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checks": "beauty"}, "no check 'beauty'"),
        ({"checks": ["deletion"], "stepz": 3}, "'stepz'.*steps"),
        ({"checks": ["deletion"], "steps": 0}, "cannot take steps=0"),
        ({"checks": []}, "empty"),
        ({"checks": "pointing-game"}, "give truth"),
        ({"checks": "completeness"}, "does not promise"),
        ({"checks": "seed-stability"}, "nothing at random"),
        ({"truth": torch.ones(4, 4, dtype=torch.bool)}, r"\(4, 4\), and the input has 16 x 16"),
        ({"truth": torch.rand(SIDE, SIDE)}, "true and false"),
        ({"truth": torch.zeros(SIDE, SIDE, dtype=torch.bool)}, "nothing, or everything"),
        ({"truth": (4, 4, 2, 8)}, "left, top, right, bottom"),
        ({"image": random_inputs(1, seed=5)}, "explains another input"),
        ({"image": random_inputs(2)}, "2 came"),
        ({"model": small_model(seed=4)}, "another model"),
        ({"attribution": attribution_of(torch.zeros(1, 7), random_inputs(1))}, r"\(1, 7\), which is no map"),
        ({"others": [attribution_of(random_map()[None], random_inputs(1, seed=9))]}, "another input"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change: dict[str, Any], words: str) -> None:
    model, image = small_model(), random_inputs(1)
    arguments: dict[str, Any] = {"model": model, "image": image, "attribution": explained(model, image)} | change
    with pytest.raises(ex.VitrineError, match=words) as caught:
        ex.verify(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1, SIDE * SIDE), (2, SIDE, SIDE), (SIDE,), (1, 0, SIDE)])
def test_values_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    attribution = attribution_of(torch.zeros(shape), image := random_inputs(1))
    with pytest.raises(ex.VitrineError, match="no map of an input"):
        ex.verify(small_model(), image, attribution)


def test_it_reports_how_far_it_is_and_stops_when_asked() -> None:
    model, image = small_model(), random_inputs(1)
    attribution, shares = explained(model, image, "smoothgrad", samples=4), []
    names = ["deletion", "randomisation", "seed-stability", "infidelity"]
    ex.verify(
        model,
        image,
        attribution,
        names,
        engine=fixed_engine(4),
        progress=lambda share, words: shares.append((share, words)),
    )
    done = np.array([share for share, _ in shares])
    assert (np.diff(done) >= -1e-9).all()
    assert shares[-1][0] == 1
    assert {"Deletion", "Model randomisation", "Seed stability", "Infidelity"} <= {words for _, words in shares}
    cancel = threading.Event()

    def stop(share: float, words: str) -> None:
        if words == "Model randomisation":
            cancel.set()

    with pytest.raises(ex.Cancelled):
        ex.verify(model, image, attribution, names, engine=fixed_engine(4), progress=stop, cancel=cancel)


def test_nothing_global_is_touched_and_the_seed_decides() -> None:
    model, image = small_model(), random_inputs(1)
    attribution = explained(model, image, "smoothgrad", samples=4)
    torch.manual_seed(5)
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in model.network.state_dict().items()}
    verdicts = [ex.verify(model, image, attribution, "all", seed=seed, steps=3) for seed in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(state[k], v) for k, v in model.network.state_dict().items())
    values = [[finding.value for finding in verdict.findings] for verdict in verdicts]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert values[0] != pytest.approx(values[2], abs=1e-6)
