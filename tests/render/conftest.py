"""Pictures that the tests of drawing share."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import explainers as ex


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (70, 140, 3), np.uint8))


@pytest.fixture
def cat() -> Image.Image:
    return ex.sample("photo:chelsea").load()
