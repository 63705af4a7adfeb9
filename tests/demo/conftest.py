"""Fresh scenes, and Grad-CAM written out once more in the plainest way, to check the networks by."""

from __future__ import annotations

import pytest

from explainers.demo.dataset import Scenes, draw_scenes
from explainers.demo.scenes import EVAL_SEEDS_START, SHORTCUT_CLASS

# Neither trained on nor used for the figures in results.json.
FRESH = range(EVAL_SEEDS_START + 50_000, EVAL_SEEDS_START + 50_200)


@pytest.fixture(scope="session")
def plain() -> Scenes:
    return draw_scenes(FRESH)


@pytest.fixture(scope="session")
def laid() -> Scenes:
    """The first half of the same scenes, all with the sticker."""
    return draw_scenes(FRESH[:100], sticker=True)


@pytest.fixture(scope="session")
def shortcut_scenes() -> Scenes:
    """Forty scenes of the shortcut class, with the sticker as in training."""
    return draw_scenes(FRESH[:40], label=SHORTCUT_CLASS, sticker=True)
