"""Cluttered, textured places for the signs to stand in: streets, country, walls and hedges.

Lengths are in scene units: the picture is 96 wide and 96 high whatever its resolution, so one seed gives
the same place at any size. Every random number comes from the generator that is passed in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Colour: TypeAlias = tuple[int, int, int]
Points: TypeAlias = Sequence[tuple[float, float]]
Array: TypeAlias = npt.NDArray[np.float32]

UNITS: Final = 96
"""Width and height of every scene, in scene units."""

SKIES: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((88, 150, 214), (206, 226, 240)),
    ((52, 116, 190), (170, 206, 232)),
    ((128, 170, 206), (238, 226, 206)),
    ((150, 160, 172), (206, 208, 208)),
    ((96, 108, 128), (178, 182, 186)),
    ((92, 84, 142), (244, 176, 128)),
    ((60, 70, 118), (236, 150, 122)),
    ((24, 34, 66), (84, 92, 128)),
)
"""Top and bottom colour of the sky: clear, hazy, overcast, dusk, night."""

WALLS: Final[tuple[Colour, ...]] = (
    (196, 178, 150),
    (168, 120, 96),
    (206, 202, 194),
    (150, 156, 160),
    (182, 140, 110),
    (120, 96, 90),
    (214, 190, 160),
    (140, 152, 140),
)
LEAVES: Final[tuple[Colour, ...]] = (
    (70, 112, 48),
    (52, 92, 50),
    (104, 134, 58),
    (146, 128, 52),
    (44, 82, 62),
    (160, 98, 48),
)
SIGNAL_COLOURS: Final[tuple[Colour, ...]] = (
    (196, 34, 40),
    (214, 70, 40),
    (20, 86, 168),
    (48, 116, 190),
    (246, 190, 24),
    (236, 236, 232),
    (40, 42, 46),
)
"""Colours of the signs, worn by things that are none."""


class Canvas:
    """An RGB picture drawn on in scene units."""

    def __init__(self, pixels: int) -> None:
        self.image = Image.new("RGB", (pixels, pixels))
        self.scale = pixels / UNITS
        self.pixels = pixels
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Points, colour: Colour) -> None:
        self._draw.polygon([(x * self.scale, y * self.scale) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        s = self.scale
        self._draw.ellipse(((x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s), fill=colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        pixels = [(x * self.scale, y * self.scale) for x, y in points]
        self._draw.line(pixels, fill=colour, width=max(1, round(width * self.scale)))

    def shade(self, factor: Array) -> None:
        """Multiplies every pixel by `factor`, (pixels, pixels) or (pixels, pixels, 3)."""
        values = np.asarray(self.image, dtype=np.float32)
        values = values * (factor if factor.ndim == 3 else factor[..., None])
        self.image.paste(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)))


def noise(rng: np.random.Generator, pixels: int, cells: int) -> Array:
    """Smooth value noise, standard normal at `cells` x `cells` knots, (pixels, pixels)."""
    knots = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(knots.resize((pixels, pixels), Image.Resampling.BICUBIC), dtype=np.float32)


def tone(colour: Colour, factor: float) -> Colour:
    """A lighter or darker shade of `colour`."""
    r, g, b = (min(255, max(0, round(c * factor))) for c in colour)
    return r, g, b


def pick(rng: np.random.Generator, colours: Sequence[Colour], spread: float = 0.15) -> Colour:
    """One of the colours, each channel varied by up to `spread`."""
    r, g, b = (
        min(255, max(0, round(c * f)))
        for c, f in zip(colours[int(rng.integers(len(colours)))], rng.uniform(1 - spread, 1 + spread, 3), strict=True)
    )
    return r, g, b


def draw_sky(canvas: Canvas, rng: np.random.Generator) -> None:
    """Vertical gradient with soft clouds."""
    top, bottom = (np.array(c, dtype=np.float32) for c in SKIES[rng.integers(len(SKIES))])
    t = np.linspace(0, 1, canvas.pixels, dtype=np.float32)[:, None, None]
    sky = np.broadcast_to(top * (1 - t) + bottom * t, (canvas.pixels, canvas.pixels, 3))
    cloud = noise(rng, canvas.pixels, 5) + 0.6 * noise(rng, canvas.pixels, 11) + 0.3 * noise(rng, canvas.pixels, 23)
    cover = np.clip((cloud - rng.uniform(0.1, 1.2)) * 0.5, 0, 0.75)[..., None]
    white = np.float32(0.5) * bottom + np.float32(0.5 * 250)
    canvas.image.paste(Image.fromarray((sky * (1 - cover) + white * cover).astype(np.uint8)))


def draw_leaves(
    canvas: Canvas, rng: np.random.Generator, centre: tuple[float, float], radii: tuple[float, float]
) -> None:
    """A clump of overlapping leaves, dark below and light above."""
    base = pick(rng, LEAVES)
    count = int(np.clip(radii[0] * radii[1] * 0.55, 24, 420))
    angles, far = rng.uniform(0, 2 * math.pi, count), np.sqrt(rng.uniform(0, 1, count))
    xs, ys = centre[0] + radii[0] * far * np.cos(angles), centre[1] + radii[1] * far * np.sin(angles)
    sizes, jitter = rng.uniform(1.0, 3.4, count), rng.uniform(0.72, 1.2, count)
    for x, y, size, light in zip(xs, ys, sizes, jitter, strict=True):
        height = 0.9 - 0.3 * (y - centre[1]) / radii[1]
        canvas.ellipse(x, y, size, size * 0.7, tone(base, light * height))


def draw_tree(canvas: Canvas, rng: np.random.Generator, x: float, ground: float, height: float) -> None:
    """A trunk and a crown of leaves."""
    canvas.line(
        [(x, ground), (x + rng.uniform(-2, 2), ground - height * 0.6)], height * 0.07, pick(rng, [(86, 66, 50)])
    )
    draw_leaves(canvas, rng, (x, ground - height * 0.68), (height * rng.uniform(0.26, 0.36), height * 0.34))


def draw_house(canvas: Canvas, rng: np.random.Generator, left: float, right: float, ground: float) -> None:
    """A front with rows of windows, sometimes with a pitched roof."""
    wall, top = pick(rng, WALLS), ground - rng.uniform(24, 74)
    canvas.box(left, top, right, ground, wall)
    canvas.box(left, top, left + 1.2, ground, tone(wall, 0.8))
    if rng.random() < 0.45:
        roof = pick(rng, [(150, 60, 48), (92, 80, 84), (120, 72, 56)])
        canvas.polygon([(left - 1, top), ((left + right) / 2, top - rng.uniform(6, 14)), (right + 1, top)], roof)
    pane = pick(rng, [(70, 92, 116), (52, 60, 74), (238, 206, 130), (120, 150, 176)])
    columns, step = max(1, int((right - left) / rng.uniform(6, 9))), rng.uniform(9, 13)
    pitch = (right - left) / columns
    for row in range(int((ground - top - 4) / step)):
        for column in range(columns):
            x, y = left + (column + 0.5) * pitch, top + 3 + row * step
            canvas.box(x - pitch * 0.3, y - 0.5, x + pitch * 0.3, y + step * 0.62, tone(wall, 1.18))
            canvas.box(x - pitch * 0.24, y, x + pitch * 0.24, y + step * 0.55, tone(pane, rng.uniform(0.75, 1.2)))


def draw_road(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    """Asphalt narrowing towards the horizon, with verges and a dashed line."""
    asphalt = pick(rng, [(92, 94, 98), (74, 76, 82), (116, 114, 112)])
    vanishing, near = rng.uniform(25, 71), rng.uniform(20, 76)
    canvas.box(0, horizon, UNITS, UNITS, pick(rng, [(120, 140, 74), (150, 144, 132), (96, 124, 66), (160, 146, 104)]))
    far, wide = rng.uniform(1, 4), rng.uniform(30, 60)
    edges = [(vanishing - far, horizon), (vanishing + far, horizon), (near + wide, UNITS), (near - wide, UNITS)]
    canvas.polygon(edges, asphalt)
    for t in np.arange(rng.uniform(0, 0.1), 1, 0.16):
        (t0, t1), w = (t**1.7, (t + 0.08) ** 1.7), 0.3 + 1.5 * t
        (x0, y0), (x1, y1) = ((vanishing + (near - vanishing) * u, horizon + (UNITS - horizon) * u) for u in (t0, t1))
        canvas.polygon([(x0 - w * 0.8, y0), (x0 + w * 0.8, y0), (x1 + w, y1), (x1 - w, y1)], (222, 220, 210))


def draw_street(canvas: Canvas, rng: np.random.Generator) -> None:
    """Houses, trees and a road."""
    draw_sky(canvas, rng)
    ground, x = rng.uniform(58, 78), rng.uniform(-14, 0)
    while x < UNITS:
        width = rng.uniform(14, 34)
        if rng.random() < 0.85:
            draw_house(canvas, rng, x, x + width, ground + 1)
        x += width + rng.uniform(0, 5)
    for _ in range(rng.integers(0, 3)):
        draw_tree(canvas, rng, rng.uniform(0, UNITS), ground + 2, rng.uniform(24, 46))
    draw_road(canvas, rng, ground)


def draw_country(canvas: Canvas, rng: np.random.Generator) -> None:
    """Hills one behind the other, trees and a road."""
    draw_sky(canvas, rng)
    horizon, greens = rng.uniform(46, 66), [(116, 140, 84), (134, 146, 92), (96, 124, 88), (168, 152, 92)]
    for depth in range(3):
        height, phase, bend = rng.uniform(5, 16) / (depth + 1), rng.uniform(0, 6.3), rng.uniform(0.03, 0.08)
        base = horizon - 7 + depth * 5
        ridge = [(x, base - height * math.sin(bend * x + phase)) for x in np.arange(0.0, UNITS + 4, 4)]
        canvas.polygon([(0, UNITS), *ridge, (UNITS, UNITS)], tone(pick(rng, greens), 1.12 - depth * 0.1))
    draw_road(canvas, rng, horizon + 10)
    for _ in range(rng.integers(2, 6)):
        ground = rng.uniform(horizon + 3, horizon + 20)
        draw_tree(canvas, rng, rng.uniform(-4, UNITS + 4), ground, rng.uniform(16, 50))


def draw_wall(canvas: Canvas, rng: np.random.Generator) -> None:
    """A brick wall or boards, with pavement below."""
    base = pick(rng, WALLS)
    canvas.box(0, 0, UNITS, UNITS, tone(base, 0.78))
    high, long = (
        (rng.uniform(5, 9), rng.uniform(12, 24)) if rng.random() < 0.6 else (rng.uniform(60, 99), rng.uniform(7, 12))
    )
    for row in range(math.ceil(UNITS / high)):
        for column in range(-1, math.ceil(UNITS / long) + 1):
            left, top = (column + 0.5 * (row % 2)) * long, row * high
            canvas.box(left + 0.4, top + 0.4, left + long - 0.4, top + high - 0.4, tone(base, rng.uniform(0.86, 1.14)))
    if rng.random() < 0.6:
        top = rng.uniform(74, 90)
        canvas.box(0, top, UNITS, UNITS, pick(rng, [(140, 138, 134), (112, 112, 114)]))
        canvas.box(0, top, UNITS, top + 1.6, (176, 172, 166))


def draw_hedge(canvas: Canvas, rng: np.random.Generator) -> None:
    """Nothing but foliage."""
    canvas.box(0, 0, UNITS, UNITS, tone(pick(rng, LEAVES), 0.45))
    for _ in range(rng.integers(9, 14)):
        centre = (rng.uniform(0, UNITS), rng.uniform(0, UNITS))
        draw_leaves(canvas, rng, centre, (rng.uniform(12, 24), rng.uniform(10, 20)))


def draw_distractor(canvas: Canvas, rng: np.random.Generator) -> None:
    """Something in a sign's colour that is no sign: a board, balloon, lamp, cone, awning or cable."""
    x, y, r = rng.uniform(0, UNITS), rng.uniform(0, UNITS), rng.uniform(3, 9)
    colour = pick(rng, SIGNAL_COLOURS)
    match rng.integers(6):
        case 0:
            canvas.box(x - r * rng.uniform(0.7, 1.6), y - r, x + r, y + r * rng.uniform(0.3, 1), colour)
        case 1:
            canvas.line([(x, y), (x + rng.uniform(-3, 3), y + 3 * r)], 0.4, (60, 60, 60))
            canvas.ellipse(x, y, r * 0.85, r, colour)
            canvas.ellipse(x - r * 0.25, y - r * 0.35, r * 0.22, r * 0.25, tone(colour, 1.35))
        case 2:
            canvas.box(x - 2.6, y - 6.6, x + 2.6, y + 6.6, (44, 46, 50))
            for i, lamp in enumerate(((214, 52, 44), (240, 186, 50), (66, 168, 92))):
                canvas.ellipse(x, y + (i - 1) * 4.1, 1.7, 1.7, tone(lamp, rng.choice([0.5, 1.1])))
        case 3:
            canvas.polygon([(x, y - r * 1.4), (x + r * 0.7, y + r), (x - r * 0.7, y + r)], pick(rng, [(232, 98, 36)]))
            canvas.polygon(
                [
                    (x - r * 0.25, y - r * 0.4),
                    (x + r * 0.25, y - r * 0.4),
                    (x + r * 0.45, y + r * 0.3),
                    (x - r * 0.45, y + r * 0.3),
                ],
                (240, 238, 232),
            )
        case 4:
            for i in range(6):
                canvas.box(x + i * r * 0.5, y, x + (i + 1) * r * 0.5, y + r, colour if i % 2 else (240, 240, 236))
        case _:
            ends = [(x, y), (x + rng.uniform(-60, 60), y + rng.uniform(-30, 30))]
            canvas.line(ends, rng.uniform(0.5, 2), colour)


def draw_backdrop(rng: np.random.Generator, pixels: int) -> Canvas:
    """A place with texture and clutter, without any sign.

    Args:
        pixels: side of the square picture.
    """
    canvas = Canvas(pixels)
    places = (draw_street, draw_street, draw_country, draw_country, draw_wall, draw_hedge)
    places[rng.integers(len(places))](canvas, rng)
    for _ in range(rng.integers(2, 6)):
        draw_distractor(canvas, rng)
    grain = 0.045 * noise(rng, pixels, 12) + 0.035 * noise(rng, pixels, 40) + 0.03 * noise(rng, pixels, 96)
    canvas.shade(1 + grain)
    return canvas
