"""Settings of the whole process, which a program makes once and on purpose; a library that is imported must not."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
import sys
import warnings

CAPTUMS_HOOKS = r"Setting (forward, )?backward hooks"


def configure_process() -> None:
    """Set up a process for explaining: the app and the command line call this first; call it in a script or service of your own.

    Nothing depends on it but speed and quiet. On Linux the C library keeps freed memory instead of returning it after every pass
    (up to a third of a pass on a CPU). And Captum's warning that it sets hooks is not shown: it comes with every call, and speaks
    of a copy of the network whose hooks are taken off again. Importing `explainers` does neither, because both hold for everything
    else that runs in the process. A second call changes nothing.

    Example:
        >>> import explainers as ex
        >>> ex.configure_process()
        >>> ex.configure_process() is None  # a second call changes nothing
        True
    """
    keep_freed_memory()
    patterns = {pattern.pattern for _, pattern, *_ in warnings.filters if isinstance(pattern, re.Pattern)}
    if CAPTUMS_HOOKS not in patterns:
        warnings.filterwarnings("ignore", message=CAPTUMS_HOOKS, category=UserWarning)


@functools.cache
def keep_freed_memory() -> bool:
    """Ask glibc to keep freed pages instead of returning them to the system after every pass.

    A pass frees its activations and the next one asks for the same amount again; paying for fresh
    zeroed pages each time costs up to a third of a CPU pass. Elsewhere than on glibc nothing happens.

    Returns:
        Whether the C library took the settings.
    """
    if sys.platform != "linux":
        return False
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    gibibyte = 1 << 30
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(m_mmap_threshold, gibibyte)) and bool(libc.mallopt(m_trim_threshold, gibibyte * 2 - 1))
    except (OSError, AttributeError):
        return False


def give_back_freed_memory() -> None:
    """Return the freed pages after all: what rare work has left behind, such as a larger chunk than is used from now on.

    Elsewhere than on glibc nothing happens.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
