"""The browser's Back: one entry of the history for everything that the visitor does."""

from __future__ import annotations

import streamlit as st

# Streamlit writes what a bound control holds into the entry of the history that is there (history.replaceState), so that Back would
# leave the page; and where a page or a method goes, it adds an entry of its own without the options that went with it, so that Back
# would come to a page without them. It does read an address that Back leads to. So only the entries have to be right: the first
# change of the address after a press on a control adds one, all that follow belong to it. Browsers without the Navigation API
# (before Chromium 102, Safari 26.2, Firefox 147) keep Streamlit's ways. A press elsewhere, a scroll, begins nothing: else what a
# method left behind, cleared away when its page has been made, would become an entry that looks like the one before.
LISTEN = """
const CONTROL = "a, button, input, label, textarea, canvas, svg, [role=option], [role=combobox], [role=slider]";
const page = window.vitrineHistory ??= { written: true, moved: null };

function listen() {
  page.listens = true;
  const begin = (event) => {
    if (event.target instanceof Element && event.target.closest(CONTROL)) page.written = false;
  };
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, begin, true);
  window.addEventListener("popstate", () => { page.written = true; page.moved = null; }, true);
  window.navigation.addEventListener("navigate", (event) => {
    const adds = event.navigationType === "push";
    const ours = event.destination.sameDocument && !event.hashChange && event.cancelable;
    if (page.writing || !ours || !(adds || event.navigationType === "replace") || event.destination.url === location.href) return;
    const moved = number(location, new URL(event.destination.url));
    const shouldAdd = !page.written && !(moved && moved === page.moved);
    page.written = true;
    page.moved = moved;
    if (shouldAdd === adds) return;
    event.preventDefault();
    page.writing = true;
    history[shouldAdd ? "pushState" : "replaceState"]({}, "", event.destination.url);
    page.writing = false;
  });
}

// The parameter in which two addresses differ, if it is a single number that moves: its steps share an entry.
function number(from, to) {
  if (from.pathname !== to.pathname) return null;
  const [old, now] = [from, to].map((address) => new URLSearchParams(address.search));
  const differing = [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.getAll(key).join() !== now.getAll(key).join());
  const values = differing.flatMap((key) => [...old.getAll(key), ...now.getAll(key)]);
  return differing.length === 1 && values.every((value) => value !== "" && isFinite(value)) ? differing[0] : null;
}

export default function () {
  if (window.navigation && !page.listens) listen();
}
"""

HIDE = """
.st-key-_history { display: none }
"""

_listener = st.components.v2.component(
    "vitrine_history", html="<span></span>", css=HIDE, js=LISTEN, isolate_styles=False
)


def keep_history() -> None:
    """Let Back and Forward bring back what the visitor saw: the page, the method, its options and the target."""
    with st.container(key="_history"):  # which takes no room on the page
        _listener(key="_history_listener")
