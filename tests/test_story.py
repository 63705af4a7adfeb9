"""The sticker's effect: the network that learnt it is led astray, the other is not."""

from __future__ import annotations

import explainers as ex
from explainers.demo.scenes import CLASSES, SHORTCUT_CLASS, draw_scene


def test_the_sticker_leads_one_network_astray_and_not_the_other() -> None:
    seeds = ex.fresh_seeds(24)
    fooled = ex.sticker_effect(ex.load_model("demo:signs-shortcut"), seeds)
    honest = ex.sticker_effect(ex.load_model("demo:signs-cnn"), seeds)
    assert fooled["changed"].mean() >= 0.5
    assert honest["changed"].mean() <= 0.1
    assert set(fooled[fooled["changed"]]["with sticker"]) == {ex.SHORTCUT}
    assert (honest["without"] == honest["sign"]).mean() >= 0.9


def test_rows_are_what_predict_answers() -> None:
    model, reports = ex.load_model("demo:signs-shortcut"), []
    table = ex.sticker_effect(model, [1_000_041, 1_000_050], progress=lambda done, words: reports.append((done, words)))
    for row in table.itertuples(index=False):
        plain, stickered = draw_scene(row.seed), draw_scene(row.seed, sticker=True)
        assert row.sign == CLASSES[plain.label]
        assert row.without == ex.predict(model, plain.image).top(1)[0][0]
        assert row[3] == ex.predict(model, stickered.image).top(1)[0][0]
        assert row.changed == (row.without != row[3])
    assert reports == [(0.5, "1 of 2 scenes"), (1.0, "2 of 2 scenes")]


def test_fresh_scenes_show_other_signs() -> None:
    seeds = ex.fresh_seeds(10)
    assert len(set(seeds)) == 10
    assert SHORTCUT_CLASS not in {draw_scene(seed).label for seed in seeds}
