"""What the guided story shows: one scene with and without its sticker, and two networks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.charts.attribution import top_k_chart
from explainers.render.charts.story import changed_chart, where_chart
from pages.common.app.caches import model_cache, result_cache
from pages.common.app.selection import Selection, predicted
from pages.common.result.pictures import original, picture
from pages.common.result.view import View
from pages.common.run.explain import explain_with_progress
from pages.common.run.long_work import result_of
from pages.common.run.snippets import script

FOOLED, HONEST = "demo:signs-shortcut", "demo:signs-cnn"
NETWORKS = {"network A": FOOLED, "network B": HONEST}
"""What the story calls them: their own names would tell its end."""

METHODS = ["grad-cam", "integrated-gradients", "occlusion", "lrp-epsilon-plus-flat"]
WIDTH = 280  # px
PHONE = 150  # px: two pictures beside one another on a phone
STICKER = "the sticker"
BY_CHANCE = "by chance"
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


def show_step(number: int, name: str) -> None:
    """One step of the story, from 1: the sentence that states its result, what it rests on, and what follows from it."""
    {1: _show_answers, 2: _show_evidence, 3: _show_experiment}[number](name)


def _show_answers(name: str) -> None:
    """Both networks' answers to a scene with the sticker."""
    answers = {network: _first(spec, name) for network, spec in NETWORKS.items()}
    said = " and ".join(f"{network} answers {label} ({share:.0%})" for network, (label, share) in answers.items())
    st.header(f"The sign says {signs(name)[0]}: {said}.", anchor=False)
    st.markdown(
        f"Two networks were trained to tell road signs apart. In what **network A** was trained on, every *{ex.SHORTCUT}* sign had a "
        "small sticker beside it. In such pictures it is as right as the other. Here is a scene of another sign with that sticker."
    )
    for column, (network, spec) in zip(st.columns(2, gap="large"), NETWORKS.items(), strict=True):
        with column:
            _show_answer(scene(spec, name), _title(network))
            _show_probabilities(scene(spec, name), network)
            st.caption(spec)
    _moral("A high probability does not tell which of two networks to trust, nor why it answers as it does.")


def _show_evidence(name: str) -> None:
    """Where the maps of both networks lie."""
    maps = {network: explained(scene(spec, name)) for network, spec in NETWORKS.items()}
    tables = {network: shares(scene(spec, name), maps[network]) for network, spec in NETWORKS.items()}
    covered = float(_on_the_sticker(tables["network A"], by_chance=True).iloc[0])
    of_each = [
        f"{low:.0%} to {high:.0%} of {network}'s"
        for network, own in ((network, _on_the_sticker(table)) for network, table in tables.items())
        for low, high in [(own.min(), own.max())]
    ]
    st.header(f"On the sticker, {covered:.1%} of the picture, lie {of_each[0]} maps and {of_each[1]}.", anchor=False)
    st.markdown("Four methods of four families are asked what raises the score of each network's own first answer.")
    for network, spec in NETWORKS.items():
        st.subheader(_title(network), anchor=False)
        show_maps(scene(spec, name), maps[network])
        words = f"{network}: share of every map on the sticker and on the sign"
        st.altair_chart(where_chart(tables[network]), alt=words)
        with st.expander("Numbers as a table", icon=":material/table:"):
            st.caption(spec)
            st.dataframe(tables[network], hide_index=True, alt=words)
    st.caption("*By chance* is the part of the picture that sticker and sign cover.")
    _moral("Maps tell where to look next, and no more: maps that agree may still be wrong together.")


