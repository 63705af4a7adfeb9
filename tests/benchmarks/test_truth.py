"""Truth: on sign scenes, where the evidence is known, the maps point at it. `make truth` ranks all methods by it."""

from __future__ import annotations

import numpy as np
import pytest

import explainers as ex
from benchmarks.truth import main, pointing, shortcut_scenes, sign_scenes
from explainers.demo.scenes import Scene

SCENES = 60


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return sign_scenes(SCENES)


@pytest.fixture(scope="module")
def stickered() -> list[Scene]:
    return shortcut_scenes(SCENES)


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam"])
def test_the_strongest_point_lies_in_the_sign(method: str, scenes: list[Scene]) -> None:
    model = ex.load_model("demo:signs-cnn")
    result = pointing(model, method, scenes, [scene.signs[0].mask for scene in scenes], "in the sign")
    assert result.hits >= 0.95


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam"])
def test_the_shortcut_is_seen_on_the_sticker(method: str, stickered: list[Scene]) -> None:
    masks = [scene.sticker for scene in stickered if scene.sticker is not None]
    result = pointing(ex.load_model("demo:signs-shortcut"), method, stickered, masks, "on the sticker")
    assert result.hits >= 0.80
    honest = pointing(ex.load_model("demo:signs-cnn"), method, stickered, masks, "on the sticker")
    assert honest.hits <= 0.1, "the network that learnt the sign does not look at the sticker"


def test_a_map_of_noise_does_not_score(scenes: list[Scene]) -> None:
    """The measure can fail: random maps point into the sign about as often as its share of the picture."""
    rng = np.random.default_rng(0)
    share = np.mean([scene.signs[0].mask.mean() for scene in scenes])
    hits = [bool(s.signs[0].mask[tuple(rng.integers(0, 96, 2))]) for s in scenes for _ in range(40)]
    assert abs(np.mean(hits) - share) < 0.03
    assert share < 0.5


def test_methods_are_ranked_network_by_network(capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["gradient", "grad-cam", "rollout", "hires-cam"]
    main(["--scenes", "12", "--methods", *methods, "--models", "demo:signs-cnn", "demo:signs-vit"])
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| demo")]
    assert [row[0] for row in rows] == ["demo:signs-cnn"] * 3 + ["demo:signs-vit"] * 4, "a CNN has no attention"
    assert {row[1] for row in rows[:3]} == {"gradient", "grad-cam", "hires-cam"}
    for part in (rows[:3], rows[3:]):
        hits = [float(row[3].rstrip("%")) for row in part]
        assert hits == sorted(hits, reverse=True)
