"""Boxes: what reads them, what they read, and what they show."""

from __future__ import annotations

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from explainers.graph.boxes import Boxes, ChangedMaps, Extents, SlidingWindow
from explainers.inputs.segments import segment_extents
from explainers.perturbation._family import regions_by_area
from tests.support.boxes import some_boxes, variants_in_boxes
from tests.support.models.networks import random_inputs


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"), list(product([1, 2, 3, 7], [1, 2, 3], [0, 1, 3], [1, 2]))
)
def test_outputs_that_read_a_box_are_found_and_none_besides(
    kernel: int, stride: int, padding: int, dilation: int
) -> None:
    size, boxes = 19, some_boxes((3, 2), 19)
    changed = variants_in_boxes(torch.zeros(1, 1, size, size), boxes).abs()
    counted = F.conv2d(changed, torch.ones(1, 1, kernel, kernel), None, stride, padding, dilation)[:, 0] > 0
    sliding = SlidingWindow((kernel,) * 2, (stride,) * 2, (padding,) * 2, (dilation,) * 2)
    reached = sliding.reached_from(boxes, counted.shape[1:])
    row, column = reached.lines(torch.device("cpu"))
    inside = torch.zeros_like(counted)
    for index in range(len(counted)):
        inside[index, row[index][:, None], column[index]] = True
    assert not (counted & ~inside).any()
    tallest, widest = counted.any(2).sum(1).max(), counted.any(1).sum(1).max()
    if dilation == 1 and kernel >= stride:  # without gaps
        assert reached.size == (max(1, tallest), max(1, widest))


def test_what_other_boxes_show_is_cut_from_the_whole_maps_with_an_edge_around() -> None:
    plain, boxes = random_inputs(1, (5, 20, 20)), some_boxes((4, 6), 20)
    variants = variants_in_boxes(plain, boxes)
    values = torch.stack(
        [v[:, r : r + 4, c : c + 6] for v, (r, c) in zip(variants, boxes.corners.tolist(), strict=True)]
    )
    changed = ChangedMaps(plain, values, boxes)
    assert torch.equal(changed.whole(), variants)
    wider = Boxes(boxes.corners - 3, (11, 12))
    padded = F.pad(variants, [12] * 4, value=7.0)
    expected = [
        v[:, r + 12 : r + 23, c + 12 : c + 24] for v, (r, c) in zip(padded, wider.corners.tolist(), strict=True)
    ]
    assert torch.equal(changed.inside(wider, outside=7.0), torch.stack(expected))


def test_common_boxes_hold_all_and_stay_on_the_map() -> None:
    first, second = Boxes(torch.tensor([[0, 0], [6, 7]]), (2, 3)), Boxes(torch.tensor([[1, 4], [5, 6]]), (3, 2))
    common = Boxes.around([first, second], (10, 10))
    assert common.size == (4, 6)
    assert common.corners.tolist() == [[0, 0], [5, 4]]
    assert common.share((10, 10)) == pytest.approx(0.24)
    middle = Extents.in_the_middle(2, (4, 40), (10, 10))
    assert middle.boxes().corners.tolist() == [[3, 0]] * 2
    assert middle.boxes().size == (4, 10)


def test_boxes_of_regions_hold_them() -> None:
    regions = torch.tensor([[0, 0, 1, 1], [0, 2, 2, 1], [3, 3, 2, 1]])
    order, extents = regions_by_area(regions)
    assert extents is not None
    assert order.tolist() == [3, 0, 2, 1]
    assert extents.corners.tolist() == [[2, 0], [0, 0], [1, 1], [0, 2]]
    assert extents.ends.tolist() == [[3, 2], [2, 2], [3, 3], [3, 4]]
    assert extents.areas().tolist() == [2, 4, 4, 6]
    assert extents.boxes(slice(0, 3)).size == (2, 2)
    assert extents.boxes().size == (3, 2)
    assert extents.boxes(slice(0, 1)).corners.tolist() == [[2, 0]]
    assert segment_extents(torch.arange(4)) is None
