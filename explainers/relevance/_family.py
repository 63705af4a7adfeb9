"""What methods of layer-wise relevance propagation (LRP) share: the score handed back layer by layer.

Bach et al. 2015 (doi:10.1371/journal.pone.0130140); the rules are Zennit's (Anders et al. 2021, arXiv:2106.13200), on a copy
of the network in canonical form. A layer that gives up relevance R = sum over inputs of R x share keeps the sum, but
for what biases and a large epsilon absorb; `explainers.relevance.conservation` shows where."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, fx, nn
from zennit.composites import (
    LayerMapComposite,
    layer_map_base,
)
from zennit.core import BasicHook, Composite, stabilize
from zennit.rules import Norm
from zennit.types import Linear

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.options import Options
from explainers.core.target import Target, layer_of
from explainers.engine.run import Run
from explainers.graph.hooks import channels_second, tensor_of
from explainers.registry import explainer
from explainers.relevance._canonizer import FunctionModule, canonize

Build = Callable[[Run, Tensor, Any], Composite]


RULES: dict[str, Build] = {}
"""Method name to what builds its rules for a chunk of inputs."""


STABILIZER = 1e-6  # Zennit's own: keeps denominators from zero


CAVEAT = (
    "Which rule shares out the relevance is a choice, and each gives another map. Biases absorb part of the score: the chart "
    "of conservation shows how much arrives. A negative score is shared out as negative relevance."
)


POSITIVE = " It follows what speaks for the score and hardly what speaks against it, so maps of two classes look alike."


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


def lrp(
    name: str,
    *,
    options: type[Options],
    title: str,
    citation: str,
    shows: str,
    caveat: str = CAVEAT,
    images: bool = False,
) -> Callable[[Build], Build]:
    """Register `build(run, inputs, options) -> Composite`, the rules of a composite, as a method."""

    def register(build: Build) -> Build:
        def compute(run: Run, inputs: Tensor, target: Target, options: Any) -> Tensor:
            return propagate(run, inputs, target, lambda rows: build(run, rows, options))

        explainer(
            name,
            title=title,
            options=options,
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
    copy = run.cache.get(f"canonical at {shape} to {end}", build, contents=True)
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


FUNCTION_RULES = [((FunctionModule,), Norm(STABILIZER))]


def stabilizer(share: float) -> Callable[[Tensor], Tensor]:
    """z to z + sign(z) (share x root mean square of z + 1e-6), per input."""
    return lambda z: stabilize(stabilize(z, share, norm_scale=True), STABILIZER)


def everywhere(rule: BasicHook) -> Composite:
    """One rule for every layer with weights."""
    return LayerMapComposite([*FUNCTION_RULES, *layer_map_base(STABILIZER), ((Linear,), rule)])


composite = functools.partial(
    lrp, citation="Kohlbrenner et al. 2020, arXiv:1910.09840; Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10"
)
