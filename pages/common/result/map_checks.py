"""The checks of one map, each made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import explainers as ex
from pages.common.app.caches import result_cache
from pages.common.app.progress import ProgressBar
from pages.common.app.selection import Selection, short_hash

QUICK = ""  # in place of a check's name: the quick ones together


@dataclass(frozen=True, eq=False)
class MapChecks:
    """One map that is checked. What its checks say stays in the cache, under all that they were made of.

    Attributes:
        truth: where the evidence is known to lie, (H, W) bool.
    """

    selection: Selection
    attribution: ex.Attribution
    truth: np.ndarray | None = None

    def known(self, name: str, options: dict[str, Any]) -> ex.Verdict | None:
        """What a check says, if it has been made."""
        verdict: ex.Verdict | None = result_cache().find(self.key(name, options))
        return verdict

    def verdict(
        self, name: str = QUICK, options: dict[str, Any] | None = None, bar: ProgressBar | None = None
    ) -> ex.Verdict:
        """What a check says, or the quick ones together; made now if it is not known."""
        options = options or {}
        verdict: ex.Verdict = result_cache().get(
            self.key(name, options),
            lambda: ex.verify(
                self.selection.model, self.selection.image, self.attribution, name or None,
                truth=self.truth, progress=bar, **options,
            ),
        )  # fmt: skip
        return verdict

    def price(self, name: str, options: dict[str, Any]) -> ex.Cost:
        """What a check will take."""
        price: ex.Cost = result_cache().get(
            ("price", *self.key(name, options)),
            lambda: ex.estimate_verify(self.selection.model, self.attribution, name or None, **options),
        )
        return price

    def dear_checks(self) -> list[ex.Check]:
        """The checks that are made only when they are asked for."""
        quick = {check.name for check in ex.quick_checks(self.selection.model, self.attribution)}
        return [check for check in ex.checks(self.selection.model, self.attribution) if check.name not in quick]

    def key(self, name: str, options: dict[str, Any]) -> tuple[object, ...]:
        """What a check is made of: the map, the options and, for the quick ones, the truth."""
        about = (*self.selection.key, *identity(self.attribution), name, repr(sorted(options.items())))
        if name != QUICK:
            return ("verdict", *about)
        return ("verdict", *about, short_hash(None if self.truth is None else self.truth.tobytes()))


def identity(attribution: ex.Attribution) -> tuple[object, ...]:
    """What tells two maps of one question apart."""
    return (attribution.method, attribution.layer, repr(sorted(attribution.options.items())), attribution.share)
