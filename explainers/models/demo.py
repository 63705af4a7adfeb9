"""The bundled models: small networks with known truth, which need no download."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.preprocess import Preprocess
from explainers.demo.networks import NETWORKS, PIXEL_MEAN, PIXEL_STD, WEIGHTS
from explainers.demo.scenes import CLASSES, SIZE
from explainers.models.labels import Labels, read_labels
from explainers.models.paths import expanded
from explainers.models.state_dict_fitting import load_into

DESCRIPTIONS: Final = {
    "signs-cnn": "a small residual network that tells twelve road signs apart",
    "signs-vit": "a small vision transformer that tells twelve road signs apart",
    "signs-shortcut": "the residual network, trained where one class always carries a sticker",
    "diabetes-mlp": "a perceptron that predicts how diabetes progresses, from ten measurements",
}

FEATURES: Final = 10
"""Columns of the diabetes table."""


def demo_models() -> list[str]:
    """Names of the bundled models."""
    return list(DESCRIPTIONS)


def weights_path(name: str) -> Path:
    """Where a bundled model's weights lie.

    Raises:
        VitrineError: there is no such model.
    """
    if name not in DESCRIPTIONS:
        close = get_close_matches(name.lower(), DESCRIPTIONS, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(DESCRIPTIONS)}."
        raise VitrineError(f"There is no demo model {name!r}; {hint}")
    return WEIGHTS / f"{name}.safetensors"


def demo_metadata(name: str) -> dict[str, str]:
    """What a bundled model's file says besides its weights: classes or features, standardisation, measured figures."""
    with safe_open(_existing(name), "pt") as file:
        return dict(file.metadata() or {})


def _existing(name: str) -> Path:
    path = weights_path(name)
    if not path.is_file():
        raise VitrineError(
            f"The weights of demo:{name} are not installed; make them with: python -m explainers.demo.train {name}"
        )
    return path


def load_demo(name: str, file: str | Path | None = None, labels: Labels | None = None) -> Model:
    """A bundled model, ready to be asked.

    Args:
        file: weights to load instead of the bundled ones.
        labels: names of the outputs instead of its own.

    Raises:
        VitrineError: no such model, or a file that can't be read or does not fit.
    """
    path = _existing(name) if file is None else expanded(file)
    with torch.device("meta"):  # without memory until its weights come, and without drawing random numbers
        network = NETWORKS[name]()
    load_into(network, path)
    network.eval().requires_grad_(False)
    note = (
        f"Bundled: {DESCRIPTIONS[name]}." if file is None else f"Weights from {path.name}, in {type(network).__name__}."
    )
    if name == "diabetes-mlp":
        outputs = ("disease progression",)
        names = outputs if labels is None else read_labels(labels, len(outputs))
        return Model(f"demo:{name}", network, (FEATURES,), names, task="regression", note=note)
    preprocess = Preprocess(crop=(SIZE, SIZE), resize=SIZE, mean=PIXEL_MEAN, std=PIXEL_STD)
    names = CLASSES if labels is None else read_labels(labels, len(CLASSES))
    return Model(f"demo:{name}", network, preprocess.input_shape, names, preprocess, note=note)
