"""The checks: each is registered by a decorator beside its mathematics, as methods are."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from pydantic import Field

from explainers.core.attribution import Attribution, Reduce
from explainers.core.black_box import BlackBox
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.options import Options
from explainers.trust.context import CheckContext, registered_method
from explainers.trust.finding import Finding

Better = Literal["higher", "lower"]


class Asks(enum.Flag):
    """What a check asks for beside the map itself."""

    NOTHING = 0
    SCORES = enum.auto()  # passes forward
    IMAGES = enum.auto()  # inputs with height and width
    RERUNS = enum.auto()  # the map made again: its method must be a registered one
    SEED = enum.auto()  # a method that draws randomly
    WEIGHTS = enum.auto()  # a network whose weights can be redrawn, which a black box is not
    PROMISE = enum.auto()  # a method that promises to sum up to something
    TRUTH = enum.auto()  # where the evidence is known to lie
    OTHERS = enum.auto()  # other maps of the same input


class CheckOptions(Options):
    """What every check can be told."""

    reduce: Reduce | None = Field(
        None,
        description="How channels become one number per pixel; by default their sum, and of slopes the sum of their sizes.",
    )


class SeedOptions(CheckOptions):
    seed: int = Field(0, ge=0, description="Seed of the draws.")


Judge = Callable[[CheckContext, Any], Finding]
CheckCost = Callable[[Attribution, Any, Cost], Cost]


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
        name: its slug, "deletion".
        title: its name in a table.
        citation: where it was published.
        says: what it measures, in one plain sentence.
        better: which way is better, or None where neither is.
        low, high: the least and the largest value it can take; None where there is no bound.
        quick: cheap enough to run with every explanation.
        needs: what it asks for beside the map.
        options: its options.
        cost: (attribution, options, passes of one more run of the method) -> passes it will make.
        judge: the mathematics.

    Example:
        >>> import explainers as ex
        >>> check = ex.find_check("deletion")
        >>> check.title, check.better, check.low, check.high, check.quick
        ('Deletion', 'lower', 0, 1, False)
    """

    name: str
    title: str
    citation: str
    says: str
    better: Better | None
    low: float | None
    high: float | None
    quick: bool
    needs: Asks
    options: type[CheckOptions]
    cost: CheckCost = field(repr=False)
    judge: Judge = field(repr=False)

    def fits(self, model: Model | None, attribution: Attribution | None) -> bool:
        """Whether it can be made of this model and this attribution, given the truth or other maps where it asks for them."""
        return self.misfit(model, attribution) is None

    def misfit(self, model: Model | None, attribution: Attribution | None) -> str | None:
        """Why it cannot, in a few words for an error message; None where it can. What is None is not looked at."""
        if model is not None:
            if Asks.IMAGES in self.needs and not model.takes_images:
                return f"it needs pictures, and {model.name} takes vectors"
            if Asks.WEIGHTS in self.needs and (
                isinstance(model.network, BlackBox) or next(model.network.parameters(), None) is None
            ):
                return f"it redraws weights, and {model.name} has none that can be reached"
        if attribution is not None:
            method = registered_method(attribution)
            if Asks.RERUNS in self.needs and method is None:
                return f"it makes the map again, and {attribution.method!r} is not a registered method"
            if Asks.SEED in self.needs and (method is None or "seed" not in method.options.model_fields):
                return f"{attribution.method} draws nothing at random"
            if Asks.PROMISE in self.needs and attribution.completeness is None:
                return f"{attribution.method} does not promise to sum up to anything"
        return None


_checks: dict[str, Check] = {}

J = TypeVar("J", bound=Judge)


def no_passes(attribution: Attribution, options: Any, rerun: Cost) -> Cost:
    """Not a single pass."""
    return Cost()


def check(
    name: str,
    *,
    title: str,
    citation: str,
    says: str,
    better: Better | None,
    low: float | None,
    high: float | None,
    needs: Asks,
    options: type[CheckOptions],
    quick: bool = False,
    cost: CheckCost = no_passes,
) -> Callable[[J], J]:
    """Register `judge(context, options)` as a check; see `Check` for what each argument is."""

    def register(judge: J) -> J:
        _checks[name] = Check(
            name=name, title=title, citation=citation, says=says, better=better, low=low, high=high, quick=quick, needs=needs,
            options=options, cost=cost, judge=judge,
        )  # fmt: skip
        return judge

    return register


def checks(model: Model | None = None, attribution: Attribution | None = None) -> list[Check]:
    """Every check, quick ones first, or those that fit this model and this attribution.

    Those that ask for the truth or for other maps are among them; `verify` makes them where it gets these.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> names = [check.name for check in ex.checks(model, ex.explain(model, image))]
        >>> "deletion" in names, "completeness" in names  # Grad-CAM does not promise to sum up to anything
        (True, False)
    """
    fitting = [check for check in _checks.values() if check.fits(model, attribution)]
    return sorted(fitting, key=lambda check: (not check.quick, check.title.lower()))


def find_check(name: str) -> Check:
    """The check called `name`.

    Raises:
        VitrineError: there is none.

    Example:
        >>> import explainers as ex
        >>> ex.find_check("road").citation
        'Rong et al. 2022, arXiv:2202.00449'
    """
    if name not in _checks:
        suggestions = ", ".join(get_close_matches(name, _checks, n=3, cutoff=0.3) or sorted(_checks))
        raise VitrineError(f"There is no check {name!r}; did you mean one of: {suggestions}?")
    return _checks[name]
