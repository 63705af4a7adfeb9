"""A forward pass whose gradient times its input is relevance: every step is written so that it hands on what it received.

Layer-wise relevance propagation shares out what a step's outputs received among its inputs. Written as a product with the
input, each rule is the gradient of another formula with the same value, in which what the rule takes for constant is cut
off from the graph (Ali et al. 2022, arXiv:2202.07304; Achtibat et al. 2024, arXiv:2402.05602). A mode of torch's that holds
for this thread alone puts those formulas in the place of the steps, whatever modules they are called from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from explainers.graph.attention import SOFTMAX_CALLS, decomposed_attention, decomposed_multi_head

_ACTIVATIONS = (
    F.relu, torch.relu, Tensor.relu, F.gelu, F.silu, F.hardswish, F.leaky_relu, F.elu, F.mish, torch.tanh, Tensor.tanh,
    F.relu6, F.hardtanh, F.selu, F.celu,
)  # fmt: skip
"""Those that are 0 at 0, so that they are a factor times their input everywhere."""

_INPUT_OTHER = "input other"

_PRODUCTS: dict[Any, str] = {
    **dict.fromkeys((torch.matmul, Tensor.matmul, Tensor.__matmul__), _INPUT_OTHER),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, torch.multiply, Tensor.multiply), _INPUT_OTHER),
    **dict.fromkeys((torch.bmm, Tensor.bmm, torch.mm, Tensor.mm), "input mat2"),
    **dict.fromkeys((torch.mv, Tensor.mv), "input vec"),
    **dict.fromkeys((torch.inner, Tensor.inner), _INPUT_OTHER),
    **dict.fromkeys((torch.dot, Tensor.dot), "input tensor"),
    torch.tensordot: "a b",
}
"""Products of two, with what they call their factors."""

_PRODUCTS_PLUS_TERM: dict[Any, tuple[Callable[..., Tensor], str]] = {
    **dict.fromkeys((torch.baddbmm, Tensor.baddbmm), (torch.bmm, "input batch1 batch2")),
    **dict.fromkeys((torch.addmm, Tensor.addmm), (torch.mm, "input mat1 mat2")),
    **dict.fromkeys((torch.addcmul, Tensor.addcmul), (torch.mul, "input tensor1 tensor2")),
}
"""A term and a product of two: the product's function, and what they call the term and the factors."""

_QUOTIENTS = (
    torch.div, Tensor.div, Tensor.__truediv__, torch.divide, Tensor.divide, torch.true_divide, Tensor.true_divide,
)  # fmt: skip

_RECIPROCALS = (torch.rsqrt, Tensor.rsqrt, torch.reciprocal, Tensor.reciprocal, Tensor.__rdiv__)
"""1 over something: what norms written by hand multiply with."""


