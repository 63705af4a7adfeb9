"""Relevance through attention: the score of a transformer handed back from step to step, down to the pixels.

AttnLRP: Achtibat et al. 2024 (arXiv:2402.05602). CP-LRP, which takes attention weights for constant: Ali et al. 2022
(arXiv:2202.07304).

The other rules of LRP in `explainers.relevance` do not lead through attention. Here every step has one: linear layers and
convolutions the gamma rule, activations and norms hand on what they received, and attention is shared out as one of the
two methods says. Relevance is the input times the gradient of a forward pass with the same outputs, see
`explainers.relevance._attention_rules`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from explainers.core.capabilities import Needs
from explainers.core.cost import Cost
from explainers.core.errors import VitrineError
from explainers.core.options import Options
from explainers.core.target import Target, layer_of
from explainers.engine.network_state import is_compiled
from explainers.engine.run import Run
from explainers.graph.attention import attention_blocks
from explainers.graph.hooks import forward_hooks, tensor_of
from explainers.registry import explainer
from explainers.relevance._attention_rules import AttentionRules
from explainers.relevance._family import require_finite, require_same_scores

ATTENTION_IS_CONSTANT = {"attn-lrp": False, "cp-lrp": True}
"""Method name to whether it takes attention weights for constant, so that they receive no relevance."""


class AttentionRelevanceOptions(Options):
    gamma: float = Field(
        0.05,
        ge=0,
        le=1,
        description="How much more positive contributions count in linear layers; 0 is the epsilon rule.",
    )
    patch_gamma: float = Field(
        0.25, ge=0, le=1, description="The same in convolutions, such as the one that makes tokens of patches."
    )


attention_lrp = functools.partial(
    explainer,
    family="relevance",
    needs=Needs.LAYERS | Needs.GRADIENTS | Needs.IMAGES | Needs.ATTENTION,
    cost=lambda shape, options: Cost(2 * shape[0], shape[0]),
    signed=True,
)

_GAMMA_CAVEAT = (
    "Which rule shares out the relevance is a choice, and gamma another: small ones give noisy maps, large ones hide what speaks "
    "against. Biases and the embeddings of positions absorb part of the score: the chart of conservation shows how much arrives."
)


@attention_lrp(
    "attn-lrp",
    options=AttentionRelevanceOptions,
    title="AttnLRP",
    citation="Achtibat et al. 2024, arXiv:2402.05602; gamma rule: Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10",
    shows="The score of a transformer handed back step by step to the pixels; in attention, half goes to the values, and half to "
    "the queries and keys that chose them.",
    caveat=_GAMMA_CAVEAT + " Each softmax absorbs part of what the queries and keys would receive.",
)
def attn_lrp(run: Run, inputs: Tensor, target: Target, options: AttentionRelevanceOptions) -> Tensor:
    """x * d score / d x under the rules of `AttentionRules`, where a product is shared out evenly among its factors.

    Relevance of every input value, (N, C, H, W), in units of the score.
    """
    return propagate_through_attention(run, inputs, target, "attn-lrp", options)


@attention_lrp(
    "cp-lrp",
    options=AttentionRelevanceOptions,
    title="CP-LRP",
    citation="Ali et al. 2022, arXiv:2202.07304; gamma rule: Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10",
    shows="The score of a transformer handed back step by step to the pixels; attention weights are taken for constant, so that "
    "all goes to the values.",
    caveat=_GAMMA_CAVEAT + " Why the model attends where it does is left out.",
)
def cp_lrp(run: Run, inputs: Tensor, target: Target, options: AttentionRelevanceOptions) -> Tensor:
    """x * d score / d x under the rules of `AttentionRules`, with attention weights that are constant.

    Relevance of every input value, (N, C, H, W), in units of the score.
    """
    return propagate_through_attention(run, inputs, target, "cp-lrp", options)


def propagate_through_attention(
    run: Run,
    inputs: Tensor,
    target: Target,
    method: str,
    options: AttentionRelevanceOptions,
    block_sums: dict[str, float] | None = None,
) -> Tensor:
    """Input times gradient under the method's rules, (N, C, H, W).

    Args:
        block_sums: filled with the relevance behind every block of the network, of all inputs together.

    Raises:
        VitrineError: part of the network is compiled, and would run past the rules, or the relevance is not finite.
    """
    if any(map(is_compiled, run.network.modules())):
        raise VitrineError(
            f"Part of {run.model.name} is compiled, and compiled code runs past the rules; wrap it anew."
        )
    target = run.resolve(inputs, target)
    scores = run.scores(inputs, target)
    layer = layer_of(target)

    def relevance_of_chunk(chunk: Tensor, input_indices: Sequence[int]) -> Tensor:
        chunk = chunk.detach().requires_grad_()
        rules = AttentionRules(options.gamma, options.patch_gamma, ATTENTION_IS_CONSTANT[method])
        with torch.enable_grad(), _block_sums_recorded(run, block_sums):
            with rules:
                outputs = run.call(run.network, chunk, layer)
            score = target.take(input_indices)(outputs)
            (gradient,) = torch.autograd.grad(score.sum(), chunk)
        require_same_scores(run, score.detach(), scores, input_indices)
        return chunk.detach() * gradient

    relevance = run.attribute(inputs, relevance_of_chunk, Cost(1, 1), f"relevance, {method}")
    return require_finite(run, relevance)


def _block_sums_recorded(run: Run, sums: dict[str, float] | None) -> AbstractContextManager[object]:
    """While active, a pass back adds the relevance behind every block of the network to `sums`."""
    if sums is None:
        return nullcontext()

    def record(name: str, output: Any) -> None:
        tokens = tensor_of(output)
        if tokens is None or not tokens.requires_grad:
            return
        values = tokens.detach()

        def add(gradient: Tensor) -> None:
            sums[name] = sums.get(name, 0.0) + float((values * gradient).cpu().sum(dtype=torch.float64))

        tokens.register_hook(add)  # type: ignore[no-untyped-call]

    return forward_hooks(run.network, [name for name in attention_blocks(run.network) if name], record)
