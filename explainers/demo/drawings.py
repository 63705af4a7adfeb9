"""The faces of the road signs and the sticker, drawn from plain geometry.

No font is used: letters and digits are strokes, so a face comes out the same on every machine.
Coordinates are in sign units: x to the right and y down, with the sign's edge about 1 from its centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from PIL import Image, ImageDraw

Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = tuple[int, int, int]

HALF_WIDTH: Final = 1.15
"""A face picture covers -HALF_WIDTH..HALF_WIDTH in both directions; what no shape covers is transparent."""

FACE_PIXELS: Final = 512
"""Side of a cached face picture, in pixels."""

RED: Final = (200, 22, 34)
BLUE: Final = (10, 84, 170)
YELLOW: Final = (250, 196, 12)
WHITE: Final = (246, 247, 245)
BLACK: Final = (22, 22, 24)
PINK: Final = (255, 20, 170)
LIME: Final = (214, 255, 20)


class Pen:
    """Draws filled shapes and round strokes in sign units on a transparent square picture."""

    def __init__(self, pixels: int) -> None:
        self.image = Image.new("RGBA", (pixels, pixels))
        self._draw = ImageDraw.Draw(self.image)
        self._scale = pixels / (2 * HALF_WIDTH)

    def _pixel(self, point: Point) -> Point:
        return (point[0] + HALF_WIDTH) * self._scale, (point[1] + HALF_WIDTH) * self._scale

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self._draw.polygon([self._pixel(p) for p in points], fill=colour)

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        (x, y), r = self._pixel(centre), radius * self._scale
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def rounded(self, points: Sequence[Point], radius: float, colour: Colour) -> None:
        """A convex polygon grown by `radius`, so that its corners are round."""
        self.polygon(points, colour)
        self.stroke([*points, points[0]], 2 * radius, colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line of constant width with round ends and joints."""
        pixels = [self._pixel(p) for p in points]
        self._draw.line(pixels, fill=colour, width=max(1, round(width * self._scale)))
        for point in points:
            self.disc(point, width / 2, colour)

    def arrow(self, points: Sequence[Point], width: float, head: float, colour: Colour) -> None:
        """A stroke that ends in a triangular head of half-width `head` along its last segment."""
        self.stroke(points, width, colour)
        (x0, y0), (x1, y1) = points[-2], points[-1]
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        tip = (x1 + dx * head * 1.35, y1 + dy * head * 1.35)
        self.polygon([tip, (x1 - dy * head, y1 + dx * head), (x1 + dy * head, y1 - dx * head)], colour)


