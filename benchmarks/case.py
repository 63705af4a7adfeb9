"""One row of the table of speed."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.timing import Work


@dataclass(frozen=True)
class Requirement:
    """What a ratio of `ours`, one of this process's works, must satisfy: at most `limit`, or at least it."""

    against: str
    limit: float
    at_most: bool
    ours: str = "vitrine"

    def holds(self, ratio: float) -> bool:
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def describe(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


@dataclass(frozen=True)
class Case:
    """One work: Vitrine's, what it is compared with, and what must hold between them.

    Attributes:
        here: works of this process, "vitrine" among them.
        peers: names of other libraries' works in `benchmarks/peers.py`; they get the same network and number of images.
        method: Vitrine's, for the process of its own in which its memory is measured.
    """

    title: str
    here: dict[str, Work]
    requirements: list[Requirement]
    peers: list[str] = field(default_factory=list)
    method: str = ""
    network: str = ""
    count: int = 1
