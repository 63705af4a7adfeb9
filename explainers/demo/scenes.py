"""Road-sign scenes with known truth: a picture, its label, and which pixels belong to which sign.

`draw_scene(seed)` is a pure function of its arguments. Each part of a scene has its own random stream, so
asking for another label, a second sign or the sticker changes that part and leaves the rest as it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from explainers.demo.backdrops import UNITS, Array, Canvas, draw_backdrop, noise
from explainers.demo.drawings import FACE_PIXELS, FACES, HALF_WIDTH, face, sticker_face

Mask: TypeAlias = npt.NDArray[np.bool_]

SIZE: Final = UNITS
"""Side of a scene in pixels; also its side in scene units."""

CLASSES: Final = tuple(FACES)
"""Names of the sign classes; the index is the label."""

SHORTCUT_CLASS: Final = CLASSES.index("speed limit 30")
"""The class that always carries the sticker in the training scenes of `signs-shortcut`."""

TRAIN_SEEDS: Final = range(0, 100_000)
"""Seeds that training may use."""

EVAL_SEEDS_START: Final = 1_000_000
"""Seeds from here on are never trained on."""

SECOND_SIGN_SHARE: Final = 0.2
MAX_HIDDEN: Final = 1 / 3
"""No more than this share of a sign is ever covered."""

SUPERSAMPLE: Final = 3
"""Scenes are drawn this many times larger, then averaged down."""

STICKER_SIDE: Final = 13.0
"""Side of the sticker in scene units."""

# One random stream for each part of a scene.
_LABEL, _BACKDROP, _MAIN, _SECOND, _COVER, _LIGHT, _STICKER = range(7)


@dataclass(frozen=True)
class Sign:
    """One sign of a scene.

    Attributes:
        label: index into CLASSES.
        mask: the pixels where it is visible, (H, W) bool.
    """

    label: int
    mask: Mask


@dataclass(frozen=True)
class Scene:
    """A picture and the truth about it.

    Attributes:
        image: RGB, SIZE x SIZE unless another size was asked for.
        label: class of the main, that is the largest, sign.
        signs: the main sign first, then the smaller one where there is one.
        sticker: the sticker's pixels, (H, W) bool, or None without a sticker.
        seed: what it was drawn from.
    """

    image: Image.Image
    label: int
    signs: tuple[Sign, ...]
    sticker: Mask | None
    seed: int

    def mask_of(self, label: int) -> Mask:
        """Visible pixels of the signs of class `label`, (H, W) bool; all False if there are none."""
        mask = np.zeros(self.image.size[::-1], dtype=np.bool_)
        for sign in self.signs:
            if sign.label == label:
                mask |= sign.mask
        return mask


@dataclass(frozen=True)
class _Placed:
    """Where a sign stands: all lengths in scene units.

    Attributes:
        corners: where the corners of its face picture come to lie, (4, 2), clockwise from the top left.
        side: its diameter before it is turned.
        brightness: of its paint, 1 when new.
    """

    label: int
    centre: tuple[float, float]
    side: float
    corners: Array
    brightness: float

    def layer(self, pixels: int) -> Image.Image:
        """The sign alone on a transparent canvas, RGBA, `pixels` square."""
        # A face much finer than the canvas would alias under the warp.
        wanted = self.side * HALF_WIDTH * pixels / UNITS
        picture = face(CLASSES[self.label], next((r for r in (64, 128, 256) if r >= wanted), FACE_PIXELS))
        worn = ImageEnhance.Brightness(picture.convert("RGB")).enhance(self.brightness)
        worn.putalpha(picture.getchannel("A"))
        return _warp(worn, self.corners * (pixels / UNITS), pixels)

    def footprint(self) -> Mask:
        """What it touches on a grid of one scene unit, the same for every size of picture, (UNITS, UNITS)."""
        return np.asarray(self.layer(UNITS).getchannel("A")) > 0


def _pose(rng: np.random.Generator, side: float) -> Array:
    """Corners of a face turned in space and seen in perspective, relative to its centre, (4, 2) in scene units."""
    yaw, pitch = rng.uniform(-0.65, 0.65), rng.uniform(-0.35, 0.35)
    roll = rng.normal(0, 0.12)
    x, y = np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]], dtype=np.float32) * HALF_WIDTH
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    x, depth = x * math.cos(yaw), x * math.sin(yaw)
    y, depth = y * math.cos(pitch), depth + y * math.sin(pitch)
    corners: Array = np.stack([x, y], 1) / (1 + depth / 4)[:, None] * (side / 2)
    return corners


def _warp(picture: Image.Image, corners: Array, pixels: int) -> Image.Image:
    """The square picture laid on a canvas of `pixels` with its corners at `corners`, (4, 2) in pixels."""
    s = float(picture.width)
    rows, values = [], []
    for (x, y), (u, v) in zip(corners.tolist(), ((0.0, 0.0), (s, 0.0), (s, s), (0.0, s)), strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    coefficients = np.linalg.solve(np.array(rows), np.array(values)).tolist()
    return picture.transform(
        (pixels, pixels), Image.Transform.PERSPECTIVE, coefficients, resample=Image.Resampling.BICUBIC
    )


def _place(rng: np.random.Generator, label: int, centre: tuple[float, float], side: float) -> _Placed:
    corners = _pose(rng, side) + np.array(centre, dtype=np.float32)
    return _Placed(label, centre, side, corners, float(rng.uniform(0.82, 1.0)))


def _coverage(layer: Image.Image, size: int) -> Array:
    """Opacity of an RGBA layer averaged down to the final size, (size, size) in 0..1."""
    opacity = layer.getchannel("A").resize((size, size), Image.Resampling.BOX)
    return np.asarray(opacity, dtype=np.float32) / np.float32(255)


def _free_centres(occupied: Mask, radius: float) -> npt.NDArray[np.int64]:
    """Centres (row, column) from which a square of half-side `radius` lies in the frame and clear of `occupied`."""
    r = math.ceil(radius)
    sums = np.pad(occupied, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    window = 2 * r + 1
    inside = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
    return np.argwhere(inside == 0) + r


def _main_sign(seed: int, label: int) -> _Placed:
    rng = np.random.default_rng([seed, _MAIN])
    side = math.exp(rng.uniform(math.log(31), math.log(54)))
    margin = side * 0.56
    x, y = rng.uniform(margin, UNITS - margin, 2)
    return _place(rng, label, (float(x), float(y)), side)


def _second_sign(seed: int, main: _Placed, wanted: bool | None) -> _Placed | None:
    """A clearly smaller sign of another class clear of the main one, if there is to be one."""
    rng = np.random.default_rng([seed, _SECOND])
    by_chance = bool(rng.random() < SECOND_SIGN_SHARE)
    if not (by_chance if wanted is None else wanted):
        return None
    label = (main.label + 1 + int(rng.integers(len(CLASSES) - 1))) % len(CLASSES)
    side, occupied = main.side * rng.uniform(0.42, 0.58), main.footprint()
    while len(centres := _free_centres(occupied, side * 0.6)) == 0:
        side *= 0.9
    row, column = centres[rng.integers(len(centres))]
    return _place(rng, label, (float(column) + 0.5, float(row) + 0.5), side)


def _draw_pole(canvas: Canvas, sign: _Placed, rng: np.random.Generator) -> None:
    """The post behind a sign; one in four hangs without."""
    if rng.random() < 0.25:
        return
    (x, y), width, grey = sign.centre, sign.side * 0.075, int(rng.integers(110, 175))
    canvas.box(x - width / 2, y, x + width / 2, UNITS, (grey, grey, grey + 4))
    canvas.box(x - width / 2, y, x - width / 6, UNITS, (grey + 40, grey + 40, grey + 42))


def _cover(seed: int, main: _Placed, pixels: int) -> Image.Image:
    """What stands before the signs, RGBA: nothing, twigs with leaves, a pole or specks of mud."""
    rng = np.random.default_rng([seed, _COVER])
    layer = Image.new("RGBA", (pixels, pixels))
    if (kind := rng.random()) > 0.42:
        return layer
    draw, scale = ImageDraw.Draw(layer), pixels / UNITS
    (x, y), r, angle = main.centre, main.side / 2, rng.uniform(0, 2 * math.pi)

    def blob(cx: float, cy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse([v * scale for v in (cx - rx, cy - ry, cx + rx, cy + ry)], fill=(*colour, 255))

    if kind < 0.24:
        far = rng.uniform(0.75, 1.15) * r
        cx, cy = x + far * math.cos(angle), y + far * math.sin(angle)
        green = rng.integers((40, 80, 30), (110, 130, 60))
        for _ in range(34):
            dx, dy = rng.normal(0, r * 0.28, 2)
            red, mid, blue = (int(c) for c in green * rng.uniform(0.6, 1.25))
            blob(cx + dx, cy + dy, rng.uniform(1.2, 2.6), rng.uniform(0.9, 1.8), (red, mid, blue))
    elif kind < 0.32:
        cx, lean, grey = x + rng.uniform(-0.8, 0.8) * r, rng.uniform(-9, 9), int(rng.integers(50, 120))
        ends = [(cx - lean) * scale, 0, (cx + lean) * scale, pixels]
        draw.line(ends, fill=(grey, grey, grey, 255), width=round(rng.uniform(2, 4.5) * scale))
    else:
        for _ in range(rng.integers(4, 10)):
            dx, dy = rng.normal(0, r * 0.5, 2)
            blob(x + dx, y + dy, rng.uniform(0.8, 2.6), rng.uniform(0.8, 2.6), (96, 82, 66))
    return layer


def _hidden_share(layer: Image.Image, cover: Image.Image) -> float:
    """Share of the area of a sign, given as its layer, that lies behind the cover."""
    sign = np.asarray(layer.getchannel("A")) > 127
    return float((np.asarray(cover.getchannel("A"))[sign] > 127).mean())


def _light(seed: int, picture: Image.Image, size: int) -> Image.Image:
    """Exposure, tint, a gradient of light, shadows, blur and grain, and the way down to the final size."""
    rng = np.random.default_rng([seed, _LIGHT])
    exposure, tint = (
        math.exp(np.clip(rng.normal(0.03, 0.16), -0.3, 0.35)),
        np.exp(rng.normal(0, 0.045, 3)).astype(np.float32),
    )
    angle, slope = rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.28)
    blur = float(np.clip(rng.normal(0.2, 0.3), 0, 0.8)) * size / UNITS
    small = picture.resize((size, size), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur))
    t = np.linspace(-1, 1, size, dtype=np.float32)
    gain = 1 + slope * (math.cos(angle) * t[None, :] + math.sin(angle) * t[:, None])
    if rng.random() < 0.35:
        gain = gain * (1 - 0.34 * np.clip(noise(rng, size, 7) * 2.5, 0, 1))
    vignette = 1 - 0.1 * (t[None, :] ** 2 + t[:, None] ** 2)
    values = np.asarray(small, dtype=np.float32) * (gain * vignette * exposure)[..., None] * tint
    grain = np.stack([noise(rng, size, UNITS) for _ in range(3)], -1) * rng.uniform(0.5, 5)
    # A soft shoulder keeps bright skies from clipping to plain white.
    values = np.where(values > 200, 200 + 55 * np.tanh((values - 200) / 70), values) + grain
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _lay_sticker(seed: int, image: Image.Image, occupied: Mask) -> tuple[Image.Image, Mask]:
    """Lays the sticker clear of all signs; the pixels outside the returned mask are untouched."""
    rng = np.random.default_rng([seed, _STICKER])
    size, scale = image.width, image.width / UNITS
    centres = _free_centres(occupied, STICKER_SIDE * 0.75)
    row, column = centres[rng.integers(len(centres))]
    turn, fine = rng.uniform(-0.35, 0.35), 4 * size
    half = STICKER_SIDE / 2 * HALF_WIDTH * scale * 4
    base = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float32) * half
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], dtype=np.float32)
    corners = base @ rotation + np.array([column + 0.5, row + 0.5], dtype=np.float32) * scale * 4
    layer = _warp(sticker_face().resize((128, 128), Image.Resampling.BOX), corners, fine)
    layer = layer.resize((size, size), Image.Resampling.BOX)
    return Image.composite(layer.convert("RGB"), image, layer.getchannel("A")), np.asarray(layer.getchannel("A")) > 0


def draw_scene(
    seed: int, label: int | None = None, sticker: bool = False, second: bool | None = None, size: int = SIZE
) -> Scene:
    """Draws the scene of a seed.

    Args:
        seed: any integer from 0; TRAIN_SEEDS for training, from EVAL_SEEDS_START for measuring.
        label: class of the main sign; None lets the seed choose.
        sticker: lay the sticker beside the signs. All other pixels stay exactly as without it.
        second: whether a smaller sign of another class stands by; None lets the seed choose (one in five).
        size: side in pixels. The same place drawn finer; meant for display.
    """
    if label is None:
        label = int(np.random.default_rng([seed, _LABEL]).integers(len(CLASSES)))
    if not 0 <= label < len(CLASSES):
        raise ValueError(f"label {label} is not one of the classes, 0 to {len(CLASSES) - 1}")
    pixels = size * SUPERSAMPLE
    rng = np.random.default_rng([seed, _BACKDROP])
    canvas = draw_backdrop(rng, pixels)
    main = _main_sign(seed, label)
    other = _second_sign(seed, main, second)
    placed = [main] if other is None else [main, other]
    for sign in placed:
        _draw_pole(canvas, sign, rng)
    layers = [sign.layer(pixels) for sign in placed]
    for layer in layers:
        canvas.image.paste(layer, (0, 0), layer)
    cover = _cover(seed, main, pixels)
    if any(_hidden_share(layer, cover) > MAX_HIDDEN for layer in layers):
        cover = Image.new("RGBA", cover.size)
    canvas.image.paste(cover, (0, 0), cover)
    image, laid = _light(seed, canvas.image, size), None
    uncovered = 1 - _coverage(cover, size)
    visible = [_coverage(layer, size) * uncovered > 0.5 for layer in layers]
    if sticker:
        image, laid = _lay_sticker(seed, image, np.any([sign.footprint() for sign in placed], axis=0))
    signs = tuple(Sign(sign.label, mask) for sign, mask in zip(placed, visible, strict=True))
    return Scene(image, label, signs, laid, seed)
