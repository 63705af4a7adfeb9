"""Rows that differ from one plain row in a box only, and what they look like in any other box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Size = tuple[int, int]


@dataclass(frozen=True)
class Boxes:
    """A box in the map of every row, all of one size.

    Attributes:
        corners: row and column of each box's upper left corner, (m, 2) int64 on the CPU.
        size: height and width.
    """

    corners: Tensor
    size: Size

    @classmethod
    def between(cls, corners: Tensor, ends: Tensor, within: Sequence[int]) -> Boxes:
        """The smallest boxes of one size that hold all from `corners` to `ends` (m, 2), the latter excluded, of maps of a size."""
        limits = torch.tensor(within)
        corners, ends = corners.clamp_min(0), torch.minimum(ends, limits)
        size = (ends - corners).amax(0).clamp_min(1)
        height, width = size.tolist()
        return cls(torch.minimum(corners, limits - size), (height, width))

    @classmethod
    def around(cls, boxes: Sequence[Boxes], within: Sequence[int]) -> Boxes:
        """The smallest boxes of one size that hold these of the same rows."""
        corners = torch.stack([box.corners for box in boxes]).amin(0)
        ends = torch.stack([box.corners + torch.tensor(box.size) for box in boxes]).amax(0)
        return cls.between(corners, ends, within)

    def lines(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """The rows (m, h) and the columns (m, w) of the map that are in each box."""
        corners = self.corners.to(device)
        height, width = (torch.arange(side, device=device) for side in self.size)
        return corners[:, :1] + height, corners[:, 1:] + width

    def share(self, of: Sequence[int]) -> float:
        """Of the area of a map."""
        return self.size[0] * self.size[1] / (of[0] * of[1])


@dataclass(frozen=True)
class Extents:
    """What part of a map each of many rows may differ in, in boxes of any sizes.

    Attributes:
        corners, ends: row and column of the first pixel, and of the one after the last, (m, 2) int64 on the CPU.
        within: height and width of the map; boxes may reach over its edges.
    """

    corners: Tensor
    ends: Tensor
    within: Size

    @classmethod
    def in_the_middle(cls, count: int, size: Size, within: Size) -> Extents:
        """As many times a box of a size in the middle of the map."""
        middle = torch.tensor([(side - part) // 2 for side, part in zip(within, size, strict=True)]).expand(count, 2)
        return cls(middle, middle + torch.tensor(size), within)

    def take(self, rows: Tensor) -> Extents:
        """Those of some of the rows, by their numbers."""
        return Extents(self.corners[rows], self.ends[rows], self.within)

    def boxes(self, rows: slice = slice(None)) -> Boxes:
        """Boxes of one size for some of the rows."""
        return Boxes.between(self.corners[rows], self.ends[rows], self.within)

    def areas(self) -> Tensor:
        """How many pixels each of the rows may differ in, (m,)."""
        return (self.ends - self.corners).prod(1)


@dataclass(frozen=True)
class SlidingWindow:
    """How a convolution or a pooling moves over its map: (rows, columns) of each."""

    kernel: Size
    stride: Size
    padding: Size
    dilation: Size

    @property
    def reach(self) -> Tensor:
        """How many rows and columns one output reads."""
        return torch.tensor(self.dilation) * (torch.tensor(self.kernel) - 1) + 1

    def reached_from(self, boxes: Boxes, within: Sequence[int]) -> Boxes:
        """The outputs that read something in these boxes, of maps of a size."""
        stride, padding = torch.tensor(self.stride), torch.tensor(self.padding)
        first = -((self.reach - 1 - padding - boxes.corners) // stride)
        last = (boxes.corners + torch.tensor(boxes.size) - 1 + padding) // stride
        return Boxes.between(first, last + 1, within)

    def read_by(self, boxes: Boxes) -> Boxes:
        """What the outputs in these boxes read; it may reach over the edges, by the padding."""
        stride = torch.tensor(self.stride)
        height, width = ((torch.tensor(boxes.size) - 1) * stride + self.reach).tolist()
        return Boxes(boxes.corners * stride - torch.tensor(self.padding), (height, width))


@dataclass(frozen=True)
class ChangedMaps:
    """Maps (m, C, H, W) that differ from a plain one in a box each.

    Attributes:
        plain: (1, C, H, W).
        values: what is in the boxes, (m, C, h, w).
    """

    plain: Tensor
    values: Tensor
    boxes: Boxes

    @property
    def map_size(self) -> Size:
        height, width = self.plain.shape[-2:]
        return height, width

    def inside(self, boxes: Boxes, outside: float = 0.0) -> Tensor:
        """What other boxes of the same maps show, (m, C, h, w); `outside` is what lies over the edges."""
        (height, width), (h, w), m = self.map_size, self.boxes.size, len(self.values)
        device = self.plain.device
        # A pixel's channels lie together, so that the boxes are put together by copying rows of one long table.
        table = torch.cat(
            [_pixels(self.plain), _pixels(self.values), self.plain.new_full((1, self.plain.shape[1]), outside)]
        )
        row, column = boxes.lines(device)
        known = self.boxes.corners.to(device)
        own_row, own_column = row - known[:, :1], column - known[:, 1:]
        from_plain = _grid(row * width, column)
        from_values = (
            height * width + _grid(own_row * w, own_column) + h * w * torch.arange(m, device=device).view(-1, 1, 1)
        )
        changed = _both((own_row >= 0) & (own_row < h), (own_column >= 0) & (own_column < w))
        there = _both((row >= 0) & (row < height), (column >= 0) & (column < width))
        index = torch.where(there, torch.where(changed, from_values, from_plain), len(table) - 1)
        return table.index_select(0, index.flatten()).view(m, *boxes.size, -1).permute(0, 3, 1, 2)

    def whole(self) -> Tensor:
        """All of the maps, (m, C, H, W)."""
        return self.inside(Boxes(torch.zeros_like(self.boxes.corners), self.map_size))


def _pixels(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _grid(rows: Tensor, columns: Tensor) -> Tensor:
    return rows.unsqueeze(2) + columns.unsqueeze(1)


def _both(rows: Tensor, columns: Tensor) -> Tensor:
    return rows.unsqueeze(2) & columns.unsqueeze(1)
