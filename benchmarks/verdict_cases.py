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
from benchmarks.timing import Work

MOMENT = 0.5  # seconds
PICTURES = int(ex.find_check("faithfulness-correlation").options().model_dump()["pictures"])


def three_maps_or_a_moment(explain: Work) -> Work:
    """What the quick checks may take: the time of three such maps, or half a second where that is longer."""

    def work() -> None:
        started = time.perf_counter()
        for _ in range(3):
            explain()
        time.sleep(max(0.0, MOMENT - (time.perf_counter() - started)))

    return work


def network_verdict_case(method: str, name: str, device: torch.device) -> Case:
    """The quick checks of a map of an untrained network, which leave the most to look at: no half of the pictures is enough."""
    model, inputs = loaded(name), images(1, device)
    options = options_of(method, name)
    attribution = ex.explain(model, inputs, method, CLASS, **options)
    passes = images(1, device).repeat(PICTURES, 1, 1, 1)
    floor, _ = in_parts(partial(raw_scores, frozen(name, device)), passes, sizes(name, device, [16, 32, 64], [16, 64]))
    again = partial(ex.explain, model, inputs, method, CLASS, **options)
    return Case(
        f"verdict on {method}, {name}",
        {
            "vitrine": lambda: ex.verify(model, inputs, attribution),
            "three maps or 0.5 s": three_maps_or_a_moment(again),
            f"{PICTURES} passes": floor,
        },
        [Requirement("three maps or 0.5 s", 1.0, True), Requirement(f"{PICTURES} passes", 1.5, True)],
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
        {"vitrine": both, "three maps or 0.5 s": three_maps_or_a_moment(partial(ex.explain, model, picture, method))},
        [Requirement("three maps or 0.5 s", 1.0, True)],
    )
