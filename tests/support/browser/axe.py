"""axe-core, which finds what shuts people out of a page: fetched by npm into build/, pinned by version and checksum.

It is a tool of the tests (Mozilla Public License 2.0): nothing of it is kept in the repository or comes with the app.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.support.browser.server import ROOT

VERSION = "4.14.1"
INTEGRITY = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""SHA-512 of the package in base 64, as `npm view axe-core dist.integrity` tells it."""

SCRIPT = ROOT / "build" / f"axe-core-{VERSION}" / "axe.min.js"

PATIENCE = 300  # seconds for npm


class AxeMissingError(RuntimeError):
    """axe-core is not there, in a sentence that says what to do."""


def find_axe() -> Path:
    """Path of the script that a page is examined with; fetched if it is not there yet.

    Raises:
        AxeMissingError: npm is missing, could not fetch it, or brought something else than the release that is pinned.
    """
    if not SCRIPT.exists():
        with tempfile.TemporaryDirectory() as folder:
            unpack(fetch(Path(folder)), SCRIPT)
    return SCRIPT


def fetch(folder: Path) -> Path:
    """The package as npm brings it, from whatever registry npm is set up for."""
    npm = shutil.which("npm")
    if npm is None:
        raise AxeMissingError(
            f"The tests of accessibility need axe-core {VERSION}, which npm fetches: install Node.js with npm."
        )
    command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE, cwd=folder)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        raise AxeMissingError(
            f"npm could not fetch axe-core {VERSION}; is its registry in reach? It said: {said}"
        ) from error
    return folder / f"axe-core-{VERSION}.tgz"


def unpack(package: Path, script: Path, integrity: str = INTEGRITY) -> None:
    """Check the package, and put its one script in place, whole or not at all.

    Raises:
        AxeMissingError: the package is not the one whose checksum is given.
    """
    checksum = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if checksum != integrity:
        raise AxeMissingError(
            f"npm brought an axe-core {VERSION} with the checksum {checksum} instead of {integrity}: not used."
        )
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None, "a release of axe-core has its script"
        content = member.read()
    script.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=script.parent, delete=False) as unfinished:
        unfinished.write(content)
    Path(unfinished.name).replace(script)
