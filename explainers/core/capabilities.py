"""What methods ask of a model, and what a network gives by the look of it."""

from __future__ import annotations

import enum

from torch import nn


def is_attention(module: nn.Module) -> bool:
    """Whether a module looks like attention by its class: an `nn.MultiheadAttention`, or "Attention" in its name."""
    return isinstance(module, nn.MultiheadAttention) or "attention" in type(module).__name__.lower()


def has_attention(network: nn.Module) -> bool:
    """Whether a network has attention by the look of its modules; nothing is run.

    A guess that may be wrong both ways: a class called ChannelAttention may hold none of it, and a block that calls
    `F.scaled_dot_product_attention` may be called anything.
    """
    return any(is_attention(module) for module in network.modules())


class Needs(enum.Flag):
    """What a method asks of a model, and what a model can give.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> ex.Needs.GRADIENTS in model.capabilities, ex.Needs.ATTENTION in model.capabilities
        (True, False)
        >>> ex.find_method("rise").needs
        <Needs.SCORES|IMAGES: 9>
    """

    SCORES = enum.auto()
    """A forward pass: any callable has it."""
    GRADIENTS = enum.auto()
    """d score / d input."""
    LAYERS = enum.auto()
    """Activations and gradients inside the network."""
    IMAGES = enum.auto()
    """Inputs with height and width."""
    ATTENTION = enum.auto()
    """Attention layers, by the look of the modules (see `has_attention`)."""
