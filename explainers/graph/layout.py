"""Where height, width and channels are in what a layer puts out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

MAX_PREFIX_TOKENS = 8  # class token, distillation token, registers


@dataclass(frozen=True)
class Layout:
    """Where height, width and channels are in a layer's output.

    Attributes:
        kind: "nchw"; "nhwc"; or "tokens", (N, prefix + height * width, C).
        prefix: how many tokens stand before those of the image.
    """

    kind: Literal["nchw", "nhwc", "tokens"]
    height: int
    width: int
    prefix: int = 0

    @property
    def channel_axis(self) -> int:
        """Which dimension of the output, batch included, holds the channels."""
        return {"nchw": 1, "nhwc": 3, "tokens": 2}[self.kind]

    def spatial(self, output: Tensor) -> Tensor:
        """The output as (N, C, height, width); tokens that are no part of the image are left out."""
        if self.kind == "nchw":
            return output
        if self.kind == "nhwc":
            return output.permute(0, 3, 1, 2)
        grid = output[:, self.prefix :].reshape(len(output), self.height, self.width, -1)
        return grid.permute(0, 3, 1, 2)

    def unturned(self, output: Tensor) -> Tensor:
        """What `channels_second` has made of the layer's output, as the layer puts it out."""
        return output.permute(0, 2, 3, 1) if self.kind == "nhwc" else output

    def over_places(self, masks: Tensor) -> Tensor:
        """Masks (m, height, width) in a shape to multiply the output with; 1 for tokens that are no part of the image."""
        if self.kind == "tokens":
            return F.pad(masks.flatten(1), (self.prefix, 0), value=1.0).unsqueeze(2)
        return masks.unsqueeze(self.channel_axis)


def find_layout(shape: Sequence[int], batch: int, image: tuple[int, int]) -> Layout | None:
    """Read a layer's output shape as a map over an image of (height, width) pixels, if it is one."""
    if shape[0] != batch:  # windows of a shifted-window transformer: not one row per input
        return None
    height, width = image
    readings: list[Layout] = []
    if len(shape) == 4:
        readings = [Layout("nchw", shape[2], shape[3]), Layout("nhwc", shape[1], shape[2])]
    if len(shape) == 3:
        for prefix in range(min(MAX_PREFIX_TOKENS, shape[1]) + 1):
            tokens = shape[1] - prefix
            rows = round(math.sqrt(tokens * height / width))
            if rows > 1 and tokens % rows == 0 and _patches(rows, tokens // rows, height, width):
                readings.append(Layout("tokens", rows, tokens // rows, prefix))
    possible = [
        r
        for r in readings
        if r.height * r.width > 1 and r.height <= height and r.width <= width
        if _same_aspect(r.height, r.width, height, width)
    ]
    # 21 tokens of a square image are 5 and a grid of 4 x 4, rather than 1 and a padded grid of 4 x 5.
    exact = [r for r in possible if r.height * width == r.width * height]
    return next(iter(exact or possible), None)


def _patches(rows: int, columns: int, height: int, width: int) -> bool:
    """Whether square patches of one size cover the image in this grid, the last of a line cut off or padded."""
    sides = range(max(1, height // (rows + 1)), height // rows + 2)
    return any(
        (height // side, width // side) == (rows, columns) or (-(-height // side), -(-width // side)) == (rows, columns)
        for side in sides
    )


def _same_aspect(h: int, w: int, height: int, width: int) -> bool:
    """Whether an h x w grid covers the image with square steps, give or take one cell of padding."""
    step = max(height / h, width / w)
    return abs(height / step - h) <= 1 and abs(width / step - w) <= 1 and w * h <= height * width


@dataclass(frozen=True)
class Windows:
    """Tokens that attend within windows of the image, as torchvision's Swin lays them out.

    Attributes:
        height, width: of the whole grid of tokens.
        window: rows and columns of one window.
        shift: how far the grid was rolled up and to the left before it was cut into windows.
    """

    height: int
    width: int
    window: tuple[int, int]
    shift: tuple[int, int]

    def spatial(self, values: Tensor) -> Tensor:
        """Values per token (N * windows, tokens of a window, C) put back together: (N, C, height, width)."""
        rows, columns = (
            -(-side // length) for side, length in zip((self.height, self.width), self.window, strict=True)
        )
        tiles = values.reshape(-1, rows, columns, *self.window, values.shape[-1])
        grid = tiles.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
        return grid.roll(self.shift, (2, 3))[..., : self.height, : self.width]
