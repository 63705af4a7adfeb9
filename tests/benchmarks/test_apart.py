"""A contender in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import torch

from benchmarks.apart import Apart

CPU = torch.device("cpu")


def test_a_contender_apart_answers_with_seconds_and_bytes_and_without_vitrine() -> None:
    with Apart("benchmarks.peers", "torchcam", "mobilenet_v3_small", 1, CPU) as process:
        assert process() > 0
        bytes_needed = process.memory()
    assert bytes_needed is None or 0 < bytes_needed < 2**30
    code = "import sys, benchmarks.peers; print([m for m in sys.modules if m.startswith('explainers')])"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"
