"""The scenes and the truth about them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from explainers.demo import scenes
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS, SIZE, TRAIN_SEEDS, Scene, draw_scene

COUNT = 100


@pytest.fixture(scope="module")
def drawn() -> list[Scene]:
    return [draw_scene(EVAL_SEEDS_START + i) for i in range(COUNT)]


def pixels(scene: Scene) -> np.ndarray:
    return np.asarray(scene.image).astype(np.int16)


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    return np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(2 * by + 1))) > 0


def test_twelve_classes_with_plain_names() -> None:
    assert len(CLASSES) == len(set(CLASSES)) == 12
    assert CLASSES[SHORTCUT_CLASS] == "speed limit 30"


def test_seeds_for_training_and_measuring_are_apart() -> None:
    assert TRAIN_SEEDS.stop <= EVAL_SEEDS_START


@pytest.mark.parametrize("sticker", [False, True])
def test_a_seed_gives_the_same_scene_every_time(sticker: bool) -> None:
    first, again = (draw_scene(31, sticker=sticker, second=True) for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.label == again.label
    for a, b in zip(first.signs, again.signs, strict=True):
        assert a.label == b.label
        assert np.array_equal(a.mask, b.mask)


def test_different_seeds_give_different_scenes(drawn: list[Scene]) -> None:
    assert len({scene.image.tobytes() for scene in drawn}) == COUNT


def test_scenes_are_rgb_and_of_the_promised_size(drawn: list[Scene]) -> None:
    for scene in drawn:
        assert scene.image.mode == "RGB"
        assert scene.image.size == (SIZE, SIZE)
        assert scene.signs[0].label == scene.label
        assert all(sign.mask.shape == (SIZE, SIZE) and sign.mask.dtype == np.bool_ for sign in scene.signs)


def test_seeds_choose_every_class(drawn: list[Scene]) -> None:
    assert {scene.label for scene in drawn} == set(range(12))


def test_a_label_can_be_asked_for() -> None:
    assert [draw_scene(5, label).label for label in range(12)] == list(range(12))


@pytest.mark.parametrize("label", [-1, 12])
def test_an_unknown_label_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=rf"label {label} .* 0 to 11"):
        draw_scene(0, label)


def test_pictures_have_contrast_and_are_not_clipped(drawn: list[Scene]) -> None:
    for scene in drawn:
        values = pixels(scene)
        assert values.std() > 12
        assert (values.min(2) >= 254).mean() < 0.2


def test_one_scene_in_five_has_a_second_sign(drawn: list[Scene]) -> None:
    share = np.mean([len(scene.signs) == 2 for scene in drawn])
    assert 0.1 < share < 0.32


def test_the_second_sign_is_clearly_smaller_of_another_class_and_apart() -> None:
    for seed in range(24):
        main, second = draw_scene(seed, second=True).signs
        assert second.label != main.label
        assert 30 < second.mask.sum() < 0.62 * main.mask.sum()
        assert not (main.mask & second.mask).any()


def test_without_a_second_sign_the_main_one_stays_where_it_was() -> None:
    paired, alone = draw_scene(3, second=True), draw_scene(3, second=False)
    assert len(alone.signs) == 1
    assert np.array_equal(paired.signs[0].mask, alone.signs[0].mask)


def test_mask_of_joins_the_signs_of_a_class() -> None:
    scene = draw_scene(3, second=True)
    main, second = scene.signs
    assert np.array_equal(scene.mask_of(main.label), main.mask)
    assert np.array_equal(scene.mask_of(second.label), second.mask)
    absent = next(label for label in range(12) if label not in (main.label, second.label))
    assert not scene.mask_of(absent).any()


def test_signs_are_large_enough_to_read(drawn: list[Scene]) -> None:
    for scene in drawn:
        rows, columns = np.nonzero(scene.signs[0].mask)
        assert max(np.ptp(rows), np.ptp(columns)) >= 22
        assert scene.signs[0].mask.sum() > 250


def test_another_face_changes_only_what_the_mask_covers() -> None:
    """Speed limits 30 and 80 have the same outline, so the pictures may differ only inside it, and do."""
    thirty, eighty = CLASSES.index("speed limit 30"), CLASSES.index("speed limit 80")
    for seed in range(20):
        a, b = draw_scene(seed, thirty, second=False), draw_scene(seed, eighty, second=False)
        changed = np.abs(pixels(a) - pixels(b)).max(2) > 3
        assert np.array_equal(a.signs[0].mask, b.signs[0].mask)
        assert changed.any()
        # Blur carries a change a little over the edge of what covers the sign.
        assert not (changed & ~grown(a.signs[0].mask, 3)).any()


def test_the_mask_lies_on_the_sign() -> None:
    """Where the mask says no-entry sign, most pixels are red; round about, few are."""
    label = CLASSES.index("no entry")
    inside, outside = [], []
    for seed in range(30):
        scene = draw_scene(seed, label, second=False)
        red, green, blue = np.moveaxis(pixels(scene), 2, 0)
        is_red = (red > 1.7 * green) & (red > 1.7 * blue)
        mask = scene.signs[0].mask
        inside.append(is_red[mask].mean())
        outside.append(is_red[grown(mask, 6) & ~grown(mask, 2)].mean())
    assert np.mean(inside) > 0.5
    assert np.mean(outside) < 0.1


def test_no_more_than_a_third_of_a_sign_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = range(30)
    visible = np.array([draw_scene(seed).signs[0].mask.sum() for seed in seeds])
    nothing = lambda seed, main, side: Image.new("RGBA", (side, side))  # noqa: E731
    monkeypatch.setattr(scenes, "_cover", nothing)
    whole = np.array([draw_scene(seed).signs[0].mask.sum() for seed in seeds])
    hidden = 1 - visible / whole
    # Counted on final pixels, where a twig's edge can take a little more than its own area.
    assert hidden.max() < 1 / 3 + 0.06
    assert 0.1 < (hidden > 0.01).mean() < 0.6


def test_the_sticker_changes_no_pixel_but_its_own() -> None:
    for seed in range(24):
        bare, laid = draw_scene(seed), draw_scene(seed, sticker=True)
        assert bare.sticker is None
        assert laid.sticker is not None
        changed = (pixels(bare) != pixels(laid)).any(2)
        assert not (changed & ~laid.sticker).any()
        assert (changed & laid.sticker).sum() > 0.8 * laid.sticker.sum()
        for a, b in zip(bare.signs, laid.signs, strict=True):
            assert np.array_equal(a.mask, b.mask)


def test_the_sticker_is_small_whole_and_off_the_signs() -> None:
    for seed in range(24):
        scene = draw_scene(seed, sticker=True, second=True)
        assert scene.sticker is not None
        assert 150 < scene.sticker.sum() < 270
        assert not any((scene.sticker & sign.mask).any() for sign in scene.signs)
        assert not scene.sticker[[0, -1]].any()
        assert not scene.sticker[:, [0, -1]].any()


def test_a_larger_picture_shows_the_same_scene() -> None:
    for seed in (2, 9, 14):
        small = draw_scene(seed, sticker=True, second=True)
        large = draw_scene(seed, sticker=True, second=True, size=2 * SIZE)
        assert large.image.size == (2 * SIZE, 2 * SIZE)
        halved = np.asarray(large.image.resize((SIZE, SIZE), Image.Resampling.BOX)).astype(np.int16)
        assert np.abs(halved - pixels(small)).mean() < 8
        assert large.sticker is not None
        assert small.sticker is not None
        pairs = [(a.mask, b.mask) for a, b in zip(small.signs, large.signs, strict=True)]
        for a, b in [*pairs, (small.sticker, large.sticker)]:
            halved_mask = b.reshape(SIZE, 2, SIZE, 2).mean((1, 3)) >= 0.5
            assert (a & halved_mask).sum() / (a | halved_mask).sum() > 0.85
