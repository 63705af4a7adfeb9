"""Results on disk: an overlay to look at, the raw array, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explainers.core.attribution import Attribution
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.registry import find_method
from explainers.render.figure import figure
from explainers.render.scale import Scale

DEFAULT_COLOURS = {True: "blue-red", False: "viridis"}


def save_result(
    folder: Path,
    source: str,
    model: Model,
    image: Image.Image,
    attribution: Attribution,
    verdict: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write NAME.png, NAME.npy and NAME.json for one explained picture.

    The manifest is written last, so that a half-written result is never taken for a whole one.

    Args:
        verdict: what the checks found, for the manifest.

    Returns:
        The manifest.

    Raises:
        VitrineError: the folder cannot be written.
    """
    name = _name(source, attribution)
    scale = Scale.of(attribution.heatmap(), attribution.signed, percentile=attribution.percentile)
    picture = _overlay(model, image, attribution, scale)
    manifest = _manifest(name, source, model, attribution, scale)
    if verdict is not None:
        manifest["verdict"] = verdict
    try:
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{name}.png")
        np.save(folder / f"{name}.npy", attribution.values.numpy())
        (folder / f"{name}.json").write_text(json_text(manifest) + "\n")
    except OSError as error:
        raise VitrineError(
            f"The results cannot be written to {folder}: {error.strerror or error}; choose another --out."
        ) from error
    return manifest


def _overlay(model: Model, image: Image.Image, attribution: Attribution, scale: Scale) -> Image.Image:
    """The picture as the model sees it beside its map, with a colour bar."""
    view = model.preprocess.view(image) if model.preprocess is not None else image
    enlarged = view.convert("RGB").resize((480, round(480 * view.height / view.width)), Image.Resampling.LANCZOS)
    target = attribution.target.describe(model.labels)
    return figure(
        enlarged,
        attribution.heatmap()[0].numpy(),
        scale,
        DEFAULT_COLOURS[attribution.signed],
        0.6,
        title=attribution.method,
        caption=f"{model.name}: {target}, score {attribution.score[0]:.3f}",
    )


def _manifest(name: str, source: str, model: Model, attribution: Attribution, scale: Scale) -> dict[str, Any]:
    """What was explained and how, with the names of the files beside it."""
    manifest = {
        "image": source,
        "overlay": f"{name}.png",
        "values": f"{name}.npy",
        "model": model.name,
        "model_fingerprint": attribution.model_fingerprint,
        "input_fingerprint": attribution.input_fingerprint,
        "untrained": model.untrained,
        "method": attribution.method,
        "options": attribution.options,
        "layer": attribution.layer,
        "target": attribution.target.describe(model.labels),
        "score": float(attribution.score[0]),
        "shape": list(attribution.values.shape),
        "signed": attribution.signed,
        "scale": [scale.low, scale.high],
        "passes": {
            "forward": attribution.cost.forward,
            "backward": attribution.cost.backward,
            "half": attribution.cost.half,
        },
        "unit": find_method(attribution.method).unit,
        "share": attribution.share,
        "seconds": round(attribution.cost.seconds, 4),
    }
    if attribution.completeness is not None:
        manifest["completeness_gap"] = float(attribution.completeness.gap[0])
    if attribution.error is not None:
        manifest["reliability"] = attribution.reliability
        manifest["largest_standard_error"] = float(attribution.error.max())
    return manifest


def json_text(data: Any) -> str:
    """`data` as JSON, dataclasses too; of numbers JSON knows finite ones only, so nan becomes null, and infinity its name."""
    return json.dumps(_plain(data), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    return value if isinstance(value, int | None) else str(value)


def _name(source: str, attribution: Attribution) -> str:
    """A file name that says what it is; two pictures of one name in different folders get different ones."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(source).stem) or "image"
    what = (
        str(source),
        attribution.model_fingerprint,
        attribution.layer,
        attribution.options,
        repr(attribution.target),
    )
    return f"{stem}-{attribution.method}-{hashlib.sha256(repr(what).encode()).hexdigest()[:6]}"
