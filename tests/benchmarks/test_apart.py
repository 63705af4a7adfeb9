"""A contender in a process of its own, into which nothing of Vitrine comes."""

from __future__ import annotations

import ast
from pathlib import Path

import torch

import benchmarks
from benchmarks.apart import Apart

CPU = torch.device("cpu")


def test_a_contender_apart_answers_with_seconds_and_bytes() -> None:
    with Apart("benchmarks.peers", "torchcam", "mobilenet_v3_small", 1, CPU) as process:
        assert process() > 0
        bytes_needed = process.memory()
    assert bytes_needed is None or 0 < bytes_needed < 2**30


def test_the_other_libraries_never_import_vitrine() -> None:
    seen, waiting = set[str](), ["benchmarks.peers"]
    while waiting:
        module = waiting.pop()
        seen.add(module)
        source = Path(str(benchmarks.__file__)).with_name(f"{module.removeprefix('benchmarks.')}.py").read_text()
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("explainers") for name in names), (module, names)
            waiting += [name for name in names if name.startswith("benchmarks.") and name not in seen]
    assert {"benchmarks.apart", "benchmarks.memory", "benchmarks.setting", "benchmarks.timing"} <= seen