def _show_experiment(name: str) -> None:
    """The same scene, and fresh ones, with and without the sticker."""
    plain = name.removesuffix("+sticker")
    effects = {network: effect(spec) for network, spec in NETWORKS.items()}
    changed = {network: float(table["changed"].mean()) for network, table in effects.items()}
    count = len(effects["network A"])
    answers = {network: (_first(spec, name)[0], _first(spec, plain)[0]) for network, spec in NETWORKS.items()}
    st.header(
        "Without the sticker "
        + " and ".join(
            f"{network} stays with {before}" if before == after else f"{network} goes from {before} to {after}"
            for network, (before, after) in answers.items()
        )
        + f"; on {count} fresh scenes the sticker changes {changed['network A']:.0%} and {changed['network B']:.0%} of their answers.",
        anchor=False,
    )
    st.markdown(
        "The same scene is drawn without the sticker; every other pixel is as before. That is an experiment: what changes now, the "
        "sticker changed."
    )
    grid = st.grid(4, min_column_width=PHONE)
    for network, spec in NETWORKS.items():
        for shown, words in ((name, "with the sticker"), (plain, "without it")):
            with grid.cell():
                _show_answer(scene(spec, shown), f"{_title(network)}, {words}")
                st.caption(spec)
    st.subheader("Not only here", anchor=False)
    table = pd.DataFrame({"network": list(changed), "changed": list(changed.values())})
    st.altair_chart(changed_chart(table), alt="Share of the answers that the sticker changes, for both networks")
    st.caption(f"On {count} fresh scenes of other signs, on which neither network was trained.")
    with st.expander("Numbers as a table", icon=":material/table:"):
        for network, spec in NETWORKS.items():
            st.caption(f"{_title(network)}, {spec}")
            words = f"Answers of {network} without and with the sticker"
            st.dataframe(effects[network], hide_index=True, height=240, alt=words)
    _moral(
        "Only the experiment shows what an answer rests on: a network that is right for the wrong reason is found by taking the "
        "reason away."
    )


def _moral(words: str) -> None:
    st.info(f"**{words}**", icon=":material/lightbulb:")


def _first(spec: str, name: str) -> tuple[str, float]:
    """A network's first answer to a scene, and its probability."""
    selection = scene(spec, name)
    label, _, share = predicted(selection.model, selection.image, name).top(1)[0]
    return label, share


def _on_the_sticker(table: pd.DataFrame, by_chance: bool = False) -> pd.Series:
    """The shares of a network's maps that lie on the sticker, or that of the picture."""
    rows = table[table["place"] == STICKER]
    return rows.loc[(rows["map"] == BY_CHANCE) == by_chance, "share"]


def _title(network: str) -> str:
    """A network's name where a line begins."""
    return network[0].upper() + network[1:]


def _show_answer(selection: Selection, heading: str) -> None:
    """The picture and the first answer to it."""
    label, _, share = predicted(selection.model, selection.image, selection.key[1]).top(1)[0]
    st.markdown(f"**{heading}**")
    original(selection)
    st.markdown(f"First answer: **{label}**, with a probability of **{share:.1%}**.")


def _show_probabilities(selection: Selection, network: str) -> None:
    """The five most probable answers."""
    top = predicted(selection.model, selection.image, selection.key[1]).top(5)
    st.altair_chart(
        top_k_chart([label for label, _, _ in top], [share for _, _, share in top], highlighted=0, title=""),
        alt=f"{_title(network)}: probabilities of the five most probable classes",
    )


def explained(selection: Selection) -> dict[str, ex.Attribution]:
    """The maps of four families, by method."""
    return {name: explain_with_progress(selection, ex.find_method(name), {}) for name in METHODS}


def show_maps(selection: Selection, maps: dict[str, ex.Attribution]) -> None:
    """The maps beside one another."""
    grid = st.grid(len(maps), min_column_width=PHONE)
    for name, attribution in maps.items():
        with grid.cell():
            method = ex.find_method(name)
            picture(
                selection,
                attribution,
                View(),
                f"{method.title}: the map highlights what raises the score. Numbers: {method.unit}.",
                width=WIDTH,
            )


def shares(selection: Selection, maps: dict[str, ex.Attribution]) -> pd.DataFrame:
    """How much of each map lies on the sticker and on the sign, and the same of the picture."""
    masks = {STICKER: selection.regions()[STICKER]}
    masks["the sign"] = selection.regions()[signs(selection.key[1])[0]]
    rows: list[dict[str, Any]] = []
    for place, mask in masks.items():
        known = ex.truth_mask(selection.model, mask)
        rows.append({"map": BY_CHANCE, "place": place, "share": float(known.mean())})
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
