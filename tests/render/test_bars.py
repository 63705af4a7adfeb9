"""Shares as bars: what stands in the table, and how long its bars are."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from explainers.render.bars import bars_html


class Cells(HTMLParser):
    """The texts of the table's cells, the widths and opacities of its bars, and what is read aloud first."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.styles: list[dict[str, str]] = []
        self.label = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self.label = given["aria-label"] or ""
        if tag == "div":
            self.styles.append(dict(part.split(":") for part in (given["style"] or "").split(";")))  # type: ignore[misc]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_every_share_has_its_label_its_per_cent_and_a_bar_as_long() -> None:
    cells = Cells(bars_html(["cat", "dog", "crane"], [0.75, 0.2496, 0.0004], "Animals", highlighted=1))
    assert cells.texts == ["cat", "75.0%", "dog", "25.0%", "crane", "< 0.1%"]
    assert [float(style["width"].rstrip("%")) for style in cells.styles] == pytest.approx([75, 24.96, 0.04])
    strengths = [float(style["opacity"]) for style in cells.styles]
    assert strengths[1] == 1
    assert strengths[0] == strengths[2] < 1
    assert cells.label == "Animals"


def test_no_bar_steps_back_where_none_matters_more() -> None:
    assert {style["opacity"] for style in Cells(bars_html(["a", "b"], [0.5, 0.0], "Both")).styles} == {"1"}
    assert Cells(bars_html(["a"], [0.0], "None")).texts == ["a", "0.0%"]


def test_a_label_is_text_and_never_markup() -> None:
    cells = Cells(bars_html(["<img src=x onerror=alert(1)>"], [0.5], 'A "quoted" title'))
    assert cells.texts[0] == "<img src=x onerror=alert(1)>"
    assert cells.label == 'A "quoted" title'
