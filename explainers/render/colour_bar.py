"""The colour bar: as a picture to paste into others, and as HTML for a page, sharp at any size and readable aloud."""

from __future__ import annotations

from html import escape

import numpy as np
from PIL import Image, ImageDraw

from explainers.render.colormaps import Colormap, find_colormap
from explainers.render.lettering import INK, PAPER, font, line_height, number, shorten
from explainers.render.scale import Scale


def colour_bar(
    scale: Scale,
    colormap: str | Colormap = "viridis",
    width: int = 560,
    height: int = 48,
    unit: str = "",
    ink: str = INK,
    paper: str = PAPER,
) -> Image.Image:
    """The colour map with its numbers, and the unit above it where there is one.

    Args:
        width, height: of the whole picture in pixels, numbers and unit included.
        ink, paper: colours of the words and of the ground, for dark pages.
    """
    size = max(9, round(height * 0.26))
    row = line_height(size)
    top = row if unit else 0
    bar = Image.new("RGB", (width, max(height, top + row + 8)), paper)
    thick = bar.height - top - row - 2
    colours = Image.fromarray(find_colormap(colormap).lut[None])
    bar.paste(colours.resize((width, thick), Image.Resampling.NEAREST), (0, top))
    draw = ImageDraw.Draw(bar)
    draw.text((0, 0), shorten(unit, width, size), fill=ink, font=font(size))
    _draw_ticks(draw, scale, width, top + thick, size, ink)
    return bar


def _draw_ticks(draw: ImageDraw.ImageDraw, scale: Scale, width: int, y: int, size: int, ink: str) -> None:
    # As many numbers as can stand side by side; odd counts have one in the middle, a diverging scale's zero.
    count = next((n for n in (5, 3) if width >= n * size * 6), 2)
    for share in np.linspace(0, 1, count).tolist():
        x = share * (width - 1)
        draw.line((x, y, x, y + 2), fill=ink)
        anchor = "la" if share == 0 else "ra" if share == 1 else "ma"
        value = scale.low * (1 - share) + scale.high * share
        draw.text((x, y + 3), number(value), fill=ink, font=font(size), anchor=anchor)


STOPS = 32  # colours of the gradient; a browser interpolates between them


def colour_bar_html(scale: Scale, colormap: str | Colormap, unit: str = "", ticks: int = 5) -> str:
    """A bar in the colours of `colormap`, with `ticks` numbers at equal steps from the scale's low to its high end."""
    lut = find_colormap(colormap).lut
    colours = ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in lut[np.linspace(0, 255, STOPS).round().astype(int)])
    tick_labels = [number(float(value)) for value in np.linspace(scale.low, scale.high, ticks)]
    row = "display:flex;justify-content:space-between;font-size:.8rem;opacity:.8;font-variant-numeric:tabular-nums"
    numbers = "".join(f"<span>{escape(tick)}</span>" for tick in tick_labels)
    label = escape(f"Colour bar from {tick_labels[0]} to {tick_labels[-1]}{f', {unit}' if unit else ''}", quote=True)
    return (
        f'<div role="img" aria-label="{label}">'
        f'<div style="height:.8rem;border-radius:3px;background:linear-gradient(90deg,{colours})"></div>'
        f'<div style="{row}">{numbers}</div>'
        + (f'<div style="font-size:.8rem;opacity:.65">{escape(unit)}</div>' if unit else "")
        + "</div>"
    )
