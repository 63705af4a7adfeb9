"""Results on disk: an overlay to look at, the raw array, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explainers.core.attribution import Attribution
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.registry import find_method
from explainers.render.encoding import encode_png
from explainers.render.figure import figure
from explainers.render.provenance import Provenance
from explainers.render.scale import Scale, own_maps


def save_result(
    folder: Path,
    source: str,
    model: Model,
    image: Image.Image,
    attribution: Attribution,
    verdict: dict[str, Any] | None = None,
    ground: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write NAME.png, NAME.npy and NAME.json for one explained picture.

    The manifest is written last, so that a half-written result is never taken for a whole one.

    Args:
        verdict: what the checks found, for the manifest.
        ground: whether the answer itself is safe ground, for the manifest.

    Returns:
        The manifest.

    Raises:
        VitrineError: the folder cannot be written.
    """
    name = _name(source, attribution)
    scale = Scale.of_attribution(attribution)
    judged = str(verdict.get("sentence", "")) if verdict is not None else ""
    about = provenance(model, attribution, Path(source).name or source, judged)
    picture = encode_png(_overlay(model, image, attribution, scale, about), about.metadata())
    manifest = _manifest(name, source, model, attribution, scale, about)
    if verdict is not None:
        manifest["verdict"] = verdict
    if ground is not None:
        manifest["ground"] = ground
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(picture)
        np.save(folder / f"{name}.npy", attribution.values.numpy())
        (folder / f"{name}.json").write_text(json_text(manifest) + "\n")
    except OSError as error:
        raise VitrineError(
            f"The results cannot be written to {folder}: {error.strerror or error}; choose another --out."
        ) from error
    return manifest


def provenance(
    model: Model, attribution: Attribution, picture: str, verdict: str = "", link: str = "", day: date | None = None
) -> Provenance:
    """What a picture of the map says of itself.

    Args:
        picture: the name of the picture.
        verdict: how far the map can be trusted, in words.
        link: where it can be seen.
        day: when the picture was made; today, unless said otherwise.
    """
    method = find_method(attribution.method)
    place = f" at {attribution.layer}" if attribution.layer else ""
    untrained = ", untrained" if model.untrained else ""
    options = ", ".join(f"{name}={value}" for name, value in differing_options(attribution).items())
    return Provenance(
        f"{model.name}{untrained}", picture, attribution.target.describe(model.labels), f"{method.title}{place}", options,
        f"{attribution.score[0]:.3f}", verdict, (day or date.today()).isoformat(), link,
    )  # fmt: skip


def differing_options(attribution: Attribution) -> dict[str, Any]:
    """The options that are not their method's defaults, but for the layer, which stands by itself."""
    usual = find_method(attribution.method).options().model_dump(mode="json")
    return {name: value for name, value in attribution.options.items() if name != "layer" and value != usual.get(name)}


def _overlay(
    model: Model, image: Image.Image, attribution: Attribution, scale: Scale, about: Provenance
) -> Image.Image:
    """The picture as the model sees it beside its map, with a colour bar."""
    view = model.preprocess.view(image) if model.preprocess is not None else image
    enlarged = view.convert("RGB").resize((480, round(480 * view.height / view.width)), Image.Resampling.LANCZOS)
    method = find_method(attribution.method)
    return figure(
        enlarged,
        own_maps(attribution)[0],
        scale,
        title=method.title,
        caption="\n".join(about.lines()),
        unit=method.unit,
    )


def _manifest(
    name: str, source: str, model: Model, attribution: Attribution, scale: Scale, about: Provenance
) -> dict[str, Any]:
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
        "title": find_method(attribution.method).title,
        "options": attribution.options,
        "layer": attribution.layer,
        "target": attribution.target.describe(model.labels),
        "score": float(attribution.score[0]),
        "shape": list(attribution.values.shape),
        "signed": attribution.signed,
        "scale": [scale.low, scale.high],
        "largest": float(own_maps(attribution)[0].max()),
        "date": about.date,
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
