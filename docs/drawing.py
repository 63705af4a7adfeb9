"""The drawing of the house: `python -m docs.drawing [FILE]`, or `make drawing`.

Layers come from the import contracts in pyproject.toml, arrows from the imports themselves (by grimp, which import-linter
works with). An arrow that follows from others is left out: where a imports b and b imports c, that a imports c as well.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
DRAWING = ROOT / "docs" / "architecture.svg"
TOWERS = ("pages.common", "explainers")
"""The packages drawn, from top to bottom; each has a contract of layers."""

WIDTH, MARGIN = 980, 28  # px
BOX, BETWEEN, ROW = 44, 40, 92  # height of a box, space between two, and from one row to the next
LETTER = 8.2  # width of a letter of a name
GAP = 9  # between an arrow and what it passes

STYLE = """
    .paper { fill: #fbfaf7 } .box { fill: #ffffff; stroke: #0b6e99 } .name { fill: #1f2328; font-weight: 600 }
    .small { fill: #57606a; font-size: 11px } .arrow { stroke: #8a94a0; fill: none } .head { fill: #8a94a0 }
    text { font: 14px system-ui, sans-serif; text-anchor: middle } .title { fill: #1f2328; text-anchor: start; font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #14171b } .box { fill: #1e2329; stroke: #58b4d9 } .name, .title { fill: #e8e6e1 }
      .small { fill: #a3abb5 } .arrow { stroke: #7d8792 } .head { fill: #7d8792 }
    }"""

Edge = tuple[str, str]


def contract_layers(container: str) -> list[list[str]]:
    """Names of the rooms of a package, layer by layer, top down, as pyproject.toml has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers" and c["containers"] == [container])
    return [[name.strip() for name in layer.replace(":", "|").split("|")] for layer in layers]


def imports_between(graph: grimp.ImportGraph, container: str, rooms: Iterable[str]) -> set[Edge]:
    """(importing room, imported room) of a package."""
    names = list(rooms)
    return {
        (a, b)
        for a in names
        for b in names
        if a != b
        and graph.direct_import_exists(importer=f"{container}.{a}", imported=f"{container}.{b}", as_packages=True)
    }


def without_shortcuts(edges: set[Edge]) -> set[Edge]:
    """The edges that do not follow from others: the transitive reduction of a graph without circles."""

    def reached(start: str) -> set[str]:
        nearest = {b for a, b in edges if a == start}
        return nearest.union(*(reached(room) for room in nearest))

    return {(a, b) for a, b in edges if not any(b in reached(c) for start, c in edges if start == a and c != b)}


@dataclass(frozen=True)
class Box:
    """A room on the drawing: its middle, its top and its width in px."""

    name: str
    modules: int
    x: float
    top: float
    width: float

    def svg(self) -> str:
        count = "one module" if self.modules == 1 else f"{self.modules} modules"
        return (
            f'<rect class="box" x="{self.x - self.width / 2:.0f}" y="{self.top:.0f}" width="{self.width:.0f}" height="{BOX}" rx="6"/>'
            f'<text class="name" x="{self.x:.0f}" y="{self.top + 19:.0f}">{escape(self.name)}</text>'
            f'<text class="small" x="{self.x:.0f}" y="{self.top + 35:.0f}">{count}</text>'
        )


def place(layers: list[list[str]], modules: dict[str, int], top: float) -> dict[str, Box]:
    """A row of boxes per layer, each in the middle of the drawing."""
    boxes: dict[str, Box] = {}
    for row, layer in enumerate(layers):
        widths = [max(96.0, LETTER * len(name) + 28) for name in layer]
        left = (WIDTH - sum(widths) - BETWEEN * (len(layer) - 1)) / 2
        for name, width in zip(layer, widths, strict=True):
            boxes[name] = Box(name, modules[name], left + width / 2, top + row * ROW, width)
            left += width + BETWEEN
    return boxes


def ports(box: Box, others: list[Box]) -> dict[str, float]:
    """Where on an edge of a box the arrows to or from others end: side by side, in the order of the others."""
    ordered = sorted(others, key=lambda other: other.x)
    step = box.width / (len(ordered) + 1)
    return {other.name: box.x - box.width / 2 + step * (place + 1) for place, other in enumerate(ordered)}


def detours(start: float, end: float, between: list[list[Box]], taken: list[set[float]]) -> list[float]:
    """Where an arrow passes the rows between its ends: beside all boxes and beside the arrows that pass there already."""
    places: list[float] = []
    x = start
    for row, boxes in enumerate(between):
        straight = x + (end - x) / (len(between) - row + 1)
        candidates = [straight + step * side for step in range(0, WIDTH, 4) for side in (1, -1)]
        free = (
            c
            for c in candidates
            if all(abs(c - box.x) > box.width / 2 + GAP for box in boxes) and all(abs(c - t) >= GAP for t in taken[row])
        )
        x = next(free)
        taken[row].add(x)
        places.append(x)
    return places


def arrows(boxes: dict[str, Box], edges: set[Edge]) -> list[str]:
    """Curves from the lower edge of the importing room to the upper edge of the imported one, round the boxes between them."""
    leaving = {name: ports(box, [boxes[b] for a, b in edges if a == name]) for name, box in boxes.items()}
    arriving = {name: ports(box, [boxes[a] for a, b in edges if b == name]) for name, box in boxes.items()}
    tops = sorted({box.top for box in boxes.values()})
    rows = {top: [box for box in boxes.values() if box.top == top] for top in tops}
    taken: dict[float, set[float]] = {top: set() for top in tops}
    drawn = []
    for a, b in sorted(edges, key=lambda edge: (boxes[edge[1]].top - boxes[edge[0]].top, edge)):
        between = [top for top in tops if boxes[a].top < top < boxes[b].top]
        start, end = leaving[a][b], arriving[b][a]
        passed = detours(start, end, [rows[top] for top in between], [taken[top] for top in between])
        path, y = [f"M{start:.0f} {boxes[a].top + BOX:.0f}"], boxes[a].top + BOX
        x = start
        for to_x, top in zip([*passed, end], [*between, boxes[b].top - 5], strict=True):
            bend = (top - y) / 2
            path.append(f"C{x:.0f} {y + bend:.0f} {to_x:.0f} {top - bend:.0f} {to_x:.0f} {top:.0f}")
            x, y = to_x, top
            if top in between:
                y = top + BOX
                path.append(f"V{y:.0f}")
        title = f"<title>{escape(a)} imports {escape(b)}</title>"
        drawn.append(f'<path class="arrow" marker-end="url(#head)" d="{" ".join(path)}">{title}</path>')
    return drawn


def draw() -> str:
    """The whole drawing as SVG, in light colours or dark ones as the reader has them."""
    graph = grimp.build_graph("explainers", "pages")
    parts: list[str] = []
    top = float(MARGIN)
    for tower in TOWERS:
        layers = contract_layers(tower)
        rooms = [room for layer in layers for room in layer]
        modules = {room: count_modules(graph, f"{tower}.{room}") for room in rooms}
        boxes = place(layers, modules, top + 34)
        parts.append(f'<text class="title" x="{MARGIN}" y="{top + 14:.0f}">{tower.replace(".", "/")}/</text>')
        parts += arrows(boxes, without_shortcuts(imports_between(graph, tower, rooms)))
        parts += [box.svg() for box in boxes.values()]
        top += 34 + len(layers) * ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" role="img" '
        f'aria-label="The rooms of Vitrine in layers, with arrows from the room that imports to the one imported">\n'
        f"<style>{STYLE}\n</style>\n"
        '<defs><marker id="head" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 Z"/></marker></defs>\n'
        f'<rect class="paper" width="{WIDTH}" height="{top:.0f}" rx="8"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def count_modules(graph: grimp.ImportGraph, room: str) -> int:
    """Modules in a room; the `__init__` that only makes a folder a package is not counted."""
    return max(1, len(graph.find_descendants(room)))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DRAWING
    target.write_text(draw(), encoding="utf-8")
    print(f"The drawing is in {target}.")
