"""A picture of a map to hand on: the image, the overlay beside it, the colour bar and words."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from explainers.render.colour_bar import colour_bar
from explainers.render.lettering import PAPER, text_block, wrap
from explainers.render.overlay import overlay
from explainers.render.scale import Scale, Values
from explainers.render.style import Style

ORDINARY: Final = Style()

PANEL: Final = (256, 1024)
"""A figure's panels are enlarged or reduced until their longer side is within these, in pixels."""


def figure(
    image: Image.Image,
    values: Values,
    scale: Scale,
    style: Style = ORDINARY,
    title: str = "",
    caption: str = "",
    unit: str = "",
    region: npt.NDArray[np.bool_] | None = None,
) -> Image.Image:
    """A picture to hand on: the image, the map over it beside that, the colour bar, a title and a caption; RGB.

    Args:
        values: (h, w).
        caption: lines of words; long ones are wrapped.
        region: (h, w), a part of the picture that is outlined.
    """
    panel = _fit(image.convert("RGB"))
    drawn = overlay(panel, values, scale, style, region)
    gap, margin = 16, 24
    width = 2 * panel.width + gap
    pair = Image.new("RGB", (width, panel.height), PAPER)
    pair.paste(panel, (0, 0))
    pair.paste(drawn, (panel.width + gap, 0))
    parts = [pair, colour_bar(scale, style, width, unit=unit, values=values)]
    if title:
        parts.insert(0, text_block(wrap(title, width, 20), width, 20))
    if caption:
        parts.append(text_block(wrap(caption, width, 14), width, 14))
    height = sum(part.height for part in parts) + gap * (len(parts) - 1)
    sheet = Image.new("RGB", (width + 2 * margin, height + 2 * margin), PAPER)
    y = margin
    for part in parts:
        sheet.paste(part, (margin, y))
        y += part.height + gap
    return sheet


def _fit(image: Image.Image) -> Image.Image:
    longer = max(image.size)
    factor = min(max(longer, PANEL[0]), PANEL[1]) / longer
    if factor == 1:
        return image
    return image.resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor))), Image.Resampling.BICUBIC
    )
