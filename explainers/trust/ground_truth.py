"""Where truth is known: does the map lie where the evidence is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.trust.context import CheckContext
from explainers.trust.ranking import overlap, top_mask
from explainers.trust.registry import Asks, CheckOptions, check
from explainers.trust.verdict import Finding, percent

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
    """
    size = (model.input_shape[-1], model.input_shape[-2])
    grey = picture.convert("L")
    if grey.size != size and model.preprocess is not None:
        grey = model.preprocess.view(grey).convert("L")
    return np.asarray(grey) >= 128


def inside(heat: Tensor, mask: Tensor) -> float | None:
    """Share of a map's positive values that lie inside the mask, 0 to 1; None where none is positive."""
    positive = heat.double().clamp_min(0)
    total = float(positive.sum())
    return min(1.0, float(positive[mask].sum()) / total) if total > 0 else None


def hit(heat: Tensor, mask: Tensor) -> float:
    """The pointing game: 1 if the maximum of the map lies inside the mask, else 0; if several places share it, their share inside."""
    strongest = heat == heat.max()
    return float(mask[strongest].double().mean())


def _known(name: str, value: float, chance: float, sentence: str, clause: str) -> Finding:
    """A finding that is good from one half on, and bad where a map that knows nothing would do as well."""
    good = True if value >= 0.5 else (False if value <= chance else None)
    return Finding(name, value, good, sentence, clause, None, {"by chance": chance})


def _setting(trial: CheckContext) -> tuple[Tensor, float]:
    assert trial.truth is not None  # Asks.TRUTH
    return trial.truth, float(trial.truth.double().mean())


@check(
    "pointing-game", options=CheckOptions,
    title="Pointing game",
    citation="Zhang et al. 2016, arXiv:1608.00507",
    says="Whether the strongest point of the map lies where the evidence is known to be.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def pointing_game(trial: CheckContext, options: CheckOptions) -> Finding:
    """1 or 0; a share where several points are equally strong."""
    mask, chance = _setting(trial)
    value = hit(trial.heat, mask)
    where = "inside" if value == 1 else ("outside" if value == 0 else "partly inside")
    said = f"its strongest point lies {where} the marked region"
    return _known("pointing-game", value, chance, f"{said.capitalize()}.", said)


@check(
    "energy-inside", options=CheckOptions,
    title="Energy inside",
    citation="Wang et al. 2020, arXiv:1910.01279",
    says="The share of the map's positive values that lie where the evidence is known to be.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def energy_inside(trial: CheckContext, options: CheckOptions) -> Finding:
    """Sum of the positive values inside, over all of them."""
    mask, chance = _setting(trial)
    value = inside(trial.heat, mask)
    if value is None:
        return Finding(
            "energy-inside", None, None, "No value of the map is positive, so there is nothing to find inside."
        )
    sentence = f"{percent(value)} of the map's positive values lie inside the marked region, which is {percent(chance)} of the picture."
    return _known("energy-inside", value, chance, sentence, f"{percent(value)} of it lies inside the marked region")


@check(
    "truth-overlap", options=CheckOptions,
    title="Overlap with the truth",
    citation="Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x",
    says="Intersection over union of the region and as many of the strongest pixels as it has.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def truth_overlap(trial: CheckContext, options: CheckOptions) -> Finding:
    """Intersection over union, with the size of the region as the threshold."""
    mask, chance = _setting(trial)
    value = overlap(top_mask(trial.heat, int(mask.sum())), mask)
    sentence = f"The strongest pixels, as many as the marked region has, and the region overlap by {percent(value)} of their union."
    return _known("truth-overlap", value, chance / (2 - chance), sentence, "")


@check(
    "relevance-rank-accuracy", options=CheckOptions,
    title="Relevance-rank accuracy",
    citation="Arras, Osman & Samek 2022, arXiv:2003.07258",
    says="Of as many of the strongest pixels as the region has, the share that lie in it.",
    better="higher", low=0, high=1, needs=Asks.TRUTH | Asks.IMAGES, quick=True,
)  # fmt: skip
def relevance_rank_accuracy(trial: CheckContext, options: CheckOptions) -> Finding:
    """Share of the strongest K pixels inside the region of K pixels."""
    mask, chance = _setting(trial)
    count = int(mask.sum())
    value = int((top_mask(trial.heat, count) & mask).sum()) / count
    sentence = f"Of the {count} strongest pixels, as many as the marked region has, {percent(value)} lie inside it."
    return _known("relevance-rank-accuracy", value, chance, sentence, "")
