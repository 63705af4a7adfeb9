"""The attention weights of one layer, of one head or their mean.

Vaswani et al. 2017 (arXiv:1706.03762); Dosovitskiy et al. 2020 (arXiv:2010.11929)."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from explainers.attention._family import COARSE_CAVEAT, attention_method, head_maps, item_at, readout_weights
from explainers.core.options import Options
from explainers.core.target import Target
from explainers.engine.attention_capture import AttentionGradients
from explainers.engine.run import Run


class HeadOptions(Options):
    block: int | None = Field(
        None,
        ge=0,
        description="The attention layer, from 0; by default the last.",
        json_schema_extra={"choices": "page"},
    )
    head: int | None = Field(
        None, ge=0, description="The head, from 0; by default the mean of all.", json_schema_extra={"choices": "page"}
    )


@attention_method(
    "attention",
    options=HeadOptions,
    title="Attention of one layer",
    highlights="where attention goes, whatever the class",
    unit="share of attention",
    citation="Vaswani et al. 2017, arXiv:1706.03762; Dosovitskiy et al. 2020, arXiv:2010.11929",
    shows="The attention weights of one layer, of one head or their mean: from which places the tokens that the head of the network reads take what they take there. In windows, how much attention each place gets on average.",
    caveat="It is the same whatever the class, and attention is no evidence: what is taken from a place may count for, against or nothing."
    + COARSE_CAVEAT,
)
def attention(run: Run, inputs: Tensor, target: Target, options: HeadOptions) -> Tensor:
    """A_l of one layer l, its head's or the mean over heads, in the rows that are read, (N, h, w).

    Shares of attention: over the whole grid they sum up to at most 1.
    """
    captures = run.attention(inputs, target, AttentionGradients.LAST)
    capture = item_at(captures, options.block, "attention layers, from 0", run.model.name)
    maps = head_maps(capture, readout_weights(captures))
    if options.head is None:
        return maps.mean(1)
    return item_at(maps.unbind(1), options.head, f"heads in {capture.name}, from 0", run.model.name)
