"""Pictures with titles to choose from, each of them a button: clicked, or reached by Tab and pressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.common.app import session
from pages.common.app.images import in_place

STYLE = """
.vitrine-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 0.75rem; margin: 0; padding: 4px; list-style: none; }
.vitrine-gallery li { margin: 0; padding: 0; }
.vitrine-gallery button {
  display: flex; flex-direction: column; width: 100%; height: 100%; padding: 0.4rem; text-align: start; cursor: pointer;
  font: inherit; font-size: 0.875rem; line-height: 1.3; color: var(--st-text-color);
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
}
.vitrine-gallery button:hover, .vitrine-gallery button[aria-current] { border-color: var(--st-primary-color); }
.vitrine-gallery button[aria-current] { box-shadow: inset 0 0 0 1px var(--st-primary-color); }
.vitrine-gallery button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.vitrine-gallery img {
  display: block; width: 100%; aspect-ratio: 1; object-fit: cover; margin-bottom: 0.3rem; border-radius: var(--st-base-radius);
}
"""

SCRIPT = """
export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".vitrine-gallery");
  list.setAttribute("aria-label", data.label);
  list.replaceChildren(...data.items.map(({ name, title, picture, current }) => {
    const [item, button, image] = ["li", "button", "img"].map((tag) => document.createElement(tag));
    image.src = picture;
    image.alt = "";
    button.type = "button";
    if (current) button.setAttribute("aria-current", "true");
    button.append(image, title);
    button.onclick = () => setTriggerValue("taken", name);
    item.append(button);
    return item;
  }));
}
"""

# In a shadow tree of its own the buttons would be out of Tab's reach: a dialog keeps the focus among what it sees.
_gallery = st.components.v2.component(
    "vitrine_gallery", html='<ul class="vitrine-gallery"></ul>', css=STYLE, js=SCRIPT, isolate_styles=False
)


@dataclass(frozen=True)
class Item:
    """One picture of a gallery.

    Attributes:
        name: what is taken when it is pressed.
        picture: a PNG or JPEG.
    """

    name: str
    title: str
    picture: bytes


def gallery(label: str, items: list[Item], current: str, key: str, take: Callable[[str], None]) -> None:
    """Show the pictures; `take` is called with the name of the one that is pressed."""

    def taken() -> None:
        name = session.widget_value(key)["taken"]
        if name is not None:
            take(name)

    rows = [
        {"name": item.name, "title": item.title, "picture": in_place(item.picture), "current": item.name == current}
        for item in items
    ]
    _gallery(data={"label": label, "items": rows}, key=key, on_taken_change=taken)
