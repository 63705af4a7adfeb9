"""SmoothGrad and its moments: gradients of noisy copies averaged, squared, or their variance.

Smilkov et al. 2017 (arXiv:1706.03825); Hooker et al. 2019 (arXiv:1806.10758); Adebayo et al. 2018 (arXiv:1810.03307)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explainers.core.cost import Cost
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_gradients import summed_gradients
from explainers.inputs.noise import NoisyCopiesOptions, noisy_copies
from explainers.saliency._family import saliency_method


@saliency_method(
    "smoothgrad",
    options=NoisyCopiesOptions,
    title="SmoothGrad",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), shape[0] * options.samples),
    citation="Smilkov et al. 2017, arXiv:1706.03825",
    shows="The gradient averaged over noisy copies of the input: what stays when the noise of the slope cancels.",
    caveat="It explains the neighbourhood of the input rather than the input; the amount of noise decides what is seen.",
)
def smoothgrad(run: Run, inputs: Tensor, target: Target, options: NoisyCopiesOptions) -> Tensor:
    """Mean of d score / d input over noisy copies, (N, ...). Same seed, same map, whatever the chunk size."""
    return summed_gradients(run, inputs, target, noisy_copies(inputs, options))


_UNSIGNED_CAVEAT = (
    "It has no sign: evidence for and against count alike, and its unit is the square of a slope. "
    "It explains the neighbourhood of the input rather than the input."
)


@saliency_method(
    "smoothgrad-squared",
    options=NoisyCopiesOptions,
    title="SmoothGrad squared",
    highlights="what the score of {target} is sensitive to, either way",
    unit="squared score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), shape[0] * options.samples),
    citation="Hooker et al. 2019, arXiv:1806.10758",
    shows="The squared gradient averaged over noisy copies of the input: where the score answers strongly, in either direction.",
    caveat=_UNSIGNED_CAVEAT,
    signed=False,
)
def smoothgrad_squared(run: Run, inputs: Tensor, target: Target, options: NoisyCopiesOptions) -> Tensor:
    """Mean of (d score / d input)^2 over noisy copies, (N, ...), not negative."""
    copies = replace(noisy_copies(inputs, options), fold=lambda gradient, input_index, variant_index: gradient.square())
    return summed_gradients(run, inputs, target, copies)


@saliency_method(
    "vargrad",
    options=NoisyCopiesOptions,
    title="VarGrad",
    highlights="where the slope of the score of {target} changes under noise",
    unit="squared score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), shape[0] * (options.samples + 1)),
    citation="Adebayo et al. 2018, arXiv:1810.03307",
    shows="How much the gradient varies over noisy copies of the input: where the score's slope is unsteady.",
    caveat=_UNSIGNED_CAVEAT + " A place with the same strong slope in every copy stays dark.",
    signed=False,
)
def vargrad(run: Run, inputs: Tensor, target: Target, options: NoisyCopiesOptions) -> Tensor:
    """Variance of d score / d input over noisy copies (divided by their number), (N, ...), not negative."""
    # Measured from the gradient at the input itself: the difference of two large sums would lose the digits.
    centre = run.gradients(inputs, target)

    def moments(gradient: Tensor, input_index: Tensor, variant_index: Tensor) -> Tensor:
        deviation = gradient - centre[input_index]
        return torch.stack([deviation, deviation.square()], 1)

    mean, square = summed_gradients(run, inputs, target, replace(noisy_copies(inputs, options), fold=moments)).unbind(1)
    return (square - mean.square()).clamp_min(0)
