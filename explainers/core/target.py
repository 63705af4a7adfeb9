"""Targets: what is explained, as a callable on the model's output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from explainers.core.errors import VitrineError

Index = int | tuple[int, ...]


@runtime_checkable
class Target(Protocol):
    """What is explained. Hashable, so that results can be cached by it.

    Example:
        >>> import explainers as ex
        >>> from dataclasses import dataclass
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> @dataclass(frozen=True)
        ... class AboveTheMean:
        ...     index: int
        ...
        ...     def __call__(self, outputs):
        ...         return outputs[:, self.index] - outputs.mean(1)
        ...
        ...     def take(self, rows):
        ...         return self
        ...
        ...     def describe(self, labels=None):
        ...         return f"class {self.index} above the mean of all"
        >>> isinstance(AboveTheMean(0), ex.Target)
        True
        >>> tuple(ex.explain(model, image, "gradient", AboveTheMean(0)).values.shape)
        (1, 3, 96, 96)
    """

    def __call__(self, outputs: Tensor) -> Tensor:
        """Scores (N,) of outputs (N, K), differentiable."""
        ...

    def take(self, rows: Sequence[int]) -> Target:
        """The target of the inputs at `rows`, for work in chunks; itself if all inputs share it."""
        ...

    def describe(self, labels: Sequence[str] | None = None) -> str:
        """A few words for a caption."""
        ...


def layer_of(target: Target) -> str | None:
    """The layer that a target reads instead of the network's output, if it does."""
    layer: str | None = getattr(target, "layer", None)
    return layer


def are_probabilities(outputs: Tensor) -> bool:
    """Whether outputs (N, K) are probabilities already: none below 0, and every row sums up to 1."""
    return bool(((outputs >= 0).all() & ((outputs.sum(1) - 1).abs() < 1e-4).all()).item())


def _take(index: Index, rows: Sequence[int]) -> Index:
    return index if isinstance(index, int) else tuple(index[row] for row in rows)


def _pick(outputs: Tensor, index: Index) -> Tensor:
    """Column `index` of every row of (N, K); one index per row where `index` is a tuple."""
    if outputs.ndim != 2:
        raise VitrineError(f"A class target needs outputs of shape (N, classes), not {tuple(outputs.shape)}.")
    indices = (index,) * len(outputs) if isinstance(index, int) else index
    if len(indices) != len(outputs):
        raise VitrineError(
            f"The target names {len(indices)} classes for {len(outputs)} inputs; give one, or one per input."
        )
    strange = [i for i in indices if not 0 <= i < outputs.shape[1]]
    if strange:
        raise VitrineError(
            f"Class {strange[0]} does not exist: the model has {outputs.shape[1]} outputs, 0 to {outputs.shape[1] - 1}."
        )
    return outputs.gather(1, torch.tensor(indices, device=outputs.device).unsqueeze(1)).squeeze(1)


def _name(index: Index, labels: Sequence[str] | None) -> str:
    if isinstance(index, int):
        return labels[index] if labels is not None and 0 <= index < len(labels) else f"class {index}"
    names = dict.fromkeys(_name(i, labels) for i in index)
    return next(iter(names)) if len(names) == 1 else "each input's own class"


@dataclass(frozen=True)
class ClassTarget:
    """The raw output (logit) of one class, or of one class per input.

    Attributes:
        index: of the class; a tuple of as many as there are inputs gives each its own.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> outputs = torch.tensor([[0.0, 1.0, 5.0], [2.0, 0.0, 1.0]])
        >>> ex.ClassTarget(2)(outputs)
        tensor([5., 1.])
        >>> ex.ClassTarget((2, 0))(outputs)  # another class for each input
        tensor([5., 2.])
    """

    index: Index

    def __call__(self, outputs: Tensor) -> Tensor:
        return _pick(outputs, self.index)

    def take(self, rows: Sequence[int]) -> ClassTarget:
        return ClassTarget(_take(self.index, rows))

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return _name(self.index, labels)


@dataclass(frozen=True)
class ProbabilityTarget:
    """The probability of a class.

    Attributes:
        of: the class.
        normal: whether the network puts out probabilities already.
    """

    of: ClassTarget
    normal: bool

    def __call__(self, outputs: Tensor) -> Tensor:
        return self.of(outputs if self.normal else outputs.flatten(1).softmax(1))

    def take(self, rows: Sequence[int]) -> ProbabilityTarget:
        return ProbabilityTarget(self.of.take(rows), self.normal)

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return f"probability of {self.of.describe(labels)}"


