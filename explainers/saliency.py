"""Saliency: which pixels the score is sensitive to, or is made of, by gradients down to the input."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import DeepLift, GuidedBackprop
from pydantic import Field
from torch import Tensor, nn

from explainers.core.attribution import Cost
from explainers.core.baselines import Baseline, baseline_for
from explainers.core.captum_adapter import attribute_with_captum
from explainers.core.deeplift_rules import smallest_change
from explainers.core.model import Needs
from explainers.core.options import NoOptions, Options
from explainers.core.registry import explainer
from explainers.core.rng import seeded_noise
from explainers.core.run import Run
from explainers.core.target import Target
from explainers.core.variant_gradients import Variants, summed_gradients

# Captum says so on every call; it works on a copy of ours, and takes its hooks off again.
warnings.filterwarnings("ignore", message=r"Setting (forward, )?backward hooks", category=UserWarning)

saliency = functools.partial(explainer, family="saliency", needs=Needs.GRADIENTS, signed=True)

_LOCAL = (
    "It is the slope at this very input: a saturated score has none, so a feature that matters may stay dark, and "
    "the slope of a deep network is noisy."
)
AGAINST_BASELINE = "It is measured against the baseline: another baseline gives another map, and what looks like the baseline gets no attribution."


class BaselineOptions(Options):
    baseline: Baseline = Field(Baseline.ZERO, description="The input that stands for nothing to see.")


class IntegratedGradientsOptions(BaselineOptions):
    steps: int = Field(
        50, ge=2, le=500, description="Points on the path from baseline to input; more close the completeness gap."
    )


class SmoothGradOptions(Options):
    samples: int = Field(25, ge=2, le=500, description="Noisy copies whose gradients are averaged.")
    noise: float = Field(
        0.15, gt=0, le=1, description="Standard deviation of the noise, as a share of the input's range."
    )
    seed: int = Field(0, ge=0, description="Seed of the noise.")


class GradientShapOptions(BaselineOptions):
    samples: int = Field(25, ge=2, le=500, description="Random points between baseline and input that are averaged.")
    noise: float = Field(
        0.1, ge=0, le=1, description="Standard deviation of the noise on the input, as a share of its range."
    )
    seed: int = Field(0, ge=0, description="Seed of the noise and of the points.")


def one_pass(shape: Sequence[int], options: Options) -> Cost:
    return Cost(shape[0], shape[0])


def score_difference(run: Run, inputs: Tensor, target: Target, options: BaselineOptions) -> Tensor:
    """Score of the input minus score of its baseline, (N,)."""
    target = run.resolve(inputs, target)
    return run.scores(inputs, target) - run.scores(baseline_for(run.model, inputs, options.baseline), target)


@saliency(
    "gradient",
    title="Gradient",
    unit="score per unit of input",
    cost=one_pass,
    citation="Simonyan, Vedaldi & Zisserman 2013, arXiv:1312.6034",
    shows="How fast the score changes with each input value.",
    caveat=_LOCAL,
)
def gradient(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input, (N, ...), in units of score per unit of input."""
    return run.gradients(inputs, target)


@saliency(
    "input-x-gradient",
    title="Input × gradient",
    cost=one_pass,
    citation="Shrikumar et al. 2016, arXiv:1605.01713",
    shows="The gradient times the input: for a linear model, each value's share of the score.",
    caveat=_LOCAL + " Where the normalised input is zero (the mean colour) nothing shows.",
)
def input_x_gradient(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """input * d score / d input, (N, ...), in units of the score."""
    return inputs * run.gradients(inputs, target)


def _path_cost(shape: Sequence[int], options: IntegratedGradientsOptions) -> Cost:
    return Cost(shape[0] * (options.steps + 2), shape[0] * options.steps)


@saliency(
    "integrated-gradients",
    title="Integrated gradients",
    cost=_path_cost,
    citation="Sundararajan, Taly & Yan 2017, arXiv:1703.01365",
    shows="How the change of the score from the baseline to this input is shared out among the input values.",
    caveat=AGAINST_BASELINE + " The straight path runs through pictures the model never saw.",
    expected_sum=score_difference,
)
def integrated_gradients(run: Run, inputs: Tensor, target: Target, options: IntegratedGradientsOptions) -> Tensor:
    """(input - baseline) * mean gradient on the straight path between them, by Gauss-Legendre quadrature; (N, ...)."""
    nodes, weights = np.polynomial.legendre.leggauss(options.steps)
    share = torch.from_numpy((nodes + 1) / 2).to(inputs)
    baseline = baseline_for(run.model, inputs, options.baseline)
    difference = inputs - baseline

    def on_the_path(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(baseline[number], rows, share[version].view(-1, *[1] * (rows.ndim - 1)))

    variants = Variants(options.steps, on_the_path, torch.from_numpy(weights / 2))
    return difference * summed_gradients(run, inputs, target, variants)


@saliency(
    "smoothgrad",
    title="SmoothGrad",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 1), shape[0] * options.samples),
    citation="Smilkov et al. 2017, arXiv:1706.03825",
    shows="The gradient averaged over noisy copies of the input: what stays when the noise of the slope cancels.",
    caveat="It explains the neighbourhood of the input rather than the input; the amount of noise decides what is seen.",
)
def smoothgrad(run: Run, inputs: Tensor, target: Target, options: SmoothGradOptions) -> Tensor:
    """Mean of d score / d input over noisy copies, (N, ...). Same seed, same map, whatever the chunk size."""
    return summed_gradients(run, inputs, target, noisy_copies(inputs, options))


