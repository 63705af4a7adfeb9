"""Figures hold all their parts, whatever the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from explainers.render.figure import figure
from explainers.render.lettering import line_height
from explainers.render.overlay import overlay
from explainers.render.scale import Scale


def test_a_figure_holds_image_overlay_bar_and_words(photo: Image.Image) -> None:
    cam, scale = torch.rand(7, 7), Scale(0, 1)
    plain = figure(photo.resize((300, 200)), cam, scale)
    worded = figure(photo.resize((300, 200)), cam, scale, title="Grad-CAM", caption="A cat, or not; " * 20)
    assert worded.mode == "RGB"
    assert worded.width == plain.width > 600
    assert worded.height > plain.height > 200
    lines = [figure(photo.resize((300, 200)), cam, scale, caption=words).height for words in ("one two", "one\ntwo")]
    assert lines[1] - lines[0] == line_height(14)
    pixels = np.asarray(plain)
    assert np.array_equal(pixels[24:224, 24:324], np.asarray(photo.resize((300, 200))))
    drawn = np.asarray(overlay(photo.resize((300, 200)), cam, scale))
    assert np.array_equal(pixels[24:224, 340:640], drawn)


@pytest.mark.parametrize("size", [(96, 96), (3000, 20), (1, 1)])
def test_figures_of_any_picture_are_legible(size: tuple[int, int]) -> None:
    sheet = figure(Image.new("RGB", size), np.zeros((7, 7)), Scale(0, 1), title="x" * 500, caption="word " * 50)
    assert 96 <= sheet.width <= 2200
