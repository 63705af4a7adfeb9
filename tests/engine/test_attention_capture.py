"""Attention in the open: the weights are right, the answer is unchanged, and everything is put back."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, TopTarget
from explainers.engine.attention_capture import AttentionGradients, capture_attention
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.graph.layout import Layout, Windows
from tests.support.methods import Traces
from tests.support.models.networks import assert_close, fixed_engine, random_inputs
from tests.support.models.transformers import (
    DEPTH,
    HEADS,
    Asking,
    MultiHead,
    Product,
    SelfAttention,
    slow_weights_and_gradients,
    swin,
    tiny_vit,
)
from tests.support.threads import GUARD

SHAPE = (3, 16, 24)
KINDS = [SelfAttention, MultiHead, Asking]


def doubles(count: int = 2) -> Tensor:
    return random_inputs(count, SHAPE, dtype=torch.float64)


def captured(model: Model, inputs: Tensor, chunk: int = 2, **options):
    run = Run(model, fixed_engine(chunk))
    return run, run.attention(inputs, ClassTarget(1), **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_weights_and_gradients_equal_those_worked_out_slowly(kind, prefix):
    inputs = doubles(3)
    weights, gradients = slow_weights_and_gradients(tiny_vit(prefix=prefix).network, inputs, 1)
    model = tiny_vit(prefix=prefix, kind=kind)
    run, captures = captured(model, inputs)
    assert len(captures) == DEPTH
    for index, capture in enumerate(captures):
        assert capture.name == f"blocks.{index}.attn" + (".attn" if kind is not SelfAttention else "")
        assert capture.layout == Layout("tokens", 4, 6, prefix)
        assert capture.weights.shape == (3, HEADS, 24 + prefix, 24 + prefix)
        assert_close(capture.weights, weights[index], 1e-12)
        assert_close(capture.gradients, gradients[index], 1e-10)
    assert (run.cost.forward, run.cost.backward) == (3, 3)
    with torch.no_grad():
        assert_close(run.outputs(inputs), model.network(inputs), 1e-12)
    assert run.attention(inputs, ClassTarget(1)) is captures
    assert run.cost.forward == 3


def test_weights_are_those_that_multi_head_attention_hands_out_when_asked():
    model = tiny_vit(kind=MultiHead)
    inputs, expected = doubles(), []
    with torch.no_grad():
        tokens = model.network.embedded(inputs)
        for block in model.network.blocks:
            x = block.norm1(tokens)
            expected.append(block.attn.attn(x, x, x, need_weights=True, average_attn_weights=False)[1])
            tokens = block(tokens)
    _, captures = captured(model, inputs)
    for capture, weights in zip(captures, expected, strict=True):
        assert_close(capture.weights, weights, 1e-12)


@pytest.mark.parametrize("spec", ["demo:signs-vit", "torchvision:vit_b_32@random"])
def test_the_answer_of_a_real_network_is_unchanged(spec):
    model = ex.load_model(spec)
    inputs = random_inputs(2, model.input_shape)
    if "@random" in spec:  # its head is all zeros
        nn.init.normal_(model.network.heads.head.weight)
    run = Run(model, engine_for("cpu"))
    captures = run.attention(inputs, TopTarget())
    with torch.no_grad():
        expected = model.network(inputs)
    assert_close(run.outputs(inputs), expected, 1e-5)
    side = model.input_shape[1] // (8 if "signs" in spec else 32)
    assert {capture.layout for capture in captures} == {Layout("tokens", side, side, 1)}
    for capture in captures:
        assert_close(capture.weights.sum(-1), torch.ones(capture.weights.shape[:-1]), 1e-5)


def test_dropout_that_a_network_forgets_to_turn_off_is_kept():
    """Here it drops everything."""
    run, inputs = (
        Run(Model("forgetful", Product(dropout_p=1.0).eval(), (3, 16, 16)), engine_for("cpu")),
        random_inputs(1),
    )
    (capture,) = run.attention(inputs, ClassTarget(0))
    assert not run.outputs(inputs).any()
    assert run.cost.forward == 1
    assert_close(capture.weights.sum(-1), torch.ones(1, 4, 16), 1e-5)


@pytest.mark.parametrize("version", [1, 2])
def test_windows_of_swin_are_put_back_where_they_were_cut(version):
    """Shifted by one, and padded: the image has 8 x 10 tokens, in windows of 3 x 3."""
    network = swin(version)
    inputs = random_inputs(2, (3, 16, 20))
    run = Run(Model("swin", network, (3, 16, 20)), fixed_engine(1))
    captures = run.attention(inputs, ClassTarget(1))
    with torch.no_grad():
        assert_close(run.outputs(inputs), network(inputs), 1e-5)
    plain, shifted, *later = captures
    assert plain.layout == Windows(8, 10, (3, 3), (0, 0))
    assert shifted.layout == Windows(8, 10, (3, 3), (1, 1))
    assert [capture.layout.height for capture in later] == [4, 4]
    assert shifted.weights.shape == (2 * 3 * 4, 2, 9, 9)


class ChannelAttention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.mean((2, 3), keepdim=True).sigmoid()


class ColumnAttention(nn.Module):
    """A softmax over the queries: its rows do not share out anything."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x.softmax(-2)