@dataclass(frozen=True)
class ContrastTarget:
    """Why `index` rather than `other`: the difference of two raw outputs.

    Attributes:
        index, other: of the two classes; tuples give each input its own.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> target = ex.ContrastTarget(2, 1)
        >>> target(torch.tensor([[0.0, 1.0, 5.0]]))
        tensor([4.])
        >>> target.describe(["cat", "dog", "bird"])
        'bird rather than dog'
    """

    index: Index
    other: Index

    def __call__(self, outputs: Tensor) -> Tensor:
        return _pick(outputs, self.index) - _pick(outputs, self.other)

    def take(self, rows: Sequence[int]) -> ContrastTarget:
        return ContrastTarget(_take(self.index, rows), _take(self.other, rows))

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return f"{_name(self.index, labels)} rather than {_name(self.other, labels)}"


@dataclass(frozen=True)
class RegressionTarget:
    """One output of a regression model, in the model's own units.

    Attributes:
        output: its index; outputs of several dimensions are flattened first.

    Example:
        >>> import torch
        >>> import explainers as ex
        >>> model = ex.load_model("demo:diabetes-mlp")
        >>> a = ex.explain(model, torch.zeros(4, 10), "gradient", ex.RegressionTarget(0))
        >>> tuple(a.values.shape), a.target.describe(model.labels)
        ((4, 10), 'disease progression')
    """

    output: int = 0

    def __call__(self, outputs: Tensor) -> Tensor:
        return _pick(outputs.reshape(len(outputs), -1), self.output)

    def take(self, rows: Sequence[int]) -> RegressionTarget:
        return self

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return _name(self.output, labels) if labels else f"output {self.output}"


@dataclass(frozen=True)
class TopTarget:
    """Each input's own top class, found in the same pass that explains it."""

    def __call__(self, outputs: Tensor) -> Tensor:
        outputs = outputs.flatten(1)
        # Not `amax`, whose gradient is split between classes that tie: the class that `Run.resolve` names has all of it.
        return outputs.gather(1, outputs.argmax(1, keepdim=True)).squeeze(1)

    def take(self, rows: Sequence[int]) -> TopTarget:
        return self

    def describe(self, labels: Sequence[str] | None = None) -> str:
        return "each input's top class"


@dataclass(frozen=True)
class ChannelTarget:
    """A channel of a layer: its mean over all places, or its value at one of them.

    Attributes:
        layer: name of the layer, as in `network.named_modules()`.
        channel: index of the channel: the second dimension of what the layer puts out, or the last where it puts out tokens.
        place: (row, column), or a one-tuple (token,) or () for all places.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a = ex.explain(model, image, target=ex.ChannelTarget("layer3", 17))
        >>> tuple(a.values.shape), a.target.describe()
        ((1, 12, 12), 'channel 17 of layer3')
    """

    layer: str
    channel: int
    place: tuple[int, ...] = ()

    def __call__(self, outputs: Tensor) -> Tensor:
        channels = outputs.movedim(-1, 1) if outputs.ndim == 3 else outputs
        if outputs.ndim < 2 or not 0 <= self.channel < channels.shape[1]:
            raise VitrineError(
                f"Layer {self.layer!r} puts out {tuple(outputs.shape)}: it has no channel {self.channel}."
            )
        values = channels[:, self.channel]
        if self.place and len(self.place) != values.ndim - 1:
            raise VitrineError(f"A place in layer {self.layer!r} has {values.ndim - 1} numbers, not {len(self.place)}.")
        sides = values.shape[1:]
        if any(not 0 <= index < side for index, side in zip(self.place, sides, strict=False)):
            raise VitrineError(f"Place {self.place} lies outside layer {self.layer!r}, which has {tuple(sides)}.")
        for index in self.place:
            values = values[:, index]
        return values.reshape(len(values), -1).mean(1)

    def take(self, rows: Sequence[int]) -> ChannelTarget:
        return self

    def describe(self, labels: Sequence[str] | None = None) -> str:
        where = f" at {self.place}" if self.place else ""
        return f"channel {self.channel} of {self.layer}{where}"
