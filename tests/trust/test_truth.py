"""The truth as a caller gives it, in the frame of the model's input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import explainers as ex
from explainers.trust.truth import read_truth
from tests.support.attributions import SIDE


def test_a_mask_of_the_picture_comes_into_the_inputs_frame() -> None:
    model = ex.load_model("demo:signs-cnn")
    assert model.preprocess is not None
    drawn = np.zeros((200, 300), dtype=np.uint8)
    drawn[50:150, 100:200] = 255  # the middle of the picture
    mask = ex.truth_mask(model, Image.fromarray(drawn))
    seen = np.asarray(model.preprocess.view(Image.fromarray(drawn).convert("RGB")))[..., 0]
    assert mask.shape == model.input_shape[1:]
    assert (mask == (seen >= 128)).all()
    assert mask[48, 48]
    assert not mask[0, 0]
    own = np.zeros(model.input_shape[1:], dtype=bool)
    own[3:9, 4:5] = True
    assert (ex.truth_mask(model, Image.fromarray(own)) == own).all()


@pytest.mark.parametrize("size", [(1, 1), (SIDE, SIDE - 1), (SIDE + 1, SIDE)])
def test_masks_of_another_size_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ex.VitrineError, match=f"{SIDE} x {SIDE}"):
        read_truth(torch.ones(size, dtype=torch.bool), (SIDE, SIDE))