@saliency(
    "gradient-shap",
    title="Gradient SHAP",
    cost=lambda shape, options: Cost(shape[0] * (options.samples + 2), shape[0] * options.samples),
    citation="Lundberg & Lee 2017, arXiv:1705.07874",
    shows="An average of gradients at random points between the baseline and noisy copies of the input, times their difference.",
    caveat=AGAINST_BASELINE + " It is a sample: another seed gives a slightly different map.",
    expected_sum=score_difference,
)
def gradient_shap(run: Run, inputs: Tensor, target: Target, options: GradientShapOptions) -> Tensor:
    """Mean of (noisy input - baseline) * d score / d input at random points between the two, (N, ...)."""
    deviation = noise_deviation(inputs, options.noise)
    baseline = baseline_for(run.model, inputs, options.baseline)
    share = torch.rand(options.samples, generator=torch.Generator().manual_seed(options.seed)).to(inputs)

    def noisy(number: Tensor, version: Tensor) -> Tensor:
        rows = inputs[number]
        return torch.addcmul(rows, seeded_noise(rows, options.seed, version), deviation[number])

    def between(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.lerp(baseline[number], noisy(number, version), share[version].view(-1, *[1] * (rows.ndim - 1)))

    def times_difference(gradient: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return gradient * (noisy(number, version) - baseline[number])

    weights = torch.full((options.samples,), 1 / options.samples)
    return summed_gradients(run, inputs, target, Variants(options.samples, between, weights, times_difference))


@saliency(
    "guided-backprop",
    title="Guided backpropagation",
    unit="score per unit of input",
    cost=lambda shape, options: Cost(shape[0] * 2, shape[0]),
    citation="Springenberg et al. 2014, arXiv:1412.6806",
    shows="The gradient with negative values cut off at every ReLU on the way back: sharp edges of what excites the network.",
    caveat="It hardly depends on the class or on the upper layers (Adebayo et al. 2018, arXiv:1810.03292): sharp is not faithful. "
    "A network without ReLUs gives the plain gradient.",
)
def guided_backprop(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """d score / d input with negative gradients dropped at every ReLU, (N, ...). Captum's, on a copy with its own ReLUs."""
    return attribute_with_captum(
        run, inputs, target, lambda network, rows, _: GuidedBackprop(network).attribute(rows), Cost(1, 1)
    )


@saliency(
    "deeplift",
    title="DeepLift",
    cost=lambda shape, options: Cost(shape[0] * 4, shape[0] * 2),
    citation="Shrikumar, Greenside & Kundaje 2017, arXiv:1704.02685",
    shows="The change of the score from the baseline to this input, shared out by comparing every activation with its baseline value.",
    caveat=AGAINST_BASELINE
    + " The rescale rule knows ReLU, sigmoid, tanh, softmax and max pooling; through other non-linearities "
    "(GELU, SiLU, the products in attention) it is the gradient and the completeness gap grows.",
    expected_sum=score_difference,
)
def deeplift(run: Run, inputs: Tensor, target: Target, options: BaselineOptions) -> Tensor:
    """DeepLift's rescale rule, (N, ...), in units of the score. Captum's, on a copy with its own activations; the
    rules for softmax and max pooling are ours."""
    baseline = baseline_for(run.model, inputs, options.baseline)

    def work(network: nn.Module, rows: Tensor, numbers: Sequence[int]) -> Tensor:
        values: Tensor = DeepLift(network, eps=smallest_change(rows)).attribute(
            rows, baseline[numbers[0] : numbers[-1] + 1]
        )
        return values

    return attribute_with_captum(run, inputs, target, work, Cost(2, 2))


def noisy_copies(inputs: Tensor, options: SmoothGradOptions) -> Variants:
    """SmoothGrad's noisy copies of every input, each with the same weight."""
    deviation = noise_deviation(inputs, options.noise)

    def noisy(rows: Tensor, number: Tensor, version: Tensor) -> Tensor:
        return torch.addcmul(rows, seeded_noise(rows, options.seed, version), deviation[number])

    return Variants(options.samples, noisy, torch.full((options.samples,), 1 / options.samples))


def noise_deviation(inputs: Tensor, share: float) -> Tensor:
    """`share` of each input's range (largest minus smallest value), (N, 1, ...)."""
    flat = inputs.flatten(1)
    return ((flat.amax(1) - flat.amin(1)) * share).view(-1, *[1] * (inputs.ndim - 1))