@pytest.mark.parametrize("kind", [ChannelAttention, ColumnAttention])
def test_attention_in_name_only_is_a_sentence(kind):
    network = nn.Sequential(kind(), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(VitrineError, match="No attention was met while Sequential ran"):
        ex.explain(ex.wrap(network, input_shape=(3, 16, 16)), random_inputs(1), "rollout")


def test_a_softmax_over_classes_is_no_attention():
    network = nn.Sequential(tiny_vit().network, nn.Softmax(-1))
    _, captures = captured(Model("with probabilities", network, SHAPE), doubles())
    assert len(captures) == DEPTH


@pytest.mark.parametrize("chunk", [2, 8])
def test_the_gradients_of_the_last_layer_can_be_had_alone(chunk):
    inputs = doubles(3)
    weights, gradients = slow_weights_and_gradients(tiny_vit().network, inputs, 1)
    run, captures = captured(tiny_vit(), inputs, chunk, gradients_of=AttentionGradients.LAST)
    for index, capture in enumerate(captures):
        assert_close(capture.weights, weights[index], 1e-12)
    assert [capture.weight_gradients is None for capture in captures] == [True] * (DEPTH - 1) + [False]
    assert_close(captures[-1].gradients, gradients[-1], 1e-10)
    assert (run.cost.forward, run.cost.backward) == (3, 3)


def test_a_run_that_several_methods_share_takes_all_gradients_at_once():
    inputs = doubles()
    run = Run(tiny_vit(), fixed_engine(2), shared=True)
    first = run.attention(inputs, ClassTarget(1), AttentionGradients.LAST)
    assert run.attention(inputs, ClassTarget(1)) is first
    assert run.cost.forward == 2


@pytest.mark.parametrize("gradients_of", AttentionGradients)
def test_everything_is_put_back_after_success_and_after_an_error(gradients_of):
    model = tiny_vit()
    model.network.train()
    traces = Traces(model.network)
    captured(model, doubles(), gradients_of=gradients_of)
    traces.assert_none()
    with pytest.raises(RuntimeError, match="the target fails"):
        Run(model, fixed_engine(2)).attention(doubles(), _Failing(), gradients_of)
    traces.assert_none()
    assert torch.overrides._get_current_function_mode_stack() == []


class _Failing(ClassTarget):
    def __init__(self) -> None:
        super().__init__(0)

    def __call__(self, outputs: Tensor) -> Tensor:
        raise RuntimeError("the target fails")

    def take(self, rows):
        return self


def test_two_threads_each_see_their_own_network():
    models = [tiny_vit(), tiny_vit((16, 16), prefix=0, kind=MultiHead)]
    inputs = [doubles(), random_inputs(2, (3, 16, 16), dtype=torch.float64)]
    alone = [captured(m, x)[1] for m, x in zip(models, inputs, strict=True)]
    captures_by_thread: dict[int, list] = {}

    def work(index: int) -> None:
        # Straight, without the turnstile that would keep the two apart.
        for _ in range(20):
            network = models[index].network
            captures_by_thread[index] = capture_attention(network, network, inputs[index], ClassTarget(1))[1]

    for model in models:
        model.network.requires_grad_(False)
    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in (0, 1):
        for expected, capture in zip(alone[index], captures_by_thread[index], strict=True):
            assert capture.name == expected.name
            assert_close(capture.weights, expected.weights, 1e-12)
            assert_close(capture.gradients, expected.gradients, 1e-12)


def test_other_threads_keep_the_fused_product():
    """Another thread is inside the same network all the while: its calls are neither seen nor disturbed."""
    network = tiny_vit().network.requires_grad_(False)
    inside, seen = threading.Event(), threading.Event()
    heard: list[Tensor] = []

    def wait(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if threading.current_thread() is other:
            inside.set()
            assert seen.wait(GUARD)

    other = threading.Thread(target=lambda: heard.append(network(doubles(1))))
    handle = network.blocks[1].register_forward_pre_hook(wait)
    other.start()
    assert inside.wait(GUARD)

    def call(inputs: Tensor) -> Tensor:
        outputs = network(inputs)
        seen.set()
        other.join()
        return outputs

    _, captures = capture_attention(network, call, doubles(), ClassTarget(0))
    handle.remove()
    assert_close(heard[0], network(doubles(1)), 1e-12)
    assert [capture.name for capture in captures] == [f"blocks.{index}.attn" for index in range(DEPTH)]
