"""A guided story in three steps: right for the wrong reason."""

import streamlit as st

import explainers as ex
from pages.common.app import session
from pages.common.app.address import bound
from pages.common.app.errors import sentences
from pages.common.app.navigation import come_in_by_the_door
from pages.common.run.snippets import show_code
from pages.common.sections.presentation import presentation
from pages.common.sections.story import FOOLED, HONEST, scene, show_step, signs, step_code

come_in_by_the_door()

STEPS = ["1 · The answer", "2 · The maps", "3 · Without the sticker"]
SCENES = [name for name in (sample.id for sample in ex.samples()) if name.endswith("+sticker")]
OTHERS = [name for name in SCENES if signs(name)[0] != ex.SHORTCUT]


def go(by: int) -> None:
    session.set_widget("story_step", STEPS[STEPS.index(session.widget_value("story_step")) + by])


st.title("Right for the wrong reason")
with st.container(key="story_choices"):
    st.caption(
        f"A story in three steps, computed as you look, about two bundled networks: network A is {FOOLED}, network B is {HONEST}."
    )
    left, right = st.columns([2, 1])
    step = bound(left.segmented_control, "Step", STEPS, default=STEPS[0], required=True, key="story_step")
    name = bound(
        right.selectbox, "Scene", OTHERS, key="story_scene", help="Drawn road scenes that carry a small sticker."
    )
number = STEPS.index(step) + 1

with sentences():
    show_step(number, name)

with st.container(horizontal=True, vertical_alignment="center"):
    presenting = presentation("story_present", hidden="story_choices")
    st.button(
        "Back", icon=":material/arrow_back:", key="story_back", disabled=number == 1, on_click=go, args=(-1,),
        shortcut="Left" if presenting else None,
    )  # fmt: skip
    st.button(
        "Next", icon=":material/arrow_forward:", key="story_next", type="primary", disabled=number == 3, on_click=go, args=(1,),
        shortcut="Right" if presenting else None,
    )  # fmt: skip
if not presenting:
    show_code(step_code(scene(FOOLED, name), number))
