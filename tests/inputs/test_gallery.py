"""The gallery shows what its titles say, and needs no network."""

from __future__ import annotations

import pickle
import socket

import numpy as np
import pytest

from explainers.core.errors import VitrineError
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SIZE, draw_scene
from explainers.inputs.gallery import SCENES, sample, samples

SHOWN = [s for s in samples() if s.id.startswith("scene:")]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("the gallery reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_every_sample_loads() -> None:
    for shown in samples():
        picture = shown.load()
        assert picture.mode == "RGB"
        assert min(picture.size) >= SIZE
        assert shown.title
        assert shown.credit
        assert sample(shown.id) == shown


def test_ids_and_titles_are_unique() -> None:
    assert len({s.id for s in samples()}) == len({s.title for s in samples()}) == len(samples())


def test_titles_name_the_signs_that_are_there() -> None:
    for shown in SHOWN:
        seed = int(shown.id.removeprefix("scene:").removesuffix("+sticker"))
        scene = draw_scene(seed, sticker=shown.id.endswith("+sticker"))
        title = shown.title.lower().replace("-", " ")
        assert title.startswith(CLASSES[scene.label]), shown
        assert seed >= EVAL_SEEDS_START
        assert ("sticker" in title) == (scene.sticker is not None)
        if "sticker" not in title:
            assert (", with a " in title) == (len(scene.signs) == 2), shown
            assert all(CLASSES[sign.label] in title for sign in scene.signs), shown


def test_every_class_is_shown_and_some_scenes_have_two_signs_or_the_sticker() -> None:
    labels = {draw_scene(int(name.removeprefix("scene:"))).label for name in SCENES if "+" not in name}
    assert labels == set(range(len(CLASSES)))
    assert sum("with a " in s.title for s in SHOWN) >= 3
    assert sum(s.id.endswith("+sticker") for s in SHOWN) >= 2


def test_any_scene_can_be_asked_for() -> None:
    plain, marked = sample("scene:7").load(), sample("scene:7+sticker").load()
    assert np.array_equal(np.asarray(plain), np.asarray(draw_scene(7).image))
    share = (np.asarray(plain) != np.asarray(marked)).any(-1).mean()
    assert 0 < share < 0.1
    assert sample("scene:1000003").title == "Give way"


def test_regions_are_the_pixels_of_the_signs_and_of_the_sticker() -> None:
    scene = draw_scene(1000031, sticker=True)
    regions = sample("scene:1000031+sticker").regions()
    assert list(regions) == ["no entry", "stop", "the sticker"]
    for mask, known in zip(regions.values(), [*(sign.mask for sign in scene.signs), scene.sticker], strict=True):
        assert (mask.mode, mask.size) == ("L", scene.image.size)
        assert known is not None
        assert np.array_equal(np.asarray(mask), np.where(known, 255, 0))
    # The sticker's region is all that laying it changes.
    plain, marked = (np.asarray(sample(name).load()) for name in ("scene:1000031", "scene:1000031+sticker"))
    clear = np.asarray(regions["the sticker"]) == 0
    assert np.array_equal(plain[clear], marked[clear])


def test_scenes_have_regions_and_photographs_have_none() -> None:
    for shown in samples():
        regions = shown.regions()
        assert bool(regions) == shown.id.startswith("scene:")
        assert ("the sticker" in regions) == shown.id.endswith("+sticker")
        assert all(0 < (np.asarray(mask) == 255).mean() < 0.5 for mask in regions.values())


def test_photographs_are_the_real_ones() -> None:
    assert sample("photo:chelsea").load().size == (451, 300)
    assert sample("photo:astronaut").load().size == (512, 512)


@pytest.mark.parametrize(
    "name", ["", "scene:", "scene:-1", "scene:1.5", "scene:1+hat", "scene:²", "photo:dog", "cat.png", "x\n"]
)
def test_unknown_samples_are_refused(name: str) -> None:
    with pytest.raises(VitrineError, match="photo:chelsea"):
        sample(name)


def test_samples_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(sample("scene:7"))) == sample("scene:7")
