"""The sticker's effect, measured: the same scenes with and without it, and what a network answers.

Pictures differ in the sticker's pixels alone, so a change of the answer is caused by them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from explainers.api import predict
from explainers.core.model import Model
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS, draw_scene
from explainers.engine.engine import Engine
from explainers.engine.passes import Progress

SHORTCUT = CLASSES[SHORTCUT_CLASS]
"""The class that `signs-shortcut` learnt to tell by its sticker."""

FRESH = EVAL_SEEDS_START + 900_000  # seeds of scenes that no bundled network was trained on


def fresh_seeds(count: int) -> list[int]:
    """Seeds of `count` scenes of other classes than the shortcut's, never trained on.

    Example:
        >>> import explainers as ex
        >>> seeds = ex.fresh_seeds(3)
        >>> ex.sample(f"scene:{seeds[0]}").load().size
        (96, 96)
    """
    seeds: list[int] = []
    seed = FRESH
    while len(seeds) < count:
        if draw_scene(seed).label != SHORTCUT_CLASS:
            seeds.append(seed)
        seed += 1
    return seeds


def sticker_effect(
    model: Model, seeds: Sequence[int], *, engine: Engine | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """What a network of the sign scenes answers to the same scenes without and with the sticker.

    Args:
        progress: called after every scene with the share done and a few words; may raise to stop.

    Returns:
        A row per scene: seed, sign, without, with sticker (the first answers), changed (bool).

    Example:
        >>> import explainers as ex
        >>> table = ex.sticker_effect(ex.load_model("demo:signs-shortcut"), ex.fresh_seeds(2))
        >>> table.shape, list(table.columns)
        ((2, 5), ['seed', 'sign', 'without', 'with sticker', 'changed'])
        >>> table["with sticker"][0] == ex.SHORTCUT
        True
    """
    rows = []
    for scene_count, seed in enumerate(seeds, 1):
        plain = draw_scene(seed)
        prediction = predict(model, [plain.image, draw_scene(seed, sticker=True).image], engine=engine)
        without, with_sticker = (prediction.top(1, row)[0][0] for row in (0, 1))
        rows.append(
            {
                "seed": seed, "sign": CLASSES[plain.label], "without": without, "with sticker": with_sticker,
                "changed": without != with_sticker,
            }
        )  # fmt: skip
        if progress is not None:
            progress(scene_count / len(seeds), f"{scene_count} of {len(seeds)} scenes")
    return pd.DataFrame(rows, columns=["seed", "sign", "without", "with sticker", "changed"])
