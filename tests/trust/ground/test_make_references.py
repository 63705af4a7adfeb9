"""Making a reference anew from few scenes: it is near the one that was shipped, and comes back from its file."""

from __future__ import annotations

from pathlib import Path

import torch

import explainers as ex
from explainers.demo.dataset import SceneStore, normalise
from explainers.demo.scenes import EVAL_SEEDS_START
from explainers.trust.ground.bundled import bundled_reference
from explainers.trust.ground.make_references import disturbed, make_reference


def test_few_scenes_give_about_the_same(tmp_path: Path) -> None:
    held_out = range(EVAL_SEEDS_START + 700_000, EVAL_SEEDS_START + 700_040)
    made = make_reference("signs-cnn", SceneStore(tmp_path), range(300), held_out)
    shipped = bundled_reference(ex.load_model("demo:signs-cnn"))
    assert shipped is not None
    assert (made.fingerprint, made.layer, made.world) == (shipped.fingerprint, shipped.layer, shipped.world)
    assert made.means.shape == shipped.means.shape
    # A class's mean is of 25 scenes here, of 333 there: distances between the two are small beside those of the classes.
    apart = torch.cdist(made.means, shipped.means)
    assert apart.argmin(1).tolist() == list(range(12))
    assert 2 * float(apart.diagonal().max()) < float((apart + 100 * torch.eye(12)).min())
    assert int(made.counts.sum()) == 4 * 40
    assert len(made.distances) == 40


def test_scenes_are_spoilt_as_the_names_say() -> None:
    images = torch.randint(100, 156, (2, 3, 96, 96), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    kinds = dict(disturbed(images, torch.Generator().manual_seed(0)))
    assert torch.equal(kinds["as drawn"], normalise(images))
    assert kinds["blurred"].std() < 0.3 * kinds["as drawn"].std()
    assert kinds["noisy"].std() > kinds["as drawn"].std()
    torch.testing.assert_close(kinds["dark"] + 1, (kinds["as drawn"] + 1) * 0.35)
