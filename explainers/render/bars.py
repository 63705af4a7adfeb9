"""Shares as bars in HTML: a table that is read aloud as one, and stands at once where a chart's library would be loaded first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

COLOUR = "#0072B2"
"""Of Okabe and Ito's palette, as the first colour of every chart: 5 : 1 against a white page, 3.5 : 1 against a black one."""
STEPPED_BACK = 0.45


def bars_html(labels: Sequence[str], shares: Sequence[float], title: str, highlighted: int | None = None) -> str:
    """A row for every share: its label, a bar and per cent.

    Args:
        shares: from 0 to 1.
        title: what is shared out; it is read aloud and not shown.
        highlighted: place of the bar that matters; the others step back.
    """
    rows = "".join(
        _row(label, share, highlighted in (None, index))
        for index, (label, share) in enumerate(zip(labels, shares, strict=True))
    )
    return (
        '<table style="width:100%;border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums" '
        f'aria-label="{escape(title, quote=True)}"><tbody>{rows}</tbody></table>'
    )


def _row(label: str, share: float, strong: bool) -> str:
    bar = f"height:1rem;width:{100 * share:.2f}%;border-radius:3px;background:{COLOUR};opacity:{1 if strong else STEPPED_BACK}"
    return (
        '<tr><th scope="row" style="text-align:left;font-weight:400;padding:.25rem .75rem .25rem 0;border:0">'
        f'{escape(label)}</th><td style="width:50%;padding:.25rem 0;border:0"><div style="{bar}"></div></td>'
        f'<td style="text-align:right;padding:.25rem 0 .25rem .5rem;white-space:nowrap;border:0">{_percent(share)}</td></tr>'
    )


def _percent(share: float) -> str:
    return "&lt; 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"  # a small share is not told as none
