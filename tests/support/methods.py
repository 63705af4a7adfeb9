"""The methods of the library with options that keep them short, and what they must leave as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from explainers.core.model import Model
from explainers.registry import methods
from tests.support.models.networks import small_cnn

# CAM proper refuses this network, whose head does more than pool; what it asks of the engine, Eigen-CAM asks too.
METHODS = [m.name for m in methods() if m.name != "cam" and m.fits(Model("small-cnn", small_cnn(), (3, 16, 16)))]

HOOKS = [name for name in vars(nn.Module()) if name.endswith("_hooks")]


def quick(name: str) -> dict[str, Any]:
    """The fewest steps that a method takes."""
    (method,) = (m for m in methods() if m.name == name)
    fields = method.options.model_json_schema().get("properties", {})
    counts = ("steps", "samples", "orders", "draws", "regions")
    return {field: max(3, fields[field]["minimum"]) for field in counts if field in fields}


def alike(name: str) -> dict[str, Any]:
    """The same, where no rounding decides: from a plain baseline many gradients are equal, and one of them is followed first."""
    return quick(name) | ({"baseline": "blur"} if name == "guided-integrated-gradients" else {})


@dataclass(eq=False)
class Traces:
    """Everything about a network and the process that an explanation could leave changed."""

    network: nn.Module

    def __post_init__(self) -> None:
        self.before = self.now()

    def now(self) -> dict[str, Any]:
        modules = dict(self.network.named_modules())
        return {
            "hooks": {(n, h): len(getattr(m, h)) for n, m in modules.items() for h in HOOKS},
            "modules": {n: id(m) for n, m in modules.items()},
            "attributes": {n: sorted(vars(m)) for n, m in modules.items()},
            "training": {n: m.training for n, m in modules.items()},
            "inplace": {n: getattr(m, "inplace", None) for n, m in modules.items()},
            "requires_grad": {n: p.requires_grad for n, p in self.network.named_parameters()},
            "grad": {n: None if p.grad is None else p.grad.tolist() for n, p in self.network.named_parameters()},
            "weights": {n: t.tolist() for n, t in self.network.state_dict().items()},
            "random state": torch.get_rng_state().tolist(),
            "fast attention": torch.backends.mha.get_fastpath_enabled(),
            "gradients on": torch.is_grad_enabled(),
            "inference mode": torch.is_inference_mode_enabled(),
            "default dtype": torch.get_default_dtype(),
        }

    def assert_none(self) -> None:
        now = self.now()
        for what, before in self.before.items():
            assert now[what] == before, f"{what} changed"


FEW = {
    "occlusion": {"patch": 6, "stride": 5},
    "feature-permutation": {"draws": 3},
    "rise": {"samples": 40},
    "sobol": {"samples": 4, "cells": 3},
    "hsic": {"samples": 50, "cells": 4},
    "lime": {"samples": 60},
    "kernel-shap": {"samples": 60},
    "shapley": {"segments": "grid", "regions": 6},
    "shapley-sampling": {"orders": 3},
}
