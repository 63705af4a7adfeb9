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
from zennit.composites import LayerMapComposite, layer_map_base
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

CompositeBuilder = Callable[[Run, Tensor, Any], Composite]
"""(run, a chunk of inputs, options) -> Zennit's composite: which rule each layer gets."""

COMPOSITES: dict[str, CompositeBuilder] = {}
"""Method name to what builds its composite; `lrp` alone writes here, while the family is imported."""

STABILIZER = 1e-6  # Zennit's own: keeps denominators from zero

RULE_CAVEAT = (
    "Which rule shares out the relevance is a choice, and each gives another map. Biases absorb part of the score: the chart "
    "of conservation shows how much arrives. A negative score is shared out as negative relevance."
)
POSITIVE_CAVEAT = (
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


def lrp(
    name: str,
    *,
    options: type[Options],
    title: str,
    citation: str,
    shows: str,
    caveat: str = RULE_CAVEAT,
    images: bool = False,
) -> Callable[[CompositeBuilder], CompositeBuilder]:
    """Register a function that builds a composite as a method: relevance propagated by the composite's rules.

    The method's maps are of the inputs' shape, (N, ...), in units of the score.

    The function itself is kept in `COMPOSITES`, for `explainers.relevance.conservation`, which looks on while it propagates.

    Args:
        images: whether the rules need inputs with height and width.
    """

    def register(build_composite: CompositeBuilder) -> CompositeBuilder:
        def compute(run: Run, inputs: Tensor, target: Target, options: Any) -> Tensor:
            return propagate(run, inputs, target, lambda chunk: build_composite(run, chunk, options))

        explainer(
            name,
            title=title,
            options=options,
            family="relevance",
            needs=Needs.GRADIENTS | Needs.LAYERS | (Needs.IMAGES if images else Needs(0)),
            cost=lambda shape, options: Cost(2 * shape[0], shape[0]),
            citation=citation,
            shows=shows,
            caveat=caveat,
            signed=True,
        )(compute)
        COMPOSITES[name] = build_composite
        return build_composite

    return register


lrp_composite = functools.partial(
    lrp, citation="Kohlbrenner et al. 2020, arXiv:1910.09840; Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10"
)
"""`lrp` for the composites that Zennit has by name: other rules in convolutions than in linear layers."""

FUNCTION_LAYER_MAP = [((FunctionModule,), Norm(STABILIZER))]
"""Zennit's form of saying that functions of a single tensor, such as a mean, share out in proportion to what each value added."""


def single_rule(rule: BasicHook) -> Composite:
    """The composite that gives every layer with weights this rule."""
    return LayerMapComposite([*FUNCTION_LAYER_MAP, *layer_map_base(STABILIZER), ((Linear,), rule)])


def rms_stabilizer(share: float) -> Callable[[Tensor], Tensor]:
    """What denominators are made of: z to z + sign(z) (share x root mean square of z + 1e-6), per input."""
    return lambda z: stabilize(stabilize(z, share, norm_scale=True), STABILIZER)


def canonized_network(run: Run, end: str | None = None) -> fx.GraphModule:
    """The network up to the layer `end` in canonical form, made once per network and kept while its weights stand."""
    shape = run.model.input_shape
    canonize_network = functools.partial(canonize, input_shape=shape, end=end)
    canonized = run.cache.get(f"canonical at {shape} to {end}", canonize_network, contents=True)
    assert isinstance(canonized, fx.GraphModule)
    return canonized


def propagate(
    run: Run,
    inputs: Tensor,
    target: Target,
    composite_for: Callable[[Tensor], Composite],
    forward: Callable[[fx.GraphModule, Tensor], Any] = nn.Module.__call__,
) -> Tensor:
    """Relevance of every input value, (N, ...), in units of the score.

    It starts from d score / d outputs x outputs: the score of a class; of a contrast, the score of the one and minus that
    of the other, as if their difference were one more linear layer.

    Args:
        composite_for: (chunk of inputs) -> the rules for it.
        forward: how the canonical copy is run, for those who look inside.

    Raises:
        VitrineError: the network has attention, cannot be traced, its copy answers otherwise, or the relevance is not finite.
    """
    target = run.resolve(inputs, target)
    scores = run.scores(inputs, target)
    layer = layer_of(target)
    network = canonized_network(run, layer)

    def relevance_of_chunk(chunk: Tensor, input_indices: Sequence[int]) -> Tensor:
        chunk = chunk.detach().clone().requires_grad_()
        with torch.enable_grad(), composite_for(chunk.detach()).context(network):
            outputs = tensor_of(forward(network, chunk))
            assert outputs is not None
            output_values = outputs.detach().requires_grad_()
            score = target.take(input_indices)(
                output_values if layer is None else channels_second(output_values, chunk)
            )
            require_same_scores(run, score.detach(), scores, input_indices)
            start = output_values.detach() * torch.autograd.grad(score.sum(), output_values)[0]
            return torch.autograd.grad(outputs, chunk, start)[0]

    return require_finite(run, run.attribute(inputs, relevance_of_chunk, Cost(1, 1), "relevance"))


def require_finite(run: Run, relevance: Tensor) -> Tensor:
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


def require_same_scores(run: Run, chunk_scores: Tensor, scores: Tensor, input_indices: Sequence[int]) -> None:
    """Make sure that what relevance is propagated through scores as the network itself does.

    Args:
        chunk_scores: of what relevance is propagated through, for a chunk of the inputs, (M,).
        scores: the network's own, of all inputs, (N,).
        input_indices: which inputs are in the chunk, in a row.

    Raises:
        VitrineError: it does not.
    """
    expected = scores[input_indices[0] : input_indices[-1] + 1]
    if not torch.allclose(chunk_scores, expected, rtol=1e-2, atol=1e-2 * float(scores.abs().max())):
        raise VitrineError(
            f"Taken apart into the steps through which relevance is propagated, {run.model.name} puts out other scores than as a whole; "
            "use a method that needs plain gradients, such as integrated-gradients."
        )