def arc(centre: Point, radii: Point, start: float, stop: float, steps: int = 28) -> list[Point]:
    """Points along an ellipse; angles in degrees, clockwise on screen, 0 to the right."""
    angles = [math.radians(start + (stop - start) * i / steps) for i in range(steps + 1)]
    return [(centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles]


def regular_polygon(corners: int, radius: float, turn: float) -> list[Point]:
    """Corners of a regular polygon round the origin, the first at `turn` degrees."""
    return arc((0, 0), (radius, radius), turn, turn + 360, corners)[:-1]


# Letters and digits as strokes in a box x -0.5..0.5, y -1..1.
GLYPHS: Final[dict[str, tuple[tuple[Point, ...], ...]]] = {
    "0": (tuple(arc((0, 0), (0.5, 1), 0, 360)),),
    "3": (tuple(arc((0, -0.52), (0.46, 0.48), -160, 90)), tuple(arc((0, 0.48), (0.5, 0.52), -90, 160))),
    "8": (tuple(arc((0, -0.52), (0.43, 0.48), 0, 360)), tuple(arc((0, 0.48), (0.5, 0.52), 0, 360))),
    "S": ((*arc((0, -0.5), (0.46, 0.5), -25, -270), *arc((0, 0.5), (0.46, 0.5), -90, 155)),),
    "T": (((-0.5, -1), (0.5, -1)), ((0, -1), (0, 1))),
    "O": (tuple(arc((0, 0), (0.5, 1), 0, 360)),),
    "P": (((-0.45, 1), (-0.45, -1), (0.05, -1), *arc((0.05, -0.45), (0.45, 0.55), -90, 90), (-0.45, 0.1)),),
}


def write(pen: Pen, text: str, height: float, glyph_width: float, pitch: float, line: float, colour: Colour) -> None:
    """Writes `text` centred on the face; all lengths in sign units."""
    for i, letter in enumerate(text):
        middle = (i - (len(text) - 1) / 2) * pitch
        for points in GLYPHS[letter]:
            pen.stroke([(middle + x * glyph_width, y * height / 2) for x, y in points], line, colour)


def stop(pen: Pen) -> None:
    pen.polygon(regular_polygon(8, 1.1, 22.5), WHITE)
    pen.polygon(regular_polygon(8, 1.02, 22.5), RED)
    write(pen, "STOP", 0.62, 0.29, 0.43, 0.12, WHITE)


def give_way(pen: Pen) -> None:
    pen.rounded([(-0.98, -0.78), (0.98, -0.78), (0, 0.92)], 0.11, WHITE)
    pen.rounded([(-0.95, -0.76), (0.95, -0.76), (0, 0.88)], 0.08, RED)
    pen.rounded([(-0.58, -0.54), (0.58, -0.54), (0, 0.46)], 0.04, WHITE)


def no_entry(pen: Pen) -> None:
    pen.disc((0, 0), 1.04, WHITE)
    pen.disc((0, 0), 0.99, RED)
    pen.polygon([(-0.7, -0.19), (0.7, -0.19), (0.7, 0.19), (-0.7, 0.19)], WHITE)


def speed_limit(number: str) -> Callable[[Pen], None]:
    def draw(pen: Pen) -> None:
        pen.disc((0, 0), 1.04, WHITE)
        pen.disc((0, 0), 1.0, RED)
        pen.disc((0, 0), 0.77, WHITE)
        write(pen, number, 0.76, 0.41, 0.62, 0.17, BLACK)

    return draw


def blue_disc(pen: Pen) -> None:
    pen.disc((0, 0), 1.04, WHITE)
    pen.disc((0, 0), 0.98, BLUE)


def blue_square(pen: Pen) -> None:
    half = 0.82
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    pen.rounded(corners, 0.13, WHITE)
    pen.rounded(corners, 0.08, BLUE)


def keep_right(pen: Pen) -> None:
    blue_disc(pen)
    pen.arrow([(-0.5, -0.5), (0.18, 0.18)], 0.27, 0.4, WHITE)


def roundabout(pen: Pen) -> None:
    blue_disc(pen)
    for start in (-90, 30, 150):
        pen.arrow(arc((0, 0), (0.56, 0.56), start, start + 68), 0.2, 0.27, WHITE)


def parking(pen: Pen) -> None:
    blue_square(pen)
    write(pen, "P", 1.02, 0.62, 1, 0.23, WHITE)


def pedestrian_crossing(pen: Pen) -> None:
    blue_square(pen)
    pen.rounded([(0, -0.66), (0.7, 0.62), (-0.7, 0.62)], 0.06, WHITE)
    pen.disc((0.03, -0.33), 0.115, BLACK)
    pen.stroke([(0.02, -0.1), (0.0, 0.16)], 0.19, BLACK)
    pen.stroke([(0.0, 0.18), (0.16, 0.36), (0.2, 0.58)], 0.1, BLACK)
    pen.stroke([(0.0, 0.18), (-0.1, 0.38), (-0.25, 0.56)], 0.1, BLACK)
    pen.stroke([(0.03, -0.12), (0.2, 0.03), (0.3, 0.02)], 0.08, BLACK)
    pen.stroke([(0.0, -0.12), (-0.14, 0.04), (-0.17, 0.16)], 0.08, BLACK)


def danger(pen: Pen) -> None:
    pen.rounded([(0, -0.92), (0.98, 0.78), (-0.98, 0.78)], 0.11, WHITE)
    pen.rounded([(0, -0.88), (0.95, 0.76), (-0.95, 0.76)], 0.08, RED)
    pen.rounded([(0, -0.5), (0.6, 0.55), (-0.6, 0.55)], 0.04, WHITE)
    pen.polygon([(-0.12, -0.3), (0.12, -0.3), (0.07, 0.22), (-0.07, 0.22)], BLACK)
    pen.disc((0, 0.41), 0.12, BLACK)


def priority_road(pen: Pen) -> None:
    pen.rounded(regular_polygon(4, 1.0, 0), 0.1, BLACK)
    pen.rounded(regular_polygon(4, 0.97, 0), 0.08, WHITE)
    pen.rounded(regular_polygon(4, 0.66, 0), 0.06, YELLOW)


def bicycle(pen: Pen) -> None:
    blue_disc(pen)
    for x in (-0.46, 0.46):
        pen.stroke(arc((x, 0.24), (0.28, 0.28), 0, 360), 0.09, WHITE)
    crank, saddle, fork, front = (-0.04, 0.24), (-0.2, -0.24), (0.3, -0.2), (0.46, 0.24)
    pen.stroke([(-0.46, 0.24), crank, fork, saddle, (-0.46, 0.24)], 0.09, WHITE)
    pen.stroke([saddle, crank], 0.09, WHITE)
    pen.stroke([front, (0.24, -0.42), (0.42, -0.46)], 0.09, WHITE)
    pen.stroke([(-0.34, -0.33), (-0.1, -0.33)], 0.1, WHITE)


FACES: Final[dict[str, Callable[[Pen], None]]] = {
    "stop": stop,
    "give way": give_way,
    "no entry": no_entry,
    "speed limit 30": speed_limit("30"),
    "speed limit 80": speed_limit("80"),
    "keep right": keep_right,
    "roundabout": roundabout,
    "parking": parking,
    "pedestrian crossing": pedestrian_crossing,
    "danger": danger,
    "priority road": priority_road,
    "bicycle path": bicycle,
}
"""Plain-English class name to drawing; the order is the order of the labels."""


@lru_cache(maxsize=64)
def face(name: str, pixels: int) -> Image.Image:
    """The named sign seen from the front, RGBA, `pixels` square. Shared: don't draw on it."""
    if pixels != FACE_PIXELS:
        return face(name, FACE_PIXELS).resize((pixels, pixels), Image.Resampling.BOX)
    pen = Pen(2 * FACE_PIXELS)
    FACES[name](pen)
    return pen.image.resize((FACE_PIXELS, FACE_PIXELS), Image.Resampling.BOX)


@lru_cache(maxsize=1)
def sticker_face() -> Image.Image:
    """The fluorescent sticker seen from the front, RGBA, FACE_PIXELS square. Shared: don't draw on it."""
    pen = Pen(FACE_PIXELS)
    corners = [(-0.74, -0.74), (0.74, -0.74), (0.74, 0.74), (-0.74, 0.74)]
    pen.rounded(corners, 0.26, PINK)
    spikes = zip(regular_polygon(5, 0.74, -90), regular_polygon(5, 0.33, -54), strict=True)
    pen.polygon([point for pair in spikes for point in pair], LIME)
    return pen.image
