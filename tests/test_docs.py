"""Every public name has an example that runs, the Python of the guides runs, and the documents name what exists."""

from __future__ import annotations

import doctest
import re
import tomllib
from pathlib import Path

import pytest

import explainers as ex
from explainers import registry
from explainers.trust import registry as trust_registry

ROOT = Path(__file__).parents[1]

CONSTANTS = {"SHORTCUT"}
"""Public names that are plain values, which have no docstring to put an example into."""

GUIDES = ("README.md", "CONTRIBUTING.md", "docs/python.md")
"""Documents whose blocks of Python run as they stand, one after the other."""

DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")) if path.name != "CHANGELOG.md"
)


def run_examples(name: str, docstring: str) -> None:
    test = doctest.DocTestParser().get_doctest(docstring, {}, name, None, 0)
    assert any(example.want for example in test.examples), f"the example of {name} shows no result"
    report: list[str] = []
    failures = doctest.DocTestRunner().run(test, out=report.append).failed
    assert not failures, "".join(report)


@pytest.mark.parametrize("name", sorted({*ex.__all__} - CONSTANTS))
def test_every_public_name_has_an_example_that_runs(name: str) -> None:
    docstring = getattr(ex, name).__doc__
    assert "\nExample:\n" in re.sub(r"\n +", "\n", docstring), f"the docstring of ex.{name} has no Example: section"
    run_examples(f"ex.{name}", docstring)


def test_the_example_of_the_package_runs() -> None:
    assert ex.__doc__ is not None
    run_examples("explainers", ex.__doc__)


def test_constants_are_plain_values() -> None:
    assert all(isinstance(getattr(ex, name), str) for name in CONSTANTS)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_python_of_a_guide_runs(guide: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A guide may register a method or a check of its own, which other tests must not meet.
    monkeypatch.setattr(registry, "_methods", dict(registry._methods))
    monkeypatch.setattr(trust_registry, "_checks", dict(trust_registry._checks))
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / guide).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, guide, "exec"), names)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_exists(document: str) -> None:
    """Links to files beside it, and paths of code between backticks."""
    path = ROOT / document
    text = path.read_text(encoding="utf-8")
    links = [target for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in target]
    code = re.findall(r"`((?:explainers|pages|tests|benchmarks|docs)/[\w./]*)`", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    missing += [name for name in code if not (ROOT / name).exists()]
    assert not missing


def test_the_drawing_has_every_room() -> None:
    """`make drawing` makes it again; what the contract has and the drawing has not is found here."""
    drawing = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = [layer for contract in contracts if contract["type"] == "layers" for layer in contract["layers"]]
    rooms = sorted(room.strip() for layer in layers for room in layer.split("|"))
    assert sorted(re.findall(r'class="name"[^>]*>([^<]+)<', drawing)) == rooms
