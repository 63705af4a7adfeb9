"""What a picture says of itself: names that people gave, never hashes."""

from __future__ import annotations

import pytest

import explainers as ex
from pages.common.result.origin import picture_name


@pytest.mark.parametrize(
    ("key", "chosen", "name"),
    [
        ("", "my cat.jpg · 0123456789ab", "my cat.jpg"),
        ("scene:5", None, "scene:5"),
        ("upload:0123456789ab.jpg", None, "an uploaded picture"),
        ("", "scene:7", "scene:7"),
    ],
)
def test_a_picture_is_called_by_its_name(key: str, chosen: str | None, name: str) -> None:
    assert picture_name(key, chosen) == name


def test_a_picture_of_the_gallery_is_called_by_its_title() -> None:
    sample = ex.samples()[0]
    assert picture_name(sample.id) == f"{sample.title} ({sample.id})"
