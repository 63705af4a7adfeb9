"""The parts of `python -m benchmarks speed` that turn measurements into rows; the measurements themselves are `make bench`."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmarks.apart import Apart
from benchmarks.cases import Case, Requirement, cases, pictures
from benchmarks.memory import anonymous, in_use, peak
from benchmarks.ours import options_of, vitrine
from benchmarks.setting import CLASS, CURVES, LAYERS, SIZES, VIT, fresh, grid_of_regions, images
from benchmarks.speed import rows_of_memory, rows_of_time
from benchmarks.timing import Times
from explainers.inputs.segments import grid_segments
from explainers.perturbation.occlusion import OcclusionOptions, patch_corners

CPU = torch.device("cpu")

STATUS = """Name:\tpython
VmHWM:\t  900 kB
VmRSS:\t  700 kB
RssAnon:\t  400 kB
RssFile:\t  250 kB
RssShmem:\t   50 kB
Threads:\t4
"""

BLOCK = 64 << 20  # bytes

counted = pytest.mark.skipif(in_use(CPU) is None, reason="this system does not count a process's memory")


def test_memory_without_files_is_read_from_the_status() -> None:
    assert anonymous(STATUS, "VmRSS") == 400 * 1024
    assert anonymous(STATUS, "VmHWM") == 600 * 1024


def test_a_status_that_does_not_tell_gives_no_figure() -> None:
    assert anonymous(STATUS.replace("VmHWM", "VmXXX"), "VmHWM") is None
    assert anonymous(STATUS.replace("RssFile", "RssXXX"), "VmRSS") is None


@counted
@pytest.mark.parametrize("blocks", [1, 3])
def test_the_peak_of_a_call_is_what_it_held_at_once(blocks: int) -> None:
    """Held and freed again before the call ends; what was held before the call, however much, is forgotten."""
    before = in_use(CPU)
    assert before is not None
    np.ones(5 * BLOCK, dtype=np.uint8)

    def work() -> None:
        held = [np.ones(BLOCK, dtype=np.uint8) for _ in range(blocks)]
        assert len(held) == blocks

    in_use(CPU)
    most = peak(work, CPU)
    assert most is not None
    assert most - before == pytest.approx(blocks * BLOCK, abs=BLOCK / 4)


def test_memory_no_higher_than_theirs_meets_its_requirement() -> None:
    rows = rows_of_memory("occlusion", 50_000_000, {"a": 100_000_000, "b": 25_000_000})
    assert rows == [
        "| occlusion, peak memory | 50 MB | 0.50 x a's 100 MB | <= 1 | ok |",
        "| occlusion, peak memory | 50 MB | 2.00 x b's 25 MB | <= 1 | MISSED |",
    ]


@pytest.mark.parametrize(("ours", "theirs"), [(None, 1), (1, None)])
def test_memory_that_nobody_counted_has_no_row(ours: int | None, theirs: int | None) -> None:
    assert rows_of_memory("occlusion", ours, {"a": theirs}) == []


def test_rows_of_time_meet_or_miss_their_requirements() -> None:
    times = Times({"vitrine": [0.2, 0.2, 0.4], "floor": [0.1, 0.2, 0.4], "peer": [0.5, 0.5, 1.0]})
    case = Case("work", {}, [Requirement("floor", 1.15, True), Requirement("peer", 3.0, False)])
    assert rows_of_time(case, times) == [
        "| work | 200 ms | 1.00 x floor | <= 1.15 | ok |",
        "| work | 200 ms | 2.50 x faster than peer | >= 3 | MISSED |",
    ]


def test_a_contender_apart_answers_with_seconds_and_bytes_and_without_vitrine() -> None:
    with Apart("benchmarks.peers", "torchcam", "mobilenet_v3_small", 1, CPU) as process:
        assert process() > 0
        bytes_needed = process.memory()
    assert bytes_needed is None or 0 < bytes_needed < 2**30
    code = "import sys, benchmarks.peers; print([m for m in sys.modules if m.startswith('explainers')])"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"


def test_deletion_and_insertion_make_no_passes_that_the_floor_does_not() -> None:
    verdict = vitrine(CURVES, "mobilenet_v3_small", 1, CPU)()
    steps = SIZES["mobilenet_v3_small"].steps
    assert [finding.cost.forward for finding in verdict.findings] == [steps + 1, steps + 1]


@pytest.mark.parametrize("name", LAYERS)
def test_vitrine_gets_the_regions_and_pictures_that_the_others_get(name: str) -> None:
    size = SIZES[name]
    regions = options_of("lime", name)["regions"]
    assert torch.equal(grid_of_regions(size.side, CPU), grid_segments(224, 224, regions))
    corners = patch_corners(224, 224, OcclusionOptions(**options_of("occlusion", name)))
    assert pictures("occlusion", name) == len(corners)
    assert pictures("lime", name) == options_of("kernel-shap", name)["samples"]


def test_the_transformer_has_gradients_to_explain() -> None:
    network, inputs = fresh(VIT, CPU), images(1, CPU).requires_grad_()
    (gradient,) = torch.autograd.grad(network(inputs)[0, CLASS], inputs)
    assert float(gradient.abs().max()) > 0


def test_part_of_a_name_chooses_cases() -> None:
    every = cases("", CPU)
    assert 0 < len(cases(VIT, CPU)) < len(every)
    assert len(cases("grad-cam resnet18 1", CPU)) == 2, "1 and 16 images"
