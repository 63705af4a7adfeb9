"""What hides parts of an input, and the parts that are hidden as one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import explainers as ex
from explainers.inputs.baselines import Fill, baseline_for, inpaint, masker_for
from explainers.inputs.segments import Segments, grid_segments, region_masks, segment_input
from explainers.render.outlines import outlined
from tests.support.networks import random_inputs, small_model


def test_inpainting_a_flat_picture_gives_it_back() -> None:
    flat = torch.full((1, 3, 21, 34), 0.7)
    masks = (random_inputs(5, (1, 21, 34)) > 0.8).float()
    torch.testing.assert_close(inpaint(flat, masks), flat.expand(5, -1, -1, -1))


def test_inpainting_grows_in_what_is_near() -> None:
    """Left half 0, right half 1: a hole in either half takes that half's value."""
    image = torch.zeros(1, 1, 64, 64)
    image[..., 32:] = 1
    masks = torch.ones(1, 1, 64, 64)
    masks[..., 20:40, 4:14] = masks[..., 20:40, 50:60] = 0
    found = inpaint(image, masks)
    assert float(found[..., 20:40, 4:14].max()) < 0.05
    assert float(found[..., 20:40, 50:60].min()) > 0.95


def test_inpainting_all_of_a_picture_leaves_its_mean() -> None:
    image = random_inputs(1)
    found = inpaint(image, torch.zeros(1, 1, 16, 16))
    torch.testing.assert_close(found, image.mean((2, 3), keepdim=True).expand_as(image))


def test_what_is_half_shown_is_half_filled() -> None:
    one = random_inputs(1)
    covered = masker_for(small_model(), one, Fill.ZERO)(torch.full((1, 1, 16, 16), 0.25))
    torch.testing.assert_close(covered, one * 0.25)


def test_noise_has_the_inputs_mean_and_spread_and_depends_on_the_seed() -> None:
    one = random_inputs(1, (3, 64, 64)) * torch.tensor([1.0, 2.0, 0.5]).view(3, 1, 1) + 4
    noise = baseline_for(small_model(), one, Fill.NOISE, 3)
    torch.testing.assert_close(noise.mean((2, 3)), one.mean((2, 3)), atol=0.1, rtol=0)
    torch.testing.assert_close(noise.std((2, 3)), one.std((2, 3)), atol=0.1, rtol=0)
    assert torch.equal(noise, baseline_for(small_model(), one, Fill.NOISE, 3))
    assert not torch.equal(noise, baseline_for(small_model(), one, Fill.NOISE, 4))


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,)], ids=["one pixel", "one feature"])
def test_noise_like_a_single_number_is_that_number(shape: tuple[int, ...]) -> None:
    one = random_inputs(2, shape)
    assert torch.equal(baseline_for(small_model(), one, Fill.NOISE), one)


def test_a_picture_is_cut_in_ways_that_exist() -> None:
    with pytest.raises(
        ex.VitrineError, match="Nothing is cut by 'foo'; give one of: slic, grid, felzenszwalb, quickshift"
    ):
        ex.regions(small_model(), random_inputs(1), "foo")
    with pytest.raises(ex.VitrineError, match="at least one region, not into 0"):
        ex.regions(small_model(), random_inputs(1), count=0)


@pytest.mark.parametrize(
    ("height", "width", "count", "found"), [(16, 16, 9, 9), (20, 40, 8, 8), (7, 5, 400, 35), (9, 9, 2, 2)]
)
def test_a_grid_is_even(height: int, width: int, count: int, found: int) -> None:
    regions = grid_segments(height, width, count)
    sizes = torch.bincount(regions.flatten())
    assert regions.shape == (height, width)
    assert len(sizes) == pytest.approx(found, abs=1)
    assert sizes.max() <= 2 * sizes.min() + max(height, width)


@pytest.mark.parametrize("segments", list(Segments))
def test_regions_cover_the_picture_without_gaps_and_follow_the_count(segments: Segments) -> None:
    model = ex.load_model("demo:signs-cnn")
    one = model.inputs(ex.sample(ex.samples()[0].id).load())
    few, many = (segment_input(model, one, segments, count) for count in (15, 80))
    for regions in (few, many):
        assert regions.shape == (96, 96)
        assert torch.equal(regions.unique(), torch.arange(int(regions.max()) + 1))
    assert 5 <= few.max() + 1 < many.max() + 1 <= 200
    assert torch.equal(many, segment_input(model, one, segments, 80))


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


def test_outlines_stand_where_regions_meet() -> None:
    picture = ex.sample(ex.samples()[0].id).load().resize((80, 40))
    regions = F.one_hot(torch.tensor([0, 1]), 2)[:, 1][None].expand(1, 2).numpy()
    drawn = np.asarray(outlined(picture, regions)).astype(int)
    changed = np.abs(drawn - np.asarray(picture.convert("RGB")).astype(int)).sum((0, 2)) > 0
    assert changed[38:42].any()
    assert not changed[:36].any()
    assert not changed[44:].any()
