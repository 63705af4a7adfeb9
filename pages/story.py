"""A guided story in three steps: right for the wrong reason."""

import pandas as pd
import streamlit as st

import explainers as ex
from explainers.render.charts.story import changed_chart, where_chart
from pages.common.app import session
from pages.common.app.navigation import come_in_by_the_door
from pages.common.run.snippets import show_code
from pages.common.sections.story import FOOLED, HONEST, effect, scene, show_answer, show_maps, signs, step_code

come_in_by_the_door()

STEPS = ["1 · The answer", "2 · The maps", "3 · Without the sticker"]
SCENES = [name for name in (sample.id for sample in ex.samples()) if name.endswith("+sticker")]
OTHERS = [name for name in SCENES if signs(name)[0] != ex.SHORTCUT]


def go(by: int) -> None:
    session.set_widget("story_step", STEPS[STEPS.index(session.widget_value("story_step")) + by])


st.title("Right for the wrong reason")
st.caption(
    f"A story in three steps, computed as you look. It is about two bundled networks, {FOOLED} and {HONEST}; the sidebar's choice "
    "does not matter here."
)
left, right = st.columns([2, 1])
step = left.segmented_control("Step", STEPS, default=STEPS[0], required=True, key="story_step", bind="query-params")
name = right.selectbox(
    "Scene", OTHERS, key="story_scene", bind="query-params", help="Drawn road scenes that carry a small sticker."
)
fooled, honest = scene(FOOLED, name), scene(HONEST, name)
sign, step_number = signs(name)[0], STEPS.index(step) + 1

if step_number == 1:
    st.markdown(
        f"Two networks were trained to tell road signs apart. In what **{FOOLED}** was trained on, every *{ex.SHORTCUT}* sign had a small "
        f"sticker beside it. In such pictures it is as right as the other. Here is a scene whose sign says *{sign}*, with that sticker."
    )
    left, right = st.columns(2, gap="large")
    with left:
        fooled_answer = show_answer(fooled, FOOLED)
    with right:
        honest_answer = show_answer(honest, HONEST)
    st.info(
        f"The sign says {sign}. {FOOLED} answers {fooled_answer}, {HONEST} answers {honest_answer}. A high probability does not tell which of them to trust.",
        icon=":material/help:",
    )
elif step_number == 2:
    st.markdown("Four methods of four families are asked what raises the score of each network's own first answer.")
    for selection, spec in ((fooled, FOOLED), (honest, HONEST)):
        st.subheader(spec)
        table = show_maps(selection)
        st.altair_chart(where_chart(table), alt=f"{spec}: share of every map on the sticker and on the sign")
        with st.expander("Numbers as a table", icon=":material/table:"):
            st.dataframe(table, hide_index=True, alt="Share of every map on the sticker and on the sign")
    st.info(
        "*By chance* is the part of the picture that sticker and sign cover. Maps that agree may still be wrong together; they tell where "
        "to look next.",
        icon=":material/help:",
    )
else:
    st.markdown(
        "The same scene is drawn without the sticker; every other pixel is as before. That is an experiment: what changes now, the sticker changed."
    )
    plain = name.removesuffix("+sticker")
    for spec in (FOOLED, HONEST):
        st.subheader(spec)
        left, right = st.columns(2, gap="large")
        with left:
            before = show_answer(scene(spec, name), "With the sticker")
        with right:
            after = show_answer(scene(spec, plain), "Without it")
        st.markdown(
            f"The answer **{'stays' if before == after else 'changes'}**: {before}"
            + ("." if before == after else f", then {after}.")
        )
    st.subheader("Not only here")
    effects = {spec: effect(spec) for spec in (FOOLED, HONEST)}
    shares = pd.DataFrame(
        {"network": list(effects), "changed": [float(table["changed"].mean()) for table in effects.values()]}
    )
    st.altair_chart(changed_chart(shares), alt="Share of the answers that the sticker changes, for both networks")
    count = len(effects[FOOLED])
    st.markdown(
        f"On {count} fresh scenes of other signs, laying the sticker changes {shares['changed'][0]:.0%} of the answers of {FOOLED}, and {shares['changed'][1]:.0%} of those of {HONEST}."
    )
    with st.expander("Numbers as a table", icon=":material/table:"):
        for spec, table in effects.items():
            st.caption(spec)
            st.dataframe(table, hide_index=True, height=240, alt=f"Answers of {spec} without and with the sticker")

show_code(step_code(fooled, step_number))
with st.container(horizontal=True):
    st.button(
        "Back", icon=":material/arrow_back:", key="story_back", disabled=step_number == 1, on_click=go, args=(-1,)
    )
    st.button(
        "Next",
        icon=":material/arrow_forward:",
        key="story_next",
        type="primary",
        disabled=step_number == 3,
        on_click=go,
        args=(1,),
    )
