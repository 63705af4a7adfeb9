"""How a map is drawn is checked where it is said."""

from __future__ import annotations

import pytest

from explainers.core.errors import VitrineError
from explainers.render.style import SHOWN, Style


def test_the_overlay_is_the_default_and_colours_follow_the_kind_of_scale() -> None:
    assert Style().shown == SHOWN[0] == "overlay"
    assert [Style().colours(kind).name for kind in ("sequential", "diverging")] == ["viridis", "blue-orange"]
    assert Style("magma").colours("diverging").name == "magma"


@pytest.mark.parametrize(
    ("options", "words"), [({"opacity": 1.5}, "0 to 1, not 1.5"), ({"shown": "jet"}, "not as 'jet'")]
)
def test_what_cannot_be_is_refused(options: dict, words: str) -> None:
    with pytest.raises(VitrineError, match=words):
        Style(**options)
