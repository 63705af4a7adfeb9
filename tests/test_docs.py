"""Every public name has an example that runs, and so has the Python of the guides."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import explainers as ex

ROOT = Path(__file__).parents[1]

CONSTANTS = {"SHORTCUT"}
"""Public names that are plain values, which have no docstring to put an example into."""

GUIDES = ("README.md", "docs/python.md")
"""Guides whose blocks of Python run as they stand, one after the other."""


@pytest.mark.parametrize("name", sorted({*ex.__all__} - CONSTANTS))
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    docstring = getattr(ex, name).__doc__
    test = doctest.DocTestParser().get_doctest(docstring, {}, f"ex.{name}", None, 0)
    assert "Example:" in docstring, f"the docstring of ex.{name} has no Example: section"
    assert any(example.want for example in test.examples), f"the example of ex.{name} shows no result"
    report: list[str] = []
    failures = doctest.DocTestRunner().run(test, out=report.append).failed
    assert not failures, "".join(report)


def test_constants_are_plain_values() -> None:
    assert all(isinstance(getattr(ex, name), str) for name in CONSTANTS)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_python_of_a_guide_runs(guide: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / guide).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, guide, "exec"), names)
