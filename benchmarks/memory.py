"""Peak memory of one call, over what lay in memory when library, network and pictures stood ready.

On a CPU it is read from Linux's account of the process, on CUDA from PyTorch's account of the device; elsewhere nobody
counts, and there is no figure.

The comparison is with the moment before the first call rather than with that before the measured one, because what a
library keeps from call to call takes room as well: Vitrine tells malloc to keep freed pages, and keeps copies of
networks; a call that rose within them would look as if it needed nothing. And it is the rise rather than the total,
because half of the total is code of PyTorch and of libraries that a benchmark imports and the work may not need.
Memory backed by files, which is that code, is left out.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

import torch

from benchmarks.timing import Work

_PROCESS = Path("/proc/self")
_ONLY_THE_PEAK = "5"  # proc(5), clear_refs: the peak starts again from what is resident now


def in_use(device: torch.device) -> int | None:
    """Bytes in use now, freed ones given back; None where nobody counts them."""
    gc.collect()
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if device.type != "cpu" or sys.platform != "linux":
        return None
    _give_freed_back()
    return anonymous(_status(), "VmRSS")


def peak(work: Work, device: torch.device) -> int | None:
    """The most bytes in use during one call of `work`; None where nobody counts them."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device)
    if device.type != "cpu" or sys.platform != "linux":
        return None
    try:
        (_PROCESS / "clear_refs").write_text(_ONLY_THE_PEAK)
    except OSError:
        return None
    work()
    return anonymous(_status(), "VmHWM")


def anonymous(status: str, total: str) -> int | None:
    """Bytes that no file stands behind, from the text of /proc/PID/status; None if it does not tell.

    Args:
        total: "VmRSS" for what is resident now, "VmHWM" for the most that was. The kernel keeps no peak without files;
            theirs are taken to be as many at the peak as now, which holds once the code has been run.
    """
    sizes = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in status.splitlines())
        if value.strip().endswith(" kB")
    }
    if not {total, "RssFile", "RssShmem"} <= sizes.keys():
        return None
    return sizes[total] - sizes["RssFile"] - sizes["RssShmem"]


def _status() -> str:
    return (_PROCESS / "status").read_text()


def _give_freed_back() -> None:
    """What preparing has freed but malloc still holds would otherwise hide the first part of the rise."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):  # another C library: its freed pages count as in use
        return
