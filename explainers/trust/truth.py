"""Where the evidence is known to lie, as a caller gives it: a mask, a box, or a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.core.model import Model

Truth = Tensor | npt.NDArray[np.bool_] | Sequence[int]


def read_truth(truth: Truth, size: tuple[int, int]) -> Tensor:
    """The mask (H, W), bool on the CPU, that a caller gave as a mask or as a box (left, top, right, bottom) in pixels.

    Raises:
        VitrineError: it does not fit an input of `size` (height, width), or marks nothing or everything.
    """
    height, width = size
    if isinstance(truth, Sequence):
        mask = torch.zeros(size, dtype=torch.bool)
        left, top, right, bottom = _box(truth, size)
        mask[top:bottom, left:right] = True
    else:
        mask = torch.as_tensor(truth).detach().cpu()
        if tuple(mask.shape) != size:
            raise VitrineError(
                f"The mask of the truth has the shape {tuple(mask.shape)}, and the input has {height} x {width} pixels; "
                "give a mask in the input's own frame (see truth_mask)."
            )
        if mask.dtype is not torch.bool:
            raise VitrineError(
                f"The mask of the truth holds {mask.dtype}, not true and false; compare it with a threshold first."
            )
    if not bool(mask.any()) or bool(mask.all()):
        raise VitrineError("The mask of the truth marks nothing, or everything; mark the part where the evidence lies.")
    return mask


def _box(truth: Sequence[int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    height, width = size
    if len(truth) == 4:
        left, top, right, bottom = (int(edge) for edge in truth)
        if 0 <= left < right <= width and 0 <= top < bottom <= height:
            return left, top, right, bottom
    raise VitrineError(
        f"The box of the truth is (left, top, right, bottom) in pixels of the input, inside {width} x {height}, not {tuple(truth)}."
    )


def truth_mask(model: Model, picture: Image.Image) -> npt.NDArray[np.bool_]:
    """A mask drawn over the picture, white where the evidence lies, in the frame of the model's input: (H, W) bool.

    It is resized and cropped as the picture is; one that has the input's own size is taken as it stands.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> mask = ex.truth_mask(model, ex.sample("scene:1000050").regions()["stop"])
        >>> mask.shape, mask.dtype
        ((96, 96), dtype('bool'))
    """
    size = (model.input_shape[-1], model.input_shape[-2])
    grey = picture.convert("L")
    if grey.size != size and model.preprocess is not None:
        grey = model.preprocess.view(grey).convert("L")
    return np.asarray(grey) >= 128
