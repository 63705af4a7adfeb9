"""Find a Chromium to drive, and install one where there is none; and fetch axe-core: `python -m tests.support.browser.chromium`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.browser.axe import AxeMissingError, find_axe

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome: $CHROMIUM, the system's, or the one Playwright has installed; else None."""
    if wanted := os.environ.get("CHROMIUM"):
        return wanted
    system = next((path for name in NAMES if (path := shutil.which(name))), None)
    return system or next((path for path in MAC if Path(path).exists()), None) or _playwrights()


def _playwrights() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_chromium() -> None:
    """Playwright's own installer first; the system's package manager where its server cannot be reached."""
    own = [sys.executable, "-m", "playwright", "install", "chromium"]
    if platform.system() == "Linux" and shutil.which("apt-get"):
        own.insert(4, "--with-deps")
    if _run(own) and _playwrights():
        return
    print("Playwright's browser could not be fetched; trying the system's package manager.", file=sys.stderr)
    if shutil.which("apt-get"):
        root = [] if os.geteuid() == 0 else ["sudo"]
        _run([*root, "apt-get", "update", "-qq"])
        # Debian calls it chromium; Ubuntu's chromium-browser is a snap, which headless tests can use as well.
        _run([*root, "apt-get", "install", "-y", "-qq", "chromium"]) or _run(
            [*root, "apt-get", "install", "-y", "-qq", "chromium-browser"]
        )
    elif shutil.which("brew"):
        _run(["brew", "install", "--cask", "chromium"])


def _run(command: list[str]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=900, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main() -> int:
    if find_chromium() is None:
        install_chromium()
    path = find_chromium()
    if path is None:
        print(
            "No Chromium was found and none could be installed; install one, or set CHROMIUM to its path.",
            file=sys.stderr,
        )
        return 1
    try:
        find_axe()
    except AxeMissingError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
