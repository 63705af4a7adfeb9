"""Memory as the system counts it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.memory import anonymous, in_use, peak

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
        blocks_in_use = [np.ones(BLOCK, dtype=np.uint8) for _ in range(blocks)]
        assert len(blocks_in_use) == blocks

    in_use(CPU)
    most = peak(work, CPU)
    assert most is not None
    assert most - before == pytest.approx(blocks * BLOCK, abs=BLOCK / 4)
