"""The API reference in HTML, made of the docstrings: `python -m docs.reference FOLDER`, or `make docs`.

A warning is an error: a module that cannot be imported, an annotation that cannot be read, a value that cannot be shown.
"""

from __future__ import annotations

import pkgutil
import shutil
import sys
import warnings
from pathlib import Path

import pdoc

import explainers


def module_specs() -> list[str]:
    """What pdoc is to describe: all modules whose names have no leading underscore.

    Of a package pdoc describes those modules that its `__all__` names, or all if it has none; the rest is named here.
    """
    specs: list[str] = []
    covered: set[str] = set()
    walked = pkgutil.walk_packages(explainers.__path__, "explainers.", onerror=_fail)
    for name in ["explainers", *(module.name for module in walked if "._" not in module.name)]:
        if name not in covered:
            specs.append(name)
            covered |= {name, *pdoc.extract.walk_specs([name])}
    return specs


def _fail(name: str) -> None:
    raise ImportError(f"{name} cannot be imported, so it cannot be described.")


def build(folder: Path) -> None:
    """Write the pages into a folder, whose earlier contents go."""
    shutil.rmtree(folder, ignore_errors=True)
    if "Columns" not in pdoc.docstrings.GOOGLE_LIST_SECTIONS:  # those of tables, written as arguments are
        pdoc.docstrings.GOOGLE_LIST_SECTIONS.append("Columns")
    pdoc.render.configure(
        docformat="google", template_directory=Path(__file__).parent / "templates", footer_text="Vitrine"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pdoc.pdoc(*module_specs(), output_directory=folder)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m docs.reference FOLDER")
    build(Path(sys.argv[1]))
    print(f"The API reference is in {Path(sys.argv[1]) / 'explainers.html'}.")
