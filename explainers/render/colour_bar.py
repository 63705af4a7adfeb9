"""The colour bar of a page, as HTML: sharp at any size, in the page's own type and colours, readable aloud."""

from __future__ import annotations

from html import escape

import numpy as np

from explainers.render.colormaps import Colormap, find_colormap
from explainers.render.lettering import number
from explainers.render.overlay import Scale

STOPS = 32  # colours of the gradient; a browser interpolates between them


def colour_bar_html(scale: Scale, colormap: str | Colormap, unit: str = "", ticks: int = 5) -> str:
    """A bar in the colours of `colormap`, with `ticks` numbers at equal steps from the scale's low to its high end."""
    lut = find_colormap(colormap).lut
    colours = ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in lut[np.linspace(0, 255, STOPS).round().astype(int)])
    shown = [number(float(value)) for value in np.linspace(scale.low, scale.high, ticks)]
    row = "display:flex;justify-content:space-between;font-size:.8rem;opacity:.8;font-variant-numeric:tabular-nums"
    numbers = "".join(f"<span>{escape(tick)}</span>" for tick in shown)
    said = escape(f"Colour bar from {shown[0]} to {shown[-1]}{f', {unit}' if unit else ''}", quote=True)
    return (
        f'<div role="img" aria-label="{said}">'
        f'<div style="height:.8rem;border-radius:3px;background:linear-gradient(90deg,{colours})"></div>'
        f'<div style="{row}">{numbers}</div>'
        + (f'<div style="font-size:.8rem;opacity:.65">{escape(unit)}</div>' if unit else "")
        + "</div>"
    )
