"""The legend of a map, as a picture to paste into others and as HTML for a page: a colour bar, or the lines of contours.

It says where values lie beyond its ends: they have the colour of the end, and the number there is no largest value.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np
from PIL import Image, ImageDraw

from explainers.render.contours import BLUR, DASH, EDGE, SHARES, WIDTHS, Line, draw_lines, evened
from explainers.render.lettering import INK, PAPER, font, line_height, number, shorten, text_block, wrap
from explainers.render.scale import Clipping, Floats, Pixels, Scale, Values
from explainers.render.style import Style

ORDINARY = Style()
GROUND = (128, 128, 128)  # of lines in a legend: they are light with dark edges
STOPS = 32  # colours of the gradient; a browser interpolates between them


def clipping_words(clipping: Clipping) -> str:
    """What lies beyond the ends of a bar, as a sentence; "" if nothing does."""
    parts = []
    if clipping.least is not None:
        parts.append(f"least {number(clipping.least)}")
    if clipping.largest is not None:
        parts.append(f"largest {number(clipping.largest)}")
    return f"Values go beyond the bar: {' and '.join(parts)}." if parts else ""


def _ticks(scale: Scale, clipping: Clipping, count: int) -> list[str]:
    """Numbers at equal steps; an end that values lie beyond says so."""
    words = [number(scale.low * (1 - share) + scale.high * share) for share in np.linspace(0, 1, count).tolist()]
    if clipping.least is not None:
        words[0] = f"≤ {words[0]}"
    if clipping.largest is not None:
        words[-1] = f"≥ {words[-1]}"
    return words


def _lines(scale: Scale, values: Values | None) -> tuple[list[tuple[Line, str]], str]:
    """The lines with their numbers, and what has to be known of them; of a diverging scale each stands for two."""
    averaged, divided = (None, scale) if values is None else evened(values, scale)
    reach, signed = max(abs(divided.low), abs(divided.high)), scale.kind == "diverging"
    lines = [
        (Line(share * reach, width, signed), f"{share * 100:g} % = {'±' if signed else ''}{number(share * reach)}")
        for share, width in zip(SHARES, WIDTHS, strict=True)
    ]
    about = ["Solid lines: positive; dashed: negative."] if signed else []
    if averaged is not None and divided != scale:
        about.append(f"They follow the map averaged over {2 * BLUR * 100:g} % of its side.")
    return lines, " ".join(about)


def _seen(scale: Scale, style: Style, count: int) -> tuple[Pixels, Floats]:
    """Colours (count, 3) along the scale, and how far each covers the picture."""
    values = np.linspace(scale.low, scale.high, count)
    colours = style.colours(scale.kind).lut[np.linspace(0, 255, count).round().astype(int)]
    return colours, scale.strength(values) if style.shown == "overlay" else np.ones(count)


def colour_bar(
    scale: Scale,
    style: Style = ORDINARY,
    width: int = 560,
    height: int = 48,
    unit: str = "",
    values: Values | None = None,
    ink: str = INK,
    paper: str = PAPER,
) -> Image.Image:
    """The colours with their numbers, or samples of the lines, and the unit above where there is one.

    Args:
        width, height: of the whole picture in pixels, numbers and unit included; it grows where words need more.
        values: of the map: where some lie beyond an end, it becomes an arrow, and a line below says how far they go.
        ink, paper: colours of the words and of the ground, for dark pages.
    """
    size = max(9, round(height * 0.26))
    row = line_height(size)
    top = row if unit else 0
    clipping = Clipping() if values is None else scale.clipping(values)
    lines, beyond = _lines(scale, values) if style.shown == "contours" else ([], clipping_words(clipping))
    notes = text_block(wrap(beyond, width, size), width, size, ink, paper)
    foot = notes.height if beyond else 0
    bar = Image.new("RGB", (width, max(height, top + row + 8) + foot), paper)
    thick = bar.height - top - row - foot - 2
    draw = ImageDraw.Draw(bar)
    if lines:
        _paste_lines(bar, lines, top, thick, size, ink)
    else:
        bar.paste(_strip(scale, style, width, thick, clipping, paper), (0, top))
        _draw_ticks(draw, scale, clipping, width, top + thick, size, ink)
    draw.text((0, 0), shorten(unit, width, size), fill=ink, font=font(size))
    if beyond:
        bar.paste(notes, (0, bar.height - foot))
    return bar


def _strip(scale: Scale, style: Style, width: int, thick: int, clipping: Clipping, paper: str) -> Image.Image:
    """The colours alone, as they look over the paper; an end that values lie beyond is an arrow."""
    colours, cover = _seen(scale, style, 256)
    ground = np.array(Image.new("RGB", (1, 1), paper))[0, 0]
    mixed: Pixels = np.rint(ground + (colours - ground.astype(float)) * cover[:, None]).astype(np.uint8)
    strip = Image.fromarray(mixed[None]).resize((width, thick), Image.Resampling.NEAREST)
    draw, point, last = ImageDraw.Draw(strip), min(thick / 2, width / 4), width - 1
    for beyond, tip, inner in ((clipping.least, 0, point), (clipping.largest, last, last - point)):
        for side in (0, thick - 1) if beyond is not None else ():
            draw.polygon([(tip, side), (inner, side), (tip, (thick - 1) / 2)], fill=paper)
    return strip


def _draw_ticks(
    draw: ImageDraw.ImageDraw, scale: Scale, clipping: Clipping, width: int, y: int, size: int, ink: str
) -> None:
    # As many numbers as can stand side by side; odd counts have one in the middle, a diverging scale's zero.
    count = next((n for n in (5, 3) if width >= n * size * 6), 2)
    for share, words in zip(np.linspace(0, 1, count).tolist(), _ticks(scale, clipping, count), strict=True):
        x = share * (width - 1)
        draw.line((x, y, x, y + 2), fill=ink)
        anchor = "la" if share == 0 else "ra" if share == 1 else "ma"
        draw.text((x, y + 3), words, fill=ink, font=font(size), anchor=anchor)


def _paste_lines(
    bar: Image.Image, lines: Sequence[tuple[Line, str]], top: int, thick: int, size: int, ink: str
) -> None:
    """A sample of every line side by side, its number below; one that stands for two is half solid and half dashed."""
    step = bar.width / len(lines)
    draw = ImageDraw.Draw(bar)
    for place, (line, words) in enumerate(lines):
        sample = Image.new("RGB", (max(1, round(step) - 6), thick), GROUND)
        y, ends = thick / 2, np.linspace(4, max(5, sample.width - 5), 3)
        halves = [
            (np.array([[y, a], [y, b]]), dashed) for a, b, dashed in ((*ends[:2], False), (*ends[1:], line.dashed))
        ]
        drawn = draw_lines(sample, ((path, replace(line, dashed=dashed)) for path, dashed in halves))
        bar.paste(drawn, (round(place * step), top))
        draw.text(
            (place * step, top + thick + 3), shorten(words, max(1, round(step) - 4), size), fill=ink, font=font(size)
        )


def colour_bar_html(
    scale: Scale, style: Style = ORDINARY, unit: str = "", ticks: int = 5, values: Values | None = None
) -> str:
    """A bar in the colours of `style` with `ticks` numbers at equal steps from the scale's low to its high end, or the lines.

    Args:
        values: as of `colour_bar`.
    """
    clipping = Clipping() if values is None else scale.clipping(values)
    lines, beyond = _lines(scale, values) if style.shown == "contours" else ([], clipping_words(clipping))
    about = f"{f', {unit}' if unit else ''}{f'. {beyond}' if beyond else ''}"
    drawn = _lines_html(lines, about) if lines else _bar_html(scale, style, ticks, clipping, about)
    notes = "".join(f'<div style="font-size:.8rem">{escape(words)}</div>' for words in (beyond, unit) if words)
    return f"<div>{drawn}{notes}</div>"


def _bar_html(scale: Scale, style: Style, ticks: int, clipping: Clipping, about: str) -> str:
    colours, cover = _seen(scale, style, STOPS)
    stops = ",".join(
        f"rgba({r},{g},{b},{alpha:.2f})" for (r, g, b), alpha in zip(colours.tolist(), cover.tolist(), strict=True)
    )
    words = _ticks(scale, clipping, ticks)
    left, right = ("0.5rem" if end is not None else "0px" for end in (clipping.least, clipping.largest))
    shape = f"0 50%,{left} 0,calc(100% - {right}) 0,100% 50%,calc(100% - {right}) 100%,{left} 100%"
    row = "display:flex;justify-content:space-between;font-size:.8rem;font-variant-numeric:tabular-nums"
    numbers = "".join(f"<span>{escape(tick)}</span>" for tick in words)
    label = escape(f"Colour bar from {words[0]} to {words[-1]}{about}", quote=True)
    return (
        f'<div role="img" aria-label="{label}">'
        f'<div style="height:.8rem;clip-path:polygon({shape});background:linear-gradient(90deg,{stops})"></div>'
        f'<div style="{row}">{numbers}</div></div>'
    )


def _lines_html(lines: Sequence[tuple[Line, str]], about: str) -> str:
    """Every line with its number, as drawings that are sharp at any size."""
    label = escape(f"Lines at {', '.join(words for _, words in lines)}{about}", quote=True)
    samples = "".join(
        f'<span style="display:inline-flex;align-items:center;gap:.3rem">{_sample(line)}{escape(words)}</span>'
        for line, words in lines
    )
    row = "display:flex;flex-wrap:wrap;gap:.2rem .8rem;font-size:.8rem;font-variant-numeric:tabular-nums"
    return f'<div role="img" aria-label="{label}" style="{row}">{samples}</div>'


def _sample(line: Line) -> str:
    """A drawing of a line, solid and then as it is; a picture, for pages strip drawings out of what they are given."""
    dashes = f' stroke-dasharray="{DASH[0]:g} {DASH[1]:g}"' if line.dashed else ""
    halves = (("M4 7H28", ""), ("M28 7H56", dashes))
    strokes = (("#000", line.width + 2 * EDGE), ("#fff", line.width))
    paths = "".join(
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}/>'
        for colour, width in strokes for path, dash in halves
    )  # fmt: skip
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="14"><rect width="60" height="14" rx="3" fill="#808080"/>{paths}</svg>'
    return f'<img alt="" width="60" height="14" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'
