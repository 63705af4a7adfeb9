"""What an explainer hands back: raw numbers, with everything needed to know where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.estimate import reliability
from explainers.core.fingerprint import fingerprint_tensor
from explainers.core.target import Target

Reduce = Literal["sum", "abs", "max-abs", "l2"]


@dataclass(frozen=True)
class Completeness:
    """How far a method that promises it is from summing up to the change of the score, per input.

    Attributes:
        total: sum of the attribution, (N,).
        expected: score of the input minus score of the baseline, (N,).

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a = ex.explain(model, image, "integrated-gradients", steps=50)
        >>> tuple(a.completeness.gap.shape), bool(a.completeness.relative[0] < 0.1)
        ((1,), True)
    """

    total: Tensor
    expected: Tensor

    @property
    def gap(self) -> Tensor:
        """total - expected, in units of the score, (N,)."""
        return self.total - self.expected

    @property
    def relative(self) -> Tensor:
        """|gap| / |expected|, (N,)."""
        return self.gap.abs() / self.expected.abs().clamp_min(1e-12)


@dataclass(frozen=True, eq=False)
class Attribution:
    """One method's answer, unnormalised.

    Attributes:
        values: float32 on the CPU: (N, C, H, W) for the gradient family, (N, h, w) at the layer's
            own resolution for CAMs, (N, H, W) for perturbation, (N, F) for vectors.
        method: the name of the method that made it.
        target: what is explained; a "top class" has become the class that it was.
        score: the target's score per input, (N,).
        inputs: what was explained, (N, C, H, W) or (N, F), preprocessed, on the device of the work.
        layer: the layer looked at, for methods that look at one.
        signed: whether negative values mean evidence against.
        options: all of the method's, the defaults among them, as plain data.
        cost: what it took; passes that several maps shared are counted with the first of them.
        completeness: how far it is from adding up, where the method promises to.
        model_fingerprint: hash of the weights that answered; "" where none is known.
        error: standard error of the values, of their shape, where the method is a sample and knows it.
        share: of the work that was asked for; less than 1 for a map in the making, or one that settled early.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> a = ex.explain(model, image, "gradient")
        >>> tuple(a.values.shape), tuple(a.score.shape)
        ((1, 3, 96, 96), (1,))
        >>> tuple(a.heatmap((224, 224), reduce="abs").shape)
        (1, 224, 224)
    """

    values: Tensor
    method: str
    target: Target
    score: Tensor
    inputs: Tensor = field(repr=False)
    signed: bool
    layer: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    completeness: Completeness | None = None
    model_fingerprint: str = ""
    error: Tensor | None = field(default=None, repr=False)
    share: float = 1.0

    def row(self, number: int) -> Attribution:
        """The attribution of one of several inputs; the cost stays that of all of them."""
        if not 0 <= number < len(self.values):
            raise VitrineError(
                f"There are attributions of {len(self.values)} inputs, 0 to {len(self.values) - 1}, and no {number}."
            )
        rows = slice(number, number + 1)
        completeness = self.completeness
        return replace(
            self,
            values=self.values[rows],
            target=self.target.take([number]),
            score=self.score[rows],
            inputs=self.inputs[rows],
            error=None if self.error is None else self.error[rows],
            completeness=None
            if completeness is None
            else Completeness(completeness.total[rows], completeness.expected[rows]),
        )

    @property
    def reliability(self) -> float | None:
        """Share of the map's variation that is not sampling noise, 0 to 1, the least of all inputs; see `reliability`."""
        if self.error is None:
            return None
        return min(reliability(values, error) for values, error in zip(self.values, self.error, strict=True))

    @property
    def percentile(self) -> int:
        """Of the absolute values: where a colour bar that fits this map should end.

        A few extreme pixels must not leave all others pale; a CAM has few cells, and its strongest one counts.
        """
        return 99 if self.signed or self.values.ndim == 4 else 100

    @cached_property
    def input_fingerprint(self) -> str:
        """Hash of the inputs: 16 hex digits."""
        return fingerprint_tensor(self.inputs)

    def heatmap(self, size: tuple[int, int] | None = None, reduce: Reduce = "sum") -> Tensor:
        """The maps as N x H x W, channels folded, resized bilinearly; still unnormalised.

        Args:
            size: (height, width) in pixels; None is the input's own size.
            reduce: how channels become one number: their signed "sum", the sum of absolute
                values ("abs"), the largest absolute value ("max-abs"), or the Euclidean norm ("l2").
                A map without channels is left as it is by "sum" and made absolute by the others.
        """
        if self.values.ndim == 2:
            raise VitrineError("An attribution of vectors has no heat map; read .values, one number per feature.")
        size = size or (self.inputs.shape[-2], self.inputs.shape[-1])
        maps = fold_channels(self.values, reduce)
        if tuple(maps.shape[-2:]) == tuple(size):
            return maps
        resized: Tensor = F.interpolate(maps.unsqueeze(1), size, mode="bilinear", align_corners=False)
        return resized.squeeze(1)


def min_max_scaled(maps: Tensor) -> Tensor:
    """Maps (..., H, W), each from 0 to 1 over its own range; zeros where it is constant."""
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1)


def fold_channels(values: Tensor, reduce: Reduce) -> Tensor:
    """(N, C, H, W) to (N, H, W); maps that have no channels pass, absolute unless `reduce` is "sum"."""
    if values.ndim == 3:
        return values if reduce == "sum" else values.abs()
    match reduce:
        case "sum":
            return values.sum(1)
        case "abs":
            return values.abs().sum(1)
        case "max-abs":
            return values.abs().amax(1)
        case "l2":
            norm: Tensor = torch.linalg.vector_norm(values, dim=1)
            return norm
    raise VitrineError(f'Channels can be folded by "sum", "abs", "max-abs" or "l2", not {reduce!r}.')
