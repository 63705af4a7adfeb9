"""Rows of the table of speed for what is said of every map without being asked."""

from __future__ import annotations

import time
from functools import partial

import torch

import explainers as ex
from benchmarks.case import Case, Requirement
from benchmarks.floors import frozen, in_parts, raw_scores, sizes
from benchmarks.ours import loaded, options_of
from benchmarks.setting import CLASS, images

MOMENT = "half a second"
PICTURES = int(ex.find_check("faithfulness-correlation").options().model_dump()["pictures"])


def network_verdict_case(method: str, name: str, device: torch.device) -> Case:
    """The quick checks of a map of an untrained network, which leave the most to look at: no half of the pictures is enough."""
    model, inputs = loaded(name), images(1, device)
    options = options_of(method, name)
    attribution = ex.explain(model, inputs, method, CLASS, **options)
    passes = images(1, device).repeat(PICTURES, 1, 1, 1)
    floor, _ = in_parts(partial(raw_scores, frozen(name, device)), passes, sizes(name, device, [16, 32, 64], [16, 64]))
    return Case(
        f"verdict on {method}, {name}",
        {
            "vitrine": lambda: ex.verify(model, inputs, attribution),
            "three such maps": lambda: [ex.explain(model, inputs, method, CLASS, **options) for _ in range(3)],
            MOMENT: lambda: time.sleep(0.5),
            f"{PICTURES} passes": floor,
        },
        [
            Requirement("three such maps", 1.0, True),
            Requirement(MOMENT, 1.0, True),
            Requirement(f"{PICTURES} passes", 1.5, True),
        ],
    )


def demo_verdict_case(method: str, name: str) -> Case:
    """Both conclusions of a map of a bundled network."""
    model, picture = ex.load_model(name), ex.sample("scene:1000050").load()
    attribution = ex.explain(model, picture, method)

    def both() -> None:
        ex.verify(model, picture, attribution)
        ex.answer_ground(model, picture)

    return Case(
        f"both conclusions on {method}, {name}",
        {"vitrine": both, MOMENT: lambda: time.sleep(0.5)},
        [Requirement(MOMENT, 1.0, True)],
    )
