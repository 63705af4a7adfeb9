"""What the guided story shows: one scene with and without its sticker, and two networks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.charts.attribution import top_k_chart
from pages.common.app.caches import model_cache, result_cache
from pages.common.app.selection import Selection, predicted
from pages.common.result.pictures import original, picture
from pages.common.result.view import View
from pages.common.run.explain import explain_with_progress
from pages.common.run.long_work import result_of
from pages.common.run.snippets import script

FOOLED, HONEST = "demo:signs-shortcut", "demo:signs-cnn"
METHODS = ["grad-cam", "integrated-gradients", "occlusion", "lrp-epsilon-plus-flat"]
WIDTH = 280  # px
STICKER = "the sticker"
SCENES = 24


def scene(spec: str, name: str) -> Selection:
    """A network and a scene, to be explained for the network's own first answer."""
    model = model_cache().get((spec, None), lambda: ex.load_model(spec))
    image = result_cache().get(("sample", name), ex.sample(name).load)
    code = f'model = ex.load_model("{spec}")'
    return Selection(model, image, None, code, f'image = ex.sample("{name}").load()', "", (model.fingerprint, name, ""))


def signs(name: str) -> list[str]:
    """The classes of the signs in a scene, the main one first."""
    return [part for part in scene(HONEST, name).regions() if part != STICKER]


def show_answer(selection: Selection, heading: str) -> str:
    """The picture, and the five most probable answers; returns the first."""
    answer = predicted(selection.model, selection.image, selection.key[1])
    top = answer.top(5)
    st.markdown(f"**{heading}**")
    original(selection)
    st.markdown(f"First answer: **{top[0][0]}**, with a probability of **{top[0][2]:.1%}**.")
    st.altair_chart(
        top_k_chart([label for label, _, _ in top], [share for _, _, share in top], highlighted=0, title=""),
        alt=f"{heading}: probabilities of the five most probable classes",
    )
    return top[0][0]


def show_maps(selection: Selection) -> pd.DataFrame:
    """The maps of four families; returns how much of each lies on the sticker and on the signs, and the same of the picture."""
    maps = {name: explain_with_progress(selection, ex.find_method(name), {}) for name in METHODS}
    for column, (name, attribution) in zip(st.columns(len(METHODS)), maps.items(), strict=True):
        with column:
            method = ex.find_method(name)
            picture(
                selection,
                attribution,
                View(),
                f"{method.title}: the map highlights what raises the score. Numbers: {method.unit}.",
                width=WIDTH,
            )
    masks = {STICKER: selection.regions()[STICKER]}
    masks["the sign"] = selection.regions()[signs(selection.key[1])[0]]
    rows: list[dict[str, Any]] = []
    for place, mask in masks.items():
        known = ex.truth_mask(selection.model, mask)
        rows.append({"map": "by chance", "place": place, "share": float(known.mean())})
        for name, attribution in maps.items():
            verdict = result_cache().get(
                ("story", *selection.key, name, place),
                lambda a=attribution, k=known: ex.verify(selection.model, selection.image, a, "energy-inside", truth=k),
            )
            rows.append({"map": ex.find_method(name).title, "place": place, "share": verdict["energy-inside"].value})
    return pd.DataFrame(rows)


def effect(spec: str) -> pd.DataFrame:
    """`ex.sticker_effect` on fresh scenes."""
    selection = scene(spec, f"scene:{ex.fresh_seeds(1)[0]}")
    model = selection.model
    return result_of(
        f"The sticker's effect on {spec}",
        ("sticker effect", model.fingerprint),
        lambda bar: ex.sticker_effect(model, ex.fresh_seeds(SCENES), progress=bar),
    )


CODE_OF_STEPS = {
    1: 'print(ex.predict(model, image).top(5))',
    2: 'for method in {methods}:\n    a = ex.explain(model, image, method)\n'
    '    truth = ex.truth_mask(model, ex.sample("{scene}").regions()["the sticker"])\n'
    '    print(method, ex.verify(model, image, a, "energy-inside", truth=truth).sentence)',
    3: 'without = ex.sample("{plain}").load()\nprint(ex.predict(model, without).top(5))\n'
    "print(ex.sticker_effect(model, ex.fresh_seeds({count})))",
}  # fmt: skip


def step_code(selection: Selection, step: int) -> str:
    """The Python behind a step, from 1."""
    name = selection.key[1]
    text = CODE_OF_STEPS[step].format(methods=METHODS, scene=name, plain=name.removesuffix("+sticker"), count=SCENES)
    return script(selection.model_code, selection.image_code, text)
