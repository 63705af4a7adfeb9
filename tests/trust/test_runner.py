"""`verify` itself: what it chooses, what it refuses, what it costs, and what it says."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import explainers as ex
from explainers.trust.verdict import highlighted
from tests.support.attributions import SIDE, attribution, patch_mask, random_map
from tests.support.networks import fixed_engine, random_inputs, small_model

CLASS = 1


def made(model: ex.Model, one: torch.Tensor, method: str = "grad-cam", **options: Any) -> ex.Attribution:
    return ex.explain(model, one, method, CLASS, **options)


def test_every_check_says_what_it_is() -> None:
    names = [check.name for check in ex.checks()]
    assert len(names) == len(set(names)) == 15
    for check in ex.checks():
        assert check.citation
        assert check.says.endswith(".")
        assert check.better in ("higher", "lower", None)
        assert check.low is None or check.high is None or check.low < check.high
        assert ex.find_check(check.name) is check


def test_only_what_fits_is_offered() -> None:
    model, one = small_model(), random_inputs(1)

    def offered(m: ex.Model, a: ex.Attribution) -> set[str]:
        return {check.name for check in ex.checks(m, a)}

    cam = offered(model, made(model, one))
    assert "randomisation" in cam
    assert not cam & {"completeness", "seed-stability"}
    assert "completeness" in offered(model, made(model, one, "integrated-gradients"))
    assert "seed-stability" in offered(model, made(model, one, "smoothgrad"))
    unknown = offered(model, attribution(random_map()[None], one))
    assert not unknown & {"randomisation", "max-sensitivity", "input-stability"}
    box = ex.wrap(lambda inputs: inputs.flatten(1)[:, :3], input_shape=(3, SIDE, SIDE))
    assert "randomisation" not in offered(box, made(box, one, "occlusion", patch=4, stride=4))
    vectors = ex.load_model("demo:diabetes-mlp")
    row = ex.explain(vectors, torch.randn(1, 10), "integrated-gradients")
    assert not offered(vectors, row) & {"pointing-game", "road", "input-stability"}
    assert {"deletion", "randomisation", "infidelity"} <= offered(vectors, row)


def test_without_names_the_quick_checks_are_made_and_cost_nothing() -> None:
    model, one = small_model(), random_inputs(1)
    a = made(model, one, "integrated-gradients")
    assert [f.check for f in ex.verify(model, one, a).findings] == ["completeness", "map"]
    found = ex.verify(model, one, a, truth=patch_mask(), others=[made(model, one)])
    assert all(check.quick for check in found.checks)
    assert len(found.findings) == 7
    assert found.cost == ex.Cost()


def test_every_check_of_every_kind_of_map() -> None:
    """All of them, on a CAM, slopes, shares, samples and vectors: finite numbers in their ranges, passes as announced."""
    model, one = small_model(), random_inputs(1)
    vectors, row = ex.load_model("demo:diabetes-mlp"), torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    cases = [
        (model, made(model, one), True),
        (model, made(model, one, "smoothgrad", samples=4), True),
        (model, made(model, one, "integrated-gradients", steps=4), True),
        (model, made(model, one, "rise", samples=30, cells=4), True),
        (model, made(model, one, "lrp-epsilon-plus"), True),
        (vectors, ex.explain(vectors, row, "integrated-gradients"), False),
    ]
    for m, a, is_image in cases:
        others = [replace(a, values=a.values.flip(-1))]
        engine = fixed_engine(16)
        few = {"steps": 3, "orders": 4, "samples": 5}
        truth = patch_mask() if is_image else None
        found = ex.verify(m, a.inputs, a, "all", truth=truth, others=others, engine=engine, **few)
        assert {f.check for f in found.findings} == {c.name for c in ex.checks(m, a)} - (
            set() if is_image else {"pointing-game"}
        )
        table = found.table()
        known = table.dropna(subset=["value"])
        assert len(known) >= len(table) - 2
        assert np.isfinite(known["value"]).all()
        assert (known["value"] >= known["low"].fillna(-np.inf)).all()
        assert (known["value"] <= known["high"].fillna(np.inf)).all()
        expected = ex.estimate_verify(m, a, "all", truth=is_image, others=True, engine=engine, **few)
        spent = ex.Cost(int(table["forward passes"].sum()), int(table["backward passes"].sum()))
        assert (found.cost.forward, found.cost.backward) == (spent.forward, spent.backward)
        # A network of two layers is redrawn in two steps, not in the three announced.
        assert abs(spent.forward - expected.forward) <= 0.15 * expected.forward + 3
        assert abs(spent.backward - expected.backward) <= 0.15 * expected.backward + 3


def test_the_estimate_is_the_pace_of_passes() -> None:
    model = ex.load_model("demo:signs-cnn")
    a = ex.explain(model, ex.sample("scene:1000050").load(), "grad-cam")
    few, many = (ex.estimate_verify(model, a, "deletion", steps=steps) for steps in (5, 50))
    assert (few.forward, many.forward) == (22 * 5 + 1, 22 * 50 + 1)
    assert 0 < few.seconds < many.seconds
    assert ex.estimate_verify(model, a).forward == 0


def test_one_of_several_inputs() -> None:
    model, several = small_model(), random_inputs(3)
    a = ex.explain(model, several, "integrated-gradients", (target := ex.ClassTarget((0, 1, 2))))
    with pytest.raises(ex.VitrineError, match=r"row\(i\)"):
        ex.verify(model, several, a)
    for number in range(3):
        alone = ex.explain(model, several[number : number + 1], "integrated-gradients", target.index[number])
        row = a.row(number)
        assert torch.allclose(row.values, alone.values, atol=1e-5)
        assert row.input_fingerprint == alone.input_fingerprint
        names = ["completeness", "deletion", "max-sensitivity"]
        apart = ex.verify(model, several[number : number + 1], alone, names, steps=4, orders=4)
        found = ex.verify(model, several[number : number + 1], row, names, steps=4, orders=4)
        assert [f.value for f in found.findings] == pytest.approx([f.value for f in apart.findings], abs=1e-3)
    with pytest.raises(ex.VitrineError, match="0 to 2, and no 3"):
        a.row(3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checks": "beauty"}, "no check 'beauty'"),
        ({"checks": ["deletion"], "stepz": 3}, "'stepz'.*steps"),
        ({"checks": ["deletion"], "steps": 0}, "cannot take steps=0"),
        ({"checks": []}, "empty"),
        ({"checks": "pointing-game"}, "give truth"),
        ({"checks": "agreement"}, "give others"),
        ({"checks": "completeness"}, "does not promise"),
        ({"checks": "seed-stability"}, "nothing at random"),
        ({"truth": torch.ones(4, 4, dtype=torch.bool)}, r"\(4, 4\), and the input has 16 x 16"),
        ({"truth": torch.rand(SIDE, SIDE)}, "true and false"),
        ({"truth": torch.zeros(SIDE, SIDE, dtype=torch.bool)}, "nothing, or everything"),
        ({"truth": (4, 4, 2, 8)}, "left, top, right, bottom"),
        ({"image": random_inputs(1, seed=5)}, "explains another input"),
        ({"image": random_inputs(2)}, "2 came"),
        ({"model": small_model(seed=4)}, "another model"),
        ({"attribution": attribution(torch.zeros(1, 7), random_inputs(1))}, r"\(1, 7\), which is no map"),
        ({"others": [attribution(random_map()[None], random_inputs(1, seed=9))]}, "another input"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change: dict[str, Any], words: str) -> None:
    model, one = small_model(), random_inputs(1)
    asked: dict[str, Any] = {"model": model, "image": one, "attribution": made(model, one)} | change
    with pytest.raises(ex.VitrineError, match=words) as caught:
        ex.verify(**asked)
    assert "\n" not in str(caught.value)


def test_it_reports_how_far_it_is_and_stops_when_asked() -> None:
    model, one = small_model(), random_inputs(1)
    a, shares = made(model, one, "smoothgrad", samples=4), []
    names = ["deletion", "randomisation", "seed-stability", "infidelity"]
    ex.verify(model, one, a, names, engine=fixed_engine(4), progress=lambda share, words: shares.append((share, words)))
    done = np.array([share for share, _ in shares])
    assert (np.diff(done) >= -1e-9).all()
    assert shares[-1][0] == 1
    assert {"Deletion", "Model randomisation", "Seed stability", "Infidelity"} <= {words for _, words in shares}
    cancel = threading.Event()

    def stop(share: float, words: str) -> None:
        if words == "Model randomisation":
            cancel.set()

    with pytest.raises(ex.Cancelled):
        ex.verify(model, one, a, names, engine=fixed_engine(4), progress=stop, cancel=cancel)


def test_nothing_global_is_touched_and_the_seed_decides() -> None:
    model, one = small_model(), random_inputs(1)
    a = made(model, one, "smoothgrad", samples=4)
    torch.manual_seed(5)
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in model.network.state_dict().items()}
    found = [ex.verify(model, one, a, "all", seed=seed, steps=3) for seed in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(state[k], v) for k, v in model.network.state_dict().items())
    values = [[f.value for f in verdict.findings] for verdict in found]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert values[0] != pytest.approx(values[2], abs=1e-6)


def test_the_sentence_is_careful_and_says_bad_things_first() -> None:
    model, one = small_model(), random_inputs(1)
    found = ex.verify(model, one, made(model, one), "all", truth=patch_mask())
    assert found.sentence.startswith("The map highlights ")
    assert "because" not in found.sentence
    assert "decided" not in found.sentence
    clauses = found.sentence.rstrip(".").split("; ")[1:]
    order = [next(f.good for f in found.findings if f.clause == clause) for clause in clauses]
    ranks = [{False: 0, True: 1, None: 2}[good] for good in order]
    assert ranks == sorted(ranks)
    broken = ex.verify(model, one, attribution(torch.zeros(1, SIDE, SIDE), one), truth=patch_mask())
    assert broken.sentence == "This is not a map to read: it is blank: every value is zero."


def test_what_is_highlighted() -> None:
    corner = torch.zeros(SIDE, SIDE)
    corner[:4, :4] = 1
    assert highlighted(corner) == "3 % of the picture, around the upper left"
    assert highlighted(torch.ones(SIDE, SIDE)) == "50 % of the picture, not in one small place"
    assert highlighted(patch_mask().double().T).startswith("3 % of the picture")
    assert highlighted(-corner) == "nothing: none of its values is positive"
    assert highlighted(torch.tensor([0.0, 5, 1, 1])) == "1 of 4 features, which hold half of its positive values"


@pytest.mark.parametrize(
    ("spots", "where"),
    [
        ([(1, 1), (13, 13)], "not in one small place"),
        ([(6, 0), (6, 13)], "not in one small place"),
        ([(1, 1), (1, 7), (7, 1), (7, 7)], "not in one small place"),
        ([(1, 1), (3, 3)], "around the upper left"),
        ([(4, 4), (4, 6), (6, 4), (6, 6)], "around the middle"),  # on the corner of four ninths
    ],
)
def test_a_place_is_named_where_something_is(spots: list[tuple[int, int]], where: str) -> None:
    heat = torch.zeros(SIDE, SIDE)
    for row, column in spots:
        heat[row : row + 2, column : column + 2] = 1
    assert highlighted(heat).split(", ", 1)[1] == where


def test_slopes_are_read_by_their_size() -> None:
    model, one = small_model(), random_inputs(1)
    slopes = made(model, one, "gradient")
    plain, by_size, by_sum = (
        ex.verify(model, one, slopes, "pointing-game", truth=patch_mask(), **how).findings[0].details
        for how in ({}, {"reduce": "abs"}, {"reduce": "sum"})
    )
    assert plain == by_size == by_sum, "chance does not depend on the map"
    curves = [
        ex.verify(model, one, slopes, "deletion", **how)["deletion"].value
        for how in ({}, {"reduce": "abs"}, {"reduce": "sum"})
    ]
    assert curves[0] == curves[1] != curves[2]


def test_a_mask_of_the_picture_comes_into_the_inputs_frame() -> None:
    model = ex.load_model("demo:signs-cnn")
    assert model.preprocess is not None
    drawn = np.zeros((200, 300), dtype=np.uint8)
    drawn[50:150, 100:200] = 255  # the middle of the picture
    mask = ex.truth_mask(model, Image.fromarray(drawn))
    seen = np.asarray(model.preprocess.view(Image.fromarray(drawn).convert("RGB")))[..., 0]
    assert mask.shape == model.input_shape[1:]
    assert (mask == (seen >= 128)).all()
    assert mask[48, 48]
    assert not mask[0, 0]
    own = np.zeros(model.input_shape[1:], dtype=bool)
    own[3:9, 4:5] = True
    assert (ex.truth_mask(model, Image.fromarray(own)) == own).all()
