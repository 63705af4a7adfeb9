"""Load: how soon the opening page stands in a browser, and how the app bears many visitors.

A bounded load of this machine alone: it starts a server of its own on a free port of 127.0.0.1, opens the page in a Chromium that
has the front end in its cache, as the first visitor of a fresh server and as a later one, and then lets 1, 5, 20 and 50 visitors change
targets and methods for some seconds each. `--at` takes a server that runs already, if it is one of this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from benchmarks.memory import anonymous
from benchmarks.visitors import Answers, load, refuse_other_machines
from tests.support.browser.chromium import find_chromium
from tests.support.browser.driving import QUIET
from tests.support.browser.server import free_port, serve

VISITORS = (1, 5, 20, 50)
SECONDS = 10.0  # of every number of visitors: less than a minute in all
ROUNDS = 3  # fresh servers
AFTERWARDS = 3  # visits to each of them that come after the first
WARMING = 3  # visits after which Chromium has kept the front end, compiled
PATIENCE = 120_000  # ms
FIRST_BAR, WARM_BAR = 3.0, 1.5  # seconds, of what was asked for

# When two large pictures of the page were decoded and painted, and when nothing was loading any more: milliseconds since the
# navigation began. A picture may be an image or a canvas, in a component with a shadow of its own, and lie in layers one upon the
# other, which then count as one and must all be there; charts are none.
WATCH = """
(() => {
  const seen = window.vitrineSeen = {pictures: null, whole: null};
  const within = root => [...root.querySelectorAll("*")].flatMap(e => [
    ...(e.matches("img[src], canvas") && !e.closest("[data-testid=stVegaLiteChart]") ? [e] : []),
    ...(e.shadowRoot ? within(e.shadowRoot) : []),
  ]);
  const place = e => e.getBoundingClientRect();
  const here = e => e.tagName === "CANVAS" || (e.complete && e.naturalWidth > 0);
  const stand = pictures => new Set(pictures.map(e => Math.round(place(e).left))).size >= 2 && pictures.every(here);
  const look = () => {
    const main = document.querySelector("[data-testid=stMain]");
    if (main && seen.pictures === null && stand(within(main).filter(e => place(e).width >= 150))) seen.pictures = performance.now();
    const app = document.querySelector("[data-testid=stApp]")?.dataset;
    const rests = app?.testScriptState === "notRunning" && !document.querySelector("[data-testid=stSkeleton]");
    if (rests && seen.pictures !== null) seen.whole = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()
"""


@dataclass(frozen=True)
class Sight:
    """Seconds from the navigation until both pictures of the opening page stood, and until all of it did."""

    pictures: float
    whole: float


@dataclass
class Visits:
    """What browsers met at fresh servers: seconds until each was ready, its first visit, and the later ones."""

    ready: list[float] = field(default_factory=list)
    first: list[Sight] = field(default_factory=list)
    later: list[Sight] = field(default_factory=list)


def look(context: BrowserContext, address: str) -> Sight:
    """Open the opening page in a session of its own, and wait until it stands."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit")
    page.wait_for_function("vitrineSeen.whole !== null", timeout=PATIENCE)
    seen = page.evaluate("vitrineSeen")
    page.close()
    return Sight(seen["pictures"] / 1000, seen["whole"] / 1000)


@contextmanager
def server(port: int) -> Iterator[tuple[str, int]]:
    """Address and process number of a fresh server, ended at the end."""
    with tempfile.TemporaryDirectory() as folder:
        process, address = serve(Path(folder) / "log", port=port)
        try:
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(30)


def fresh_servers(browser: Browser, rounds: int) -> Visits:
    """Visit servers that nobody has visited, on one port: the browser's cache knows an address by it."""
    port, visits = free_port(), Visits()
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    with server(port) as (address, _):
        for _ in range(WARMING):
            look(context, address)
    for _ in range(rounds):
        started = time.perf_counter()
        with server(port) as (address, _):
            visits.ready.append(time.perf_counter() - started)
            visits.first.append(look(context, address))
            visits.later += [look(context, address) for _ in range(AFTERWARDS)]
    context.close()
    return visits


def resident(pid: int) -> int | None:
    """Bytes of a process that no file stands behind; None where the system does not tell."""
    try:
        return anonymous(Path(f"/proc/{pid}/status").read_text(), "VmRSS")
    except OSError:
        return None


def quantile(values: Sequence[float], share: float) -> float:
    """The value that such a share of values does not exceed; of several, the lowest."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def visits_table(visits: Visits) -> list[str]:
    """Rows of what browsers met, against the bars."""
    rows = ["| visit | both pictures | bar | | all of the page | visits |", "|---|---|---|---|---|---|"]
    for name, sights, bar in (("first", visits.first, FIRST_BAR), ("later", visits.later, WARM_BAR)):
        if not sights:
            continue
        pictures = statistics.median(sight.pictures for sight in sights)
        whole = statistics.median(sight.whole for sight in sights)
        verdict = "ok" if pictures < bar else "MISSED"
        rows.append(f"| {name} | {pictures:.2f} s | < {bar} s | {verdict} | {whole:.2f} s | {len(sights)} |")
    if visits.ready:
        rows.append(f"\nA server is ready after {statistics.median(visits.ready):.1f} s.")
    return rows


def load_table(answers: dict[int, Answers]) -> list[str]:
    """Rows of how the app bore so many visitors."""
    rows = [
        "| visitors | first run p50 | p95 | rerun p50 | p95 | reruns | health p50 | p95 | errors |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for count, met in answers.items():
        times = [f"{quantile(met.first, share) * 1000:.0f} ms" for share in (0.5, 0.95)]
        times += [f"{quantile(met.rerun, share) * 1000:.0f} ms" for share in (0.5, 0.95)]
        times.append(str(len(met.rerun)))
        times += [f"{quantile(met.health, share) * 1000:.0f} ms" for share in (0.5, 0.95)]
        rows.append(f"| {count} | {' | '.join(times)} | {met.errors} |")
    return rows


def _machine(chromium: str) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("streamlit", "torch", "altair"))
    busy = f"; load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.machine()} CPU, {os.cpu_count()} cores{busy}; Python {platform.python_version()}, {packages}, "
        f"Chromium {chromium}"
    )


def _megabytes(size: int | None) -> str:
    return "not counted here" if size is None else f"{size / 2**20:.0f} MB"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks load", description=__doc__)
    parser.add_argument("--at", help="a server of this machine that runs already: no first visits")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="fresh servers")
    parser.add_argument("--visitors", type=int, nargs="*", default=VISITORS, help="how many at once")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of every number of visitors")
    asked = parser.parse_args(arguments)
    if asked.at:
        refuse_other_machines(asked.at)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        print(f"# Load, {date.today()}\n\n{_machine(browser.version)}\n", flush=True)
        visits = _later_visits(browser, asked.at) if asked.at else fresh_servers(browser, asked.rounds)
        browser.close()
    print("\n".join(visits_table(visits)), "\n", flush=True)
    if asked.at:
        print("\n".join(load_table({count: load(asked.at, count, asked.seconds) for count in asked.visitors})))
        return
    with server(free_port()) as (address, pid):
        before = resident(pid)
        print("\n".join(load_table({count: load(address, count, asked.seconds) for count in asked.visitors})))
        print(f"\nThe server's memory: {_megabytes(before)} before, {_megabytes(resident(pid))} after.")


def _later_visits(browser: Browser, address: str) -> Visits:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    sights = [look(context, address) for _ in range(WARMING + AFTERWARDS)]
    context.close()
    return Visits(later=sights[WARMING:])
