"""Transformer attribution: relevance gathered from layer to layer along attention.

Chefer, Gur & Wolf 2021 (arXiv:2103.15679)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.attention._family import COARSE_CAVEAT, attention_method, readout_map, require_global_attention
from explainers.core.options import NoOptions
from explainers.core.target import Target
from explainers.engine.run import Run


@attention_method(
    "transformer-attribution",
    options=NoOptions,
    title="Transformer attribution",
    citation="Chefer, Gur & Wolf 2021 (ICCV), arXiv:2103.15679: its rule for self-attention, not the layer-wise relevance propagation of their arXiv:2012.09838",
    shows="Relevance gathered from layer to layer: attention weights times the gradients of the score by them, the positive ones, averaged over heads.",
    caveat="Only what raises the score counts, and only along attention: what the perceptrons change on the way is left out."
    + COARSE_CAVEAT,
)
def transformer_attribution(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """Rows read of R - I, where R starts as I and every layer adds mean over heads of ReLU(G_l * A_l) @ R.

    (N, h, w), in units of the score.
    """
    captures = require_global_attention(run.attention(inputs, target), run.model.name)
    identity = torch.eye(captures[0].weights.shape[-1]).to(captures[0].weights)
    relevance = identity
    for capture in captures:
        relevance = relevance + (capture.gradients * capture.weights).relu().mean(1) @ relevance
    return readout_map(relevance - identity, captures)