class AttentionRules(TorchFunctionMode):
    """While active on a thread, steps hand on relevance in place of gradients; what they put out stays the same.

    Args:
        gamma: how much more positive contributions count in linear layers; 0 is the epsilon rule.
        convolution_gamma: the same for convolutions.
        attention_is_constant: attention weights receive nothing, and values all; else half of it each.
    """

    def __init__(self, gamma: float, convolution_gamma: float, attention_is_constant: bool) -> None:
        super().__init__()
        self._attention_is_constant = attention_is_constant
        attention = partial(decomposed_attention, partial(self._attention_softmax, dim=-1))
        self._rules: dict[Any, Callable[..., Any]] = {
            F.linear: _positional("input weight bias", partial(_gamma_rule, F.linear, gamma)),
            F.conv2d: _positional("input weight bias", partial(_gamma_rule, F.conv2d, convolution_gamma)),
            **dict.fromkeys((F.layer_norm, torch.layer_norm), _layer_norm),
            **dict.fromkeys((F.group_norm, torch.group_norm), _group_norm),
            **dict.fromkeys((F.rms_norm, torch.rms_norm), _rms_norm),
            F.instance_norm: _instance_norm,
            F.normalize: _normalize,
            F.scaled_dot_product_attention: partial(self._under_rules, attention),
            F.multi_head_attention_forward: partial(
                self._under_rules, decomposed_multi_head(attention, self._attention_softmax)
            ),
            F.glu: partial(self._under_rules, _glu),
            torch.einsum: _einsum,
            **{step: _positional(names, partial(_uniform_rule, step)) for step, names in _PRODUCTS.items()},
            **{
                step: _positional(names, partial(_product_plus_term, product))
                for step, (product, names) in _PRODUCTS_PLUS_TERM.items()
            },
            **{step: _positional(_INPUT_OTHER, partial(_quotient_rule, step)) for step in _QUOTIENTS},
            **{step: partial(_stop_gradient, step) for step in _RECIPROCALS},
            **dict.fromkeys((torch.square, Tensor.square), lambda input: _power_rule(input, 2)),
            **dict.fromkeys((torch.pow, Tensor.pow, Tensor.__pow__), _positional("input exponent", _power_rule)),
            **{step: _positional("input", partial(_identity_rule, step)) for step in _ACTIVATIONS},
            **{step: partial(self._any_softmax, function=step) for step in SOFTMAX_CALLS},
        }
        self._rules |= {Tensor.__ipow__: partial(_in_place, _power_rule)} | {
            getattr(Tensor, f"{name}_"): partial(_in_place, self._rules[getattr(Tensor, name)])
            for name in (
                *("mul", "multiply", "div", "divide", "true_divide", "square", "pow", "rsqrt", "reciprocal"),
                *("addcmul", "addmm", "baddbmm", "relu", "tanh"),
            )
        }

    def __torch_function__(
        self, func: Any, kinds: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._rules.get(func, func)(*args, **(kwargs or {}))

    def _under_rules(self, steps: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `steps` put out, each of them by its own rule."""
        with self:  # else the steps inside would run as they stand
            return steps(*args, **kwargs)

    def _attention_softmax(self, logits: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The softmax of what is known to be attention, whatever its shape."""
        weights = F.softmax(logits, *args, **kwargs)
        return weights.detach() if self._attention_is_constant else weights

    def _any_softmax(
        self, input: Tensor, *args: Any, function: Callable[..., Tensor] = F.softmax, **kwargs: Any
    ) -> Tensor:
        """A softmax spelled out: taken for attention where its weights are square."""
        weights = function(input, *args, **kwargs)
        square = weights.ndim >= 3 and weights.shape[-1] == weights.shape[-2]
        return weights.detach() if self._attention_is_constant and square else weights


def _positional(names: str, rule: Callable[..., Any]) -> Callable[..., Any]:
    """`rule` with its first arguments by position, however they were passed; `names` are the step's own, in order."""
    parameters = names.split()

    def by_position(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return rule(*args)
        named = [kwargs.pop(name) for name in parameters[len(args) :] if name in kwargs]
        return rule(*args, *named, **kwargs)

    return by_position


def _in_place(rule: Callable[..., Any], input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The rule of a step, for the same step that writes into its input: it reads copies, which stay as they are."""
    copies = [argument.clone() if isinstance(argument, Tensor) else argument for argument in (input, *args)]
    return input.copy_(rule(*copies, **kwargs))


def _gamma_rule(
    step: Callable[..., Tensor],
    gamma: float,
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *args: Any,
    **kwargs: Any,
) -> Tensor:
    """The gamma rule: an output hands on by what each input contributed, and by (1 + gamma) of it where it has the output's sign.

    Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10; for inputs of either sign as in Zennit's `Gamma` (Anders et al. 2021,
    arXiv:2106.13200).
    """
    outputs = step(inputs, weight, bias, *args, **kwargs)
    if not gamma or not inputs.requires_grad:
        return outputs

    positive = step(inputs.clamp_min(0), weight.clamp_min(0), None, *args, **kwargs)
    positive = positive + step(inputs.clamp_max(0), weight.clamp_max(0), None, *args, **kwargs)
    negative = outputs - positive  # which saves the other two products
    if bias is not None:
        per_channel = (-1, *[1] * (outputs.ndim - 2)) if step is F.conv2d else (-1,)
        positive_bias = bias.clamp_min(0).view(per_channel)
        positive, negative = positive + positive_bias, negative - positive_bias
    shares = outputs + gamma * torch.where(outputs > 0, positive, negative)
    return shares * torch.where(shares == 0, 0, outputs / shares).detach()


def _identity_rule(step: Callable[..., Tensor], inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """An activation hands everything on: it is a factor times its input, and the factor is constant."""
    kwargs.update({"inplace": False} if "inplace" in kwargs else {})
    outputs = step(inputs.detach(), *args, **kwargs)
    return inputs * torch.where(inputs == 0, 0, outputs / inputs).detach()


def _layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    dims = tuple(range(-len(normalized_shape), 0))
    centred = input - input.mean(dims, keepdim=True)
    return _affine(centred * (centred.detach().square().mean(dims, keepdim=True) + eps).rsqrt(), weight, bias)


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    groups = input.reshape(len(input), num_groups, -1)
    normed = _layer_norm(groups, groups.shape[2:], eps=eps).view_as(input)
    per_channel = (-1, *[1] * (input.ndim - 2))
    return _affine(
        normed, *(None if parameter is None else parameter.view(per_channel) for parameter in (weight, bias))
    )


def _instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if use_input_stats:
        return _group_norm(input, input.shape[1], weight, bias, eps)
    return F.instance_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


def _rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    dims = tuple(range(-len(normalized_shape), 0))
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    return _affine(input * (input.detach().square().mean(dims, keepdim=True) + eps).rsqrt(), weight, None)


def _normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: None = None) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(input.detach(), p, dim, keepdim=True).clamp_min(eps)
    return input / length


def _affine(normed: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normed if weight is None else normed * weight
    return scaled if bias is None else scaled + bias


def _quotient_rule(step: Callable[..., Any], numerator: Any, denominator: Any, **kwargs: Any) -> Any:
    """The numerator receives everything."""
    return step(numerator, denominator.detach() if isinstance(denominator, Tensor) else denominator, **kwargs)


def _stop_gradient(step: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """The outputs are constant and receive nothing."""
    return step(*args, **kwargs).detach()


def _uniform_rule(step: Callable[..., Any], *factors: Any, **kwargs: Any) -> Any:
    """All factors that depend on the input receive the same part."""
    product = step(*factors, **kwargs)
    count = sum(isinstance(factor, Tensor) and factor.requires_grad for factor in factors)
    return product.detach() * (1 - 1 / count) + product / count if count > 1 else product


def _einsum(equation: str, *operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    return _uniform_rule(partial(torch.einsum, equation), *operands)


def _product_plus_term(
    product: Callable[..., Tensor],
    input: Tensor,
    left: Tensor,
    right: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    value: float = 1,
) -> Tensor:
    """beta input + alpha (or value) times a product; where beta is 0 the input may hold anything."""
    scaled: Tensor = _uniform_rule(product, left, right) * (alpha * value)
    return scaled + beta * input if beta else scaled


def _power_rule(input: Any, exponent: Any) -> Any:
    """A product of as many factors, or 1 over it."""
    power = torch.pow(input, exponent)
    if not power.requires_grad or isinstance(exponent, Tensor) or not isinstance(input, Tensor) or 0 <= exponent < 1:
        return power
    return power.detach() * (1 - 1 / exponent) + power / exponent if exponent > 0 else power.detach()


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    values, gates = input.chunk(2, dim)
    return values * gates.sigmoid()
