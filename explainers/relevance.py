"""Relevance: the score handed back layer by layer, each layer sharing out what it got among its inputs (LRP).

Bach et al. 2015 (doi:10.1371/journal.pone.0130140); the rules are Zennit's (Anders et al. 2021, arXiv:2106.13200), on a copy
of the network in canonical form. A layer that gives up relevance R = sum over inputs of R x share keeps the sum, but
for what biases and a large epsilon absorb; `explainers.relevance_flow` shows where.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, fx, nn
from zennit.composites import (
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
    LayerMapComposite,
    layer_map_base,
)
from zennit.core import BasicHook, Composite, stabilize
from zennit.rules import AlphaBeta, Epsilon, Gamma, Norm
from zennit.types import Linear

from explainers.core.attribution import Cost
from explainers.core.canonizer import FunctionModule, canonize, input_of_first_convolution
from explainers.core.errors import VitrineError
from explainers.core.layers import channels_second, tensor_of
from explainers.core.model import Needs
from explainers.core.options import Options
from explainers.core.registry import explainer
from explainers.core.rng import seeded_generator
from explainers.core.run import Run
from explainers.core.target import Target, layer_of

Build = Callable[[Run, Tensor, Any], Composite]

RULES: dict[str, Build] = {}
"""Method name to what builds its rules for a chunk of inputs."""

STABILIZER = 1e-6  # Zennit's own: keeps denominators from zero

_CAVEAT = (
    "Which rule shares out the relevance is a choice, and each gives another map. Biases absorb part of the score: the chart "
    "of conservation shows how much arrives. A negative score is shared out as negative relevance."
)
_POSITIVE = (
    " It follows what speaks for the score and hardly what speaks against it, so maps of two classes look alike."
)


class EpsilonOptions(Options):
    epsilon: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Added to a layer's outputs before relevance is divided by them, as a share of their root mean square: more "
        "absorbs weak and contradictory relevance. 0 leaves Zennit's 1e-6, which only avoids division by zero.",
    )


class GammaOptions(Options):
    gamma: float = Field(
        0.25, ge=0, le=1, description="How much more positive weights count; 0 is the epsilon rule, much is alpha 1."
    )


class AlphaBetaOptions(Options):
    alpha: float = Field(
        2.0, ge=1, le=5, description="Weight of what speaks for; what speaks against gets beta = alpha - 1."
    )


class EpsilonGammaOptions(EpsilonOptions, GammaOptions):
    """Both."""


def lrp(
    name: str, *, title: str, citation: str, shows: str, caveat: str = _CAVEAT, images: bool = False
) -> Callable[[Build], Build]:
    """Register `build(run, inputs, options) -> Composite`, the rules of a composite, as a method."""

    def register(build: Build) -> Build:
        def compute(run: Run, inputs: Tensor, target: Target, options: Any) -> Tensor:
            return propagate(run, inputs, target, lambda rows: build(run, rows, options))

        # The registry reads the kind of options off the last argument.
        compute.__annotations__["options"] = list(typing.get_type_hints(build).values())[2]
        explainer(
            name,
            title=title,
            family="relevance",
            needs=Needs.GRADIENTS | Needs.LAYERS | (Needs.IMAGES if images else Needs.GRADIENTS),
            cost=lambda shape, options: Cost(2 * shape[0], shape[0]),
            citation=citation,
            shows=shows,
            caveat=caveat,
            signed=True,
        )(compute)
        RULES[name] = build
        return build

    return register


def canonized_network(run: Run, end: str | None = None) -> fx.GraphModule:
    """The network up to the layer `end` in canonical form, made once per network and kept while its weights stand."""
    shape = run.model.input_shape
    build = functools.partial(canonize, input_shape=shape, end=end)
    copy = run.copies.once(f"canonical at {shape} to {end}", build, contents=True)
    assert isinstance(copy, fx.GraphModule)
    return copy


def propagate(
    run: Run,
    inputs: Tensor,
    target: Target,
    rules: Callable[[Tensor], Composite],
    forward: Callable[[fx.GraphModule, Tensor], Any] = nn.Module.__call__,
) -> Tensor:
    """Relevance of every input value, (N, ...), in units of the score.

    It starts from d score / d outputs x outputs: the score of a class; of a contrast, the score of the one and minus that
    of the other, as if their difference were one more linear layer.

    Args:
        rules: the composite for a chunk of inputs.
        forward: how the canonical copy is run, for those who look inside.

    Raises:
        VitrineError: the network has attention, cannot be traced, its copy answers otherwise, or the relevance is not finite.
    """
    target = run.resolve(inputs, target)
    scores = run.scores(inputs, target)
    layer = layer_of(target)
    network = canonized_network(run, layer)

    def work(rows: Tensor, numbers: Sequence[int]) -> Tensor:
        rows = rows.detach().clone().requires_grad_()
        with torch.enable_grad(), rules(rows.detach()).context(network):
            outputs = tensor_of(forward(network, rows))
            assert outputs is not None
            answer = outputs.detach().requires_grad_()
            score = target.take(numbers)(answer if layer is None else channels_second(answer, rows))
            check_scores(run, score.detach(), scores, numbers)
            start = answer.detach() * torch.autograd.grad(score.sum(), answer)[0]
            return torch.autograd.grad(outputs, rows, start)[0]

    return finite(run, run.attribute(inputs, work, Cost(1, 1), "relevance"))


def finite(run: Run, relevance: Tensor) -> Tensor:
    """The relevance itself.

    Raises:
        VitrineError: some of it is not a number, or beyond all numbers.
    """
    if not relevance.isfinite().all():
        raise VitrineError(
            f"The relevance handed back through {run.model.name} grows beyond all numbers on the way; use another rule, or a method "
            "that needs plain gradients, such as integrated-gradients."
        )
    return relevance


def check_scores(run: Run, found: Tensor, scores: Tensor, numbers: Sequence[int]) -> None:
    """Make sure that what relevance is propagated through scores as the network itself does.

    Args:
        found: of some inputs, (M,).
        scores: the network's own, of all inputs, (N,).
        numbers: which inputs they are, one after the other.

    Raises:
        VitrineError: it does not.
    """
    expected = scores[numbers[0] : numbers[-1] + 1]
    if not torch.allclose(found, expected, rtol=1e-2, atol=1e-2 * float(scores.abs().max())):
        raise VitrineError(
            f"Taken apart into the steps through which relevance is propagated, {run.model.name} puts out other scores than as a whole; "
            "use a method that needs plain gradients, such as integrated-gradients."
        )


# -- rules --------------------------------------------------------------------------------------

_STEPS = [((FunctionModule,), Norm(STABILIZER))]


def _stabilizer(share: float) -> Callable[[Tensor], Tensor]:
    """z to z + sign(z) (share x root mean square of z + 1e-6), per input."""
    return lambda z: stabilize(stabilize(z, share, norm_scale=True), STABILIZER)


def _everywhere(rule: BasicHook) -> Composite:
    """One rule for every layer with weights."""
    return LayerMapComposite([*_STEPS, *layer_map_base(STABILIZER), ((Linear,), rule)])


@lrp(
    "lrp-epsilon",
    title="LRP-ε",
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="How the score is made up: each layer shares out its relevance in proportion to what every input added to it.",
    caveat=_CAVEAT + " With an epsilon of zero it is noisy, and in a network of ReLUs the same as input × gradient.",
)
def epsilon(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """R_i = sum_j x_i w_ij / (z_j + epsilon sign z_j) R_j, in every layer with weights."""
    return _everywhere(Epsilon(_stabilizer(options.epsilon)))


@lrp(
    "lrp-gamma",
    title="LRP-γ",
    citation="Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10",
    shows="How the score is made up, with more weight on what adds to it, which calms the map.",
    caveat=_CAVEAT + _POSITIVE,
)
def gamma(run: Run, inputs: Tensor, options: GammaOptions) -> Composite:
    """As the epsilon rule, with w + gamma max(w, 0) for w; Andéol et al. 2021 for inputs of either sign."""
    return _everywhere(Gamma(options.gamma, STABILIZER))


@lrp(
    "lrp-alpha-beta",
    title="LRP-αβ",
    citation="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    shows="What speaks for the score and what speaks against it, shared out apart in every layer: alpha times the one, beta times the other.",
    caveat=_CAVEAT + " An alpha of 1 is the z-plus rule, which shows nothing that speaks "
    "against; with more, relevance grows wherever nothing speaks against.",
)
def alpha_beta(run: Run, inputs: Tensor, options: AlphaBetaOptions) -> Composite:
    """R_i = sum_j (alpha z_ij+ / z_j+ - beta z_ij- / z_j-) R_j with z_ij = x_i w_ij, in every layer with weights."""
    return _everywhere(AlphaBeta(options.alpha, options.alpha - 1, STABILIZER))


composite = functools.partial(
    lrp, citation="Kohlbrenner et al. 2020, arXiv:1910.09840; Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10"
)


@composite(
    "lrp-epsilon-plus",
    title="LRP EpsilonPlus",
    shows="Where the positive evidence comes from: z-plus in convolutions, the epsilon rule in linear layers.",
    caveat=_CAVEAT + _POSITIVE,
)
def epsilon_plus(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """z-plus in convolutions, epsilon in linear layers."""
    return EpsilonPlus(_stabilizer(options.epsilon), STABILIZER, layer_map=_STEPS)


@composite(
    "lrp-epsilon-plus-flat",
    title="LRP EpsilonPlusFlat",
    shows="Where the positive evidence comes from; the first layer spreads its relevance evenly over the pixels it looks at.",
    caveat=_CAVEAT + _POSITIVE + " The flat first layer leaves no trace of single pixels, channels or colours.",
)
def epsilon_plus_flat(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """As EpsilonPlus, with the flat rule in the first layer."""
    return EpsilonPlusFlat(_stabilizer(options.epsilon), STABILIZER, layer_map=_STEPS)


@composite(
    "lrp-epsilon-alpha2-beta1",
    title="LRP EpsilonAlpha2Beta1",
    shows="What speaks for (twice) and against (once) in convolutions; the epsilon rule in linear layers.",
)
def epsilon_alpha2_beta1(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """alpha 2 beta 1 in convolutions, epsilon in linear layers."""
    return EpsilonAlpha2Beta1(_stabilizer(options.epsilon), STABILIZER, layer_map=_STEPS)


@composite(
    "lrp-epsilon-alpha2-beta1-flat",
    title="LRP EpsilonAlpha2Beta1Flat",
    shows="What speaks for (twice) and against (once); the first layer spreads its relevance evenly over the pixels it looks at.",
    caveat=_CAVEAT + " The flat first layer leaves no trace of single pixels, channels or colours.",
)
def epsilon_alpha2_beta1_flat(run: Run, inputs: Tensor, options: EpsilonOptions) -> Composite:
    """As EpsilonAlpha2Beta1, with the flat rule in the first layer."""
    return EpsilonAlpha2Beta1Flat(_stabilizer(options.epsilon), STABILIZER, layer_map=_STEPS)


@composite(
    "lrp-epsilon-gamma-box",
    title="LRP EpsilonGammaBox",
    shows="How the score is made up: gamma in convolutions, epsilon in linear layers; the first convolution knows how dark and "
    "how bright a pixel can be.",
    caveat=_CAVEAT + _POSITIVE,
    images=True,
)
def epsilon_gamma_box(run: Run, inputs: Tensor, options: EpsilonGammaOptions) -> Composite:
    """Box rule (Montavon et al. 2017, arXiv:1512.02479) in the first convolution, gamma in the others, epsilon in linear layers."""
    low, high = pixel_box(run, inputs)
    return EpsilonGammaBox(low, high, _stabilizer(options.epsilon), options.gamma, STABILIZER, layer_map=_STEPS)


def pixel_box(run: Run, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and highest values that the first convolution can read, to be broadcast to what it reads: of black and of
    white, or, where the preprocessing is not known, of each input's own extremes.

    Raises:
        VitrineError: the network does something to its input first that can leave the range between the two.
    """
    preprocess = run.model.preprocess
    if preprocess is not None:
        low, high = preprocess.pixel(0.0, inputs)[None], preprocess.pixel(1.0, inputs)[None]
        black, white = low.expand_as(inputs[:1]), high.expand_as(inputs[:1])
    else:
        low, high = inputs.amin((1, 2, 3), keepdim=True), inputs.amax((1, 2, 3), keepdim=True)
        black, white = low.expand_as(inputs), high.expand_as(inputs)
    between = torch.lerp(black, white, torch.rand(black.shape, generator=seeded_generator("cpu", 0)).to(black))
    pictures = torch.cat([black, white, between])
    read = input_of_first_convolution(canonized_network(run), pictures)
    if read is pictures:
        return low, high
    of_black, of_white, of_between = read.chunk(3)
    low, high = torch.minimum(of_black, of_white), torch.maximum(of_black, of_white)
    slack = 1e-3 * (high - low).amax()
    if len(read) != len(pictures) or (of_between < low - slack).any() or (of_between > high + slack).any():
        raise VitrineError(
            f"What the first convolution of {run.model.name} reads need not lie between what it reads of black and of white, so "
            "the box rule does not hold for it; use another rule, such as lrp-gamma."
        )
    return low, high
