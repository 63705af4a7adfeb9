"""Vitrine at its work.

`python -m benchmarks.ours METHOD NETWORK COUNT DEVICE` serves one work in a process of its own, see `benchmarks/apart.py`.
"""

from __future__ import annotations

from typing import Any

import torch

import explainers as ex
from benchmarks.apart import serve
from benchmarks.setting import CLASS, CURVES, LAYERS, REFERENCES, SIZES, images, with_random_head
from benchmarks.timing import Work


def loaded(name: str) -> ex.Model:
    """A network as Vitrine loads it."""
    model = ex.load_model(f"torchvision:{name}@random")
    with_random_head(model.network)
    return model


def options_of(method: str, network: str) -> dict[str, Any]:
    """The options with which a method does the same work as the other libraries do by `benchmarks/peers.py`."""
    size = SIZES[network]
    by_regions = {"fill": "zero", "segments": "grid", "regions": size.side**2, "samples": size.draws}
    options: dict[str, dict[str, Any]] = {
        "grad-cam": {"layer": LAYERS[network]},
        "score-cam": {"layer": LAYERS[network]},
        "ablation-cam": {"layer": LAYERS[network]},
        "integrated-gradients": {"steps": size.steps},
        "expected-gradients": {"samples": size.steps, "number": REFERENCES},
        "smoothgrad": {"samples": size.samples},
        "occlusion": {"fill": "zero", "patch": size.patch, "stride": size.stride},
        "lime": by_regions,
        "kernel-shap": by_regions,
    }
    return options.get(method, {})


def vitrine(method: str, network: str, count: int, device: torch.device, **more: Any) -> Work:
    """`ex.explain` by one method, with `more` options; or the checks of a map by deletion and insertion."""
    if method == CURVES:
        return curves(network, device)
    model, inputs = loaded(network), images(count, device)
    options = {**options_of(method, network), **more}
    return lambda: ex.explain(model, inputs, method, CLASS, **options)


def curves(network: str, device: torch.device) -> Work:
    """Deletion and insertion of a map that stands ready, with nothing to compare it with."""
    model, inputs = loaded(network), images(1, device)
    ready = ex.explain(model, inputs, "grad-cam", CLASS, layer=LAYERS[network])
    options = {"steps": SIZES[network].steps, "orders": 0, "pictures": 0, "centre": False, "fill": "mean"}
    return lambda: ex.verify(model, inputs, ready, ["deletion", "insertion"], **options)


if __name__ == "__main__":
    serve(vitrine)
