"""Segments: the parts of an input that are hidden or shown as one."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.inputs.segments import Segments, grid_segments, region_masks, segment_extents, segment_input
from tests.support.models.networks import random_inputs, small_model


def test_a_picture_is_cut_in_ways_that_exist() -> None:
    with pytest.raises(
        ex.VitrineError, match="Nothing is cut by 'foo'; give one of: slic, grid, felzenszwalb, quickshift"
    ):
        ex.regions(small_model(), random_inputs(1), "foo")
    with pytest.raises(ex.VitrineError, match="at least one region, not into 0"):
        ex.regions(small_model(), random_inputs(1), count=0)


@pytest.mark.parametrize(
    ("height", "width", "count", "segments"), [(16, 16, 9, 9), (20, 40, 8, 8), (7, 5, 400, 35), (9, 9, 2, 2)]
)
def test_a_grid_is_even(height: int, width: int, count: int, segments: int) -> None:
    regions = grid_segments(height, width, count)
    sizes = torch.bincount(regions.flatten())
    assert regions.shape == (height, width)
    assert len(sizes) == pytest.approx(segments, abs=1)
    assert sizes.max() <= 2 * sizes.min() + max(height, width)


@pytest.mark.parametrize("segments", list(Segments))
def test_regions_cover_the_picture_without_gaps_and_follow_the_count(segments: Segments) -> None:
    model = ex.load_model("demo:signs-cnn")
    image = model.inputs(ex.sample(ex.samples()[0].id).load())
    few, many = (segment_input(model, image, segments, count) for count in (15, 80))
    for regions in (few, many):
        assert regions.shape == (96, 96)
        assert torch.equal(regions.unique(), torch.arange(int(regions.max()) + 1))
    assert 5 <= few.max() + 1 < many.max() + 1 <= 200
    assert torch.equal(many, segment_input(model, image, segments, 80))


@pytest.mark.parametrize("segments", [Segments.SLIC, Segments.FELZENSZWALB])
def test_regions_follow_edges(segments: Segments) -> None:
    """A red square on grey: no region lies on both."""
    square = torch.zeros(1, 3, 60, 60)
    square[:, 0, 15:45, 15:45] = 2
    regions = segment_input(ex.wrap(torch.nn.Flatten(), input_shape=(3, 60, 60)), square, segments, 12)
    inside = set(regions[16:44, 16:44].flatten().tolist())
    outside = set(regions[:14].flatten().tolist())
    assert not inside & outside


def test_features_of_a_vector_are_its_regions() -> None:
    assert segment_input(small_model(), torch.zeros(1, 5), Segments.SLIC, 2).tolist() == [0, 1, 2, 3, 4]


def test_sequences_and_volumes_are_cut_evenly() -> None:
    sequence = segment_input(small_model(), torch.zeros(1, 4, 10), Segments.SLIC, 4)
    assert sequence.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert segment_input(small_model(), torch.zeros(1, 4, 3), Segments.SLIC, 50).tolist() == [0, 1, 2]
    volume = segment_input(small_model(), torch.zeros(1, 3, 2, 4, 4), Segments.GRID, 4)
    assert volume.shape == (2, 4, 4)
    assert volume[0].tolist() == volume[1].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


def test_masks_of_regions() -> None:
    regions = torch.tensor([[0, 0, 1], [2, 2, 1]])
    masks = region_masks(torch.tensor([[1.0, 0.0, 0.5]]), regions, torch.zeros(1, 3, 2, 3))
    assert masks.tolist() == [[[[1, 1, 0], [0.5, 0.5, 0]]]]
    assert region_masks(torch.eye(3), torch.arange(3), torch.zeros(1, 3)).tolist() == torch.eye(3).tolist()
    of_a_sequence = region_masks(torch.eye(2), torch.tensor([0, 0, 1]), torch.zeros(1, 4, 3))
    assert of_a_sequence.tolist() == [[[1, 1, 0]], [[0, 0, 1]]]


def test_extents_are_the_boxes_of_the_regions() -> None:
    extents = segment_extents(torch.tensor([[0, 0, 1], [2, 0, 1]]))
    assert extents is not None
    assert extents.corners.tolist() == [[0, 0], [0, 2], [1, 0]]
    assert extents.ends.tolist() == [[2, 2], [2, 3], [2, 1]]
    assert extents.within == (2, 3)
    assert segment_extents(torch.arange(5)) is None
