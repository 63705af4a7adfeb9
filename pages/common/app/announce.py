"""Saying aloud what has appeared: a live region for those who listen to the page instead of looking at it."""

from __future__ import annotations

import streamlit as st

KEY = "announcement"

# A screen reader reads what changes in a region that was there before. Streamlit makes and unmakes its elements as the page is
# drawn, so the region is the document's own: it is made once, stays, and only its text is changed, a moment after it was made.
# While a dialog is open everything else is hidden from screen readers, except what bears data-live-announcer.
_SAY = """
const REGION = "vitrine-live-region";

function region() {
  let found = document.getElementById(REGION);
  if (!found) {
    found = document.createElement("div");
    found.id = REGION;
    found.setAttribute("role", "status");
    found.setAttribute("aria-live", "polite");
    found.setAttribute("aria-atomic", "true");
    found.setAttribute("data-live-announcer", "true");
    found.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
    document.body.append(found);
  }
  return found;
}

export default function ({data}) {
  const place = region();
  // Drawn again for another reason, such as a change of the theme, it says nothing new.
  if (!data || place.dataset.said === data.of) return;
  place.dataset.said = data.of;
  place.textContent = "";
  setTimeout(() => { if (place.dataset.said === data.of) place.textContent = data.words; }, 150);
}
"""

_say = st.components.v2.component("vitrine_announcement", js=_SAY)


def announce(words: str, of: str = "") -> None:
    """Let a screen reader say, when it has a moment, that something is there: "Grad-CAM of stop is there."

    Call it once in a run of a page, after what it speaks of is drawn. Nothing is shown.

    Args:
        words: one short sentence.
        of: what it is about, such as the key of a map: the same words about another are said again, about the same are not.
    """
    _say(data={"words": words, "of": f"{of} {words}"}, key=KEY, height="content")
