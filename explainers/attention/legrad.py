"""LeGrad: how much the score would rise with more attention to a place.

Bousselham et al. 2024 (arXiv:2404.03214)."""

from __future__ import annotations

import torch
from torch import Tensor

from explainers.attention._family import COARSE_CAVEAT, attention_method, require_global_attention, tokens_to_map
from explainers.core.errors import VitrineError
from explainers.core.options import NoOptions
from explainers.core.target import Target, layer_of
from explainers.engine.attention_capture import AttentionGradients
from explainers.engine.run import Run


@attention_method(
    "legrad",
    options=NoOptions,
    title="LeGrad",
    unit="score per share of attention",
    citation="Bousselham et al. 2024, arXiv:2404.03214",
    shows="How much the score would rise with more attention to a place: the network's own head reads the tokens of every block, and the positive gradients of these scores by the block's attention are averaged over layers, heads and tokens.",
    caveat="The head was trained on the last block alone, and what it says of earlier ones is an extrapolation. Attention itself is left out: a place may be bright that gets none."
    + COARSE_CAVEAT,
)
def legrad(run: Run, inputs: Tensor, target: Target, options: NoOptions) -> Tensor:
    """Mean over layers, heads and rows of ReLU(d s_l / d A_l), s_l the score of block l's tokens, (N, h, w).

    In units of the score per share of attention.
    """
    if (layer := layer_of(target)) is not None:
        raise VitrineError(
            f"LeGrad has the network's own head read every block, not layer {layer!r}; choose another method for that target."
        )
    captures = require_global_attention(
        run.attention(inputs, target, AttentionGradients.EACH_BLOCK_ALONE), run.model.name
    )
    received = torch.stack([capture.gradients.relu().mean((1, 2)) for capture in captures]).mean(0)
    return tokens_to_map(captures[0], received.unsqueeze(1))[:, 0]
