"""A function that answers, of which nothing else is known: a remote service, an ONNX session, a forest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from explainers.core.errors import VitrineError


class BlackBox(nn.Module):
    """Any function as a network that has scores and nothing else: no gradients, no layers.

    Args:
        function: (inputs (N, ...), a tensor on the device of the work) -> outputs (N, K), a tensor, an array or nested lists.
    """

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self._function = function

    def forward(self, inputs: Tensor) -> Tensor:
        answer = self._function(inputs.clone())  # which it may write into
        try:
            outputs = torch.as_tensor(answer, device=inputs.device).detach()
        except (TypeError, ValueError, RuntimeError) as error:
            raise VitrineError(
                f"The black box answered with {type(answer).__name__}, which is no array: {error}"
            ) from error
        if outputs.ndim != 2 or len(outputs) != len(inputs):
            raise VitrineError(
                f"The black box answered {tuple(inputs.shape)} with outputs of shape {tuple(outputs.shape)}; "
                f"give ({len(inputs)}, number of outputs)."
            )
        return outputs.to(inputs.dtype)  # NumPy likes to answer in float64
