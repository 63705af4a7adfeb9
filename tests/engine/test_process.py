"""Settings of the whole process: made on request, and by nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from explainers.engine.process import configure_process, give_back_freed_memory, keep_freed_memory

WATCHED = """
import ctypes, json, sys, warnings

effects = []

class Library(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            return lambda *settings: effects.append(["mallopt", *settings]) or 1
        return super().__getattr__(name)

ctypes.CDLL = Library
for name in ("filterwarnings", "simplefilter"):
    def watched(*settings, _set=getattr(warnings, name), **more):
        if sys._getframe(1).f_globals["__name__"].startswith("explainers"):  # other libraries do as they like
            effects.append(["filter", *settings])
        return _set(*settings, **more)
    setattr(warnings, name, watched)

import torch
import explainers as ex

ex.Engine(torch.device("cpu"))
ex.engine_for("cpu")
model = ex.wrap(torch.nn.Linear(2, 2), input_shape=(2,))
ex.explain(model, torch.ones(1, 2), "gradient", 0)
effects_by_stage = [len(effects)]
for _ in range(2):
    ex.configure_process()
    effects_by_stage.append(len(effects))
print(json.dumps([effects_by_stage, effects]))
"""


def test_neither_importing_nor_explaining_changes_the_process_and_configuring_twice_is_as_once() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    by_stage, effects = json.loads(done.stdout)
    expected = ["mallopt", "mallopt", "filter"] if sys.platform == "linux" else ["filter"]
    assert by_stage == [0, len(expected), len(expected)]
    assert [effect[0] for effect in effects] == expected


def test_captums_word_about_its_hooks_is_not_shown_and_every_other_is() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        configure_process()
        configure_process()
        assert len(warnings.filters) == 1
        for text in (
            "Setting backward hooks on ReLU",
            "Setting forward, backward hooks and attributes",
            "Something else",
        ):
            warnings.warn(text, UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in shown] == ["Something else"]


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not keep_freed_memory(), reason="this C library takes no settings")
def test_freed_pages_are_kept_until_they_are_given_back():
    give_back_freed_memory()
    before, size = resident(), 128 << 20
    block = torch.ones(size, dtype=torch.uint8)
    del block
    assert resident() - before > 0.9 * size
    give_back_freed_memory()
    assert resident() - before < 0.1 * size
