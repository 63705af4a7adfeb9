"""The registry: a method is registered by a decorator beside its mathematics, and then appears everywhere."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, TypeVar

from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.estimate import Estimate
from explainers.core.model import Model
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.mixed_precision import TRIED, Precision, ScoredOptions
from explainers.engine.run import Run
from explainers.graph.layers import Layer

SCORE = "units of the score"
RAISES = "what raises the score of {target}"
Compute = Callable[[Run, Tensor, Target, Any], Tensor | Iterator[Estimate]]
Price = Callable[[Sequence[int], Any], Cost]
PriceAt = Callable[[Sequence[int], Any, Layer], Cost]
Expectation = Callable[[Run, Tensor, Target, Any], Tensor]


@dataclass(frozen=True)
class Method:
    """A registered method.

    Attributes:
        name: its slug, "grad-cam".
        title: its name in the literature, "Grad-CAM".
        family: the page it belongs to: "saliency", "cam", ...
        needs: what it asks of a model.
        options: its options.
        cost: (shape of the inputs (N, ...), options) -> passes it will make; at least, where `cost_at` knows more.
        cost_at: (shape, options, layer) -> passes, for methods whose passes depend on the layer looked at.
        citation: where it was published.
        shows: what the map shows, in plain words.
        caveat: what it does not show.
        signed: whether negative values mean evidence against.
        only_layer: whether it can be read off a single layer of a network, so that layers cannot be compared.
        unit: of the map's values, in a few words for the colour bar.
        highlights: what a strong value tells, as the end of a sentence; "{target}" stands for what is explained.
        expected_sum: for methods that promise completeness, what the map must sum up to, (N,).
        compute: the mathematics. A generator takes one input (1, ...) and yields ever better estimates of its map.

    Example:
        >>> import explainers as ex
        >>> method = ex.find_method("occlusion")
        >>> method.title, method.family, method.anytime
        ('Occlusion', 'perturbation', True)
        >>> list(method.options.model_fields)
        ['precision', 'fill', 'patch', 'stride']
    """

    name: str
    title: str
    family: str
    needs: Needs
    options: type[Options]
    cost: Price = field(repr=False)
    citation: str
    shows: str
    caveat: str
    signed: bool
    expected_sum: Expectation | None = field(repr=False)
    compute: Compute = field(repr=False)
    cost_at: PriceAt | None = field(repr=False, default=None)
    unit: str = SCORE
    only_layer: bool = False
    highlights: str = RAISES

    @property
    def anytime(self) -> bool:
        """Whether its map can be looked at while it is being made."""
        return inspect.isgeneratorfunction(self.compute)

    def passes(self, shape: Sequence[int], options: Any, run: Run) -> Cost:
        """The passes that it will make on inputs of this shape."""
        if self.cost_at is None:
            passes = self.cost(shape, options)
        else:
            passes = self.cost_at(shape, options, run.layer(options.layer))
        if isinstance(options, ScoredOptions) and options.precision is Precision.MIXED:
            tried = passes.forward + shape[0] * TRIED
            return replace(passes, forward=tried, half=tried)
        return passes

    def fits(self, model: Model) -> bool:
        """Whether the model can give what the method needs."""
        return self.needs in model.capabilities


_methods: dict[str, Method] = {}
C = TypeVar("C", bound=Compute)


def explainer(
    name: str,
    *,
    title: str,
    family: str,
    needs: Needs,
    options: type[Options],
    cost: Price,
    citation: str,
    shows: str,
    caveat: str,
    signed: bool,
    expected_sum: Expectation | None = None,
    cost_at: PriceAt | None = None,
    unit: str = SCORE,
    only_layer: bool = False,
    highlights: str = RAISES,
) -> Callable[[C], C]:
    """Register `compute(run, inputs, target, options)` as a method; see `Method` for what each argument is."""

    def register(compute: C) -> C:
        _methods[name] = Method(
            name=name, title=title, family=family, needs=needs, options=options, cost=cost, citation=citation, shows=shows,
            caveat=caveat, signed=signed, expected_sum=expected_sum, compute=compute, cost_at=cost_at, unit=unit,
            only_layer=only_layer, highlights=highlights,
        )  # fmt: skip
        return compute

    return register


def forget_method(name: str) -> None:
    """Take a method out again, such as one that was registered for a measurement."""
    del _methods[name]


def import_modules(package: str, folders: Iterable[str]) -> None:
    """Import every module of a package: what a family does for itself, so that its methods are registered.

    Args:
        package: its `__name__`.
        folders: its `__path__`.
    """
    for module in pkgutil.iter_modules(folders):
        importlib.import_module(f"{package}.{module.name}")


def methods(model: Model | None = None) -> list[Method]:
    """Every registered method, or those that this model can do, by family and title.

    Example:
        >>> import explainers as ex
        >>> names = [method.name for method in ex.methods(ex.load_model("demo:diabetes-mlp"))]
        >>> "integrated-gradients" in names, "grad-cam" in names  # a CAM needs pictures
        (True, False)
    """
    fitting = [method for method in _methods.values() if model is None or method.fits(model)]
    return sorted(fitting, key=lambda method: (method.family, method.title.lower()))


def find_method(name: str) -> Method:
    """The method called `name`.

    Raises:
        VitrineError: there is none.

    Example:
        >>> import explainers as ex
        >>> ex.find_method("grad-cam").citation
        'Selvaraju et al. 2017, arXiv:1610.02391'
    """
    if name not in _methods:
        near = ", ".join(get_close_matches(name, _methods, n=3, cutoff=0.3) or sorted(_methods))
        raise VitrineError(f"There is no method {name!r}; did you mean one of: {near}?")
    return _methods[name]


def fitting_method(name: str, model: Model) -> Method:
    """The method called `name`.

    Raises:
        VitrineError: there is none, or the model cannot give what it needs.
    """
    method = find_method(name)
    if not method.fits(model):
        missing = " and ".join(str(need.name).lower() for need in method.needs & ~model.capabilities)
        raise VitrineError(
            f"{method.title} needs {missing}, which {model.name} does not have; "
            f"it can do: {', '.join(m.name for m in methods(model))}."
        )
    return method
