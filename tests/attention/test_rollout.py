"""Attention methods against slow versions in NumPy, written from their papers, and cases worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.attention._family import rows_read
from explainers.attention.heads import attention_distance
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.attention_capture import AttentionCapture
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.graph.layout import Layout
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.transformers import (
    DEPTH,
    HEADS,
    MultiHead,
    SelfAttention,
    slow_gradients_of_blocks,
    slow_weights_and_gradients,
    swin,
    tiny_vit,
)

METHODS = [m.name for m in ex.methods() if m.family == "attention"]


SHAPE = (3, 16, 24)


GRID = (4, 6)


TARGET = 2


def doubles(count: int = 2) -> Tensor:
    return random_inputs(count, SHAPE, dtype=torch.float64)


def matrices(prefix: int, row: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights and gradients of every layer for one input, (heads, T, T)."""
    weights, gradients = slow_weights_and_gradients(tiny_vit(prefix=prefix).network, doubles(), TARGET)
    return [w[row].numpy() for w in weights], [g[row].numpy() for g in gradients]


def slow_rollout(fused: list[np.ndarray], residual: float, discard: float) -> np.ndarray:
    joint = np.eye(len(fused[0]))
    for weights in fused:
        kept = weights.copy()
        for place in np.argsort(kept, axis=None)[: int(kept.size * discard)]:
            kept.flat[place] = 0
        mixed = (1 - residual) * kept + residual * np.eye(len(kept))
        for i in range(len(mixed)):
            mixed[i] /= mixed[i].sum()
        joint = mixed @ joint
    return joint


def as_read(flow: np.ndarray, prefix: int) -> np.ndarray:
    """The class token's row if there is one, else the mean of all; the columns of the image."""
    read = flow[0] if prefix else flow.mean(0)
    return read[prefix:].reshape(GRID)


def slow_attention(weights: list[np.ndarray], gradients: list[np.ndarray], prefix: int) -> np.ndarray:
    return as_read(np.mean(weights[-1], axis=0), prefix)


def slow_gradient_rollout(weights: list[np.ndarray], gradients: list[np.ndarray], prefix: int) -> np.ndarray:
    fused = [np.maximum((w * g).mean(0), 0) for w, g in zip(weights, gradients, strict=True)]
    return as_read(slow_rollout(fused, 0.5, 0.0), prefix)


def slow_chefer(weights: list[np.ndarray], gradients: list[np.ndarray], prefix: int) -> np.ndarray:
    """Equations 5 and 6 of arXiv:2103.15679: A = E_h((G * A)+), R = R + A R, head by head and entry by entry."""
    tokens = weights[0].shape[-1]
    relevance = np.eye(tokens)
    for weight, gradient in zip(weights, gradients, strict=True):
        step = np.zeros((tokens, tokens))
        for head in range(HEADS):
            step += np.maximum(weight[head] * gradient[head], 0) / HEADS
        relevance = relevance + np.array([[step[i] @ relevance[:, j] for j in range(tokens)] for i in range(tokens)])
    return as_read(relevance - np.eye(tokens), prefix)


SLOW: dict[str, Callable[..., np.ndarray]] = {
    "attention": slow_attention,
    "rollout": lambda w, g, prefix: as_read(slow_rollout([x.mean(0) for x in w], 0.5, 0.0), prefix),
    "gradient-rollout": slow_gradient_rollout,
    "transformer-attribution": slow_chefer,
}


@pytest.mark.parametrize("kind", [SelfAttention, MultiHead])
@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize("method", SLOW)
def test_maps_equal_the_slow_version(method, prefix, kind):
    result = ex.explain(tiny_vit(prefix=prefix, kind=kind), doubles(), method, TARGET)
    assert (result.cost.forward, result.cost.backward) == (2, 2)
    for row in (0, 1):
        expected = SLOW[method](*matrices(prefix, row), prefix)
        assert_close(result.values[row], torch.from_numpy(expected), 1e-6)


@pytest.mark.parametrize("kind", [SelfAttention, MultiHead])
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_legrad_equals_the_slow_version(prefix, kind):
    """Every block's gradient is that of the score which the head gives to that block's tokens (arXiv:2404.03214)."""
    result = ex.explain(tiny_vit(prefix=prefix, kind=kind), doubles(), "legrad", TARGET)
    assert (result.cost.forward, result.cost.backward) == (2, 2)
    open_network = tiny_vit(prefix=prefix).network
    gradients = [g.numpy() for g in slow_gradients_of_blocks(open_network, doubles(), TARGET)]
    for row in (0, 1):
        layers = [np.maximum(g[row], 0).mean(axis=(0, 1)) for g in gradients]
        expected = np.mean(layers, axis=0)[prefix:].reshape(GRID)
        assert_close(result.values[row], torch.from_numpy(expected), 1e-6)


def test_legrad_of_a_single_block_is_that_of_the_plain_score():
    model = tiny_vit(depth=1)
    _, (gradient,) = slow_weights_and_gradients(model.network, doubles(), TARGET)
    expected = gradient.relu().mean((1, 2))[:, 1:].reshape(2, *GRID)
    assert_close(ex.explain(model, doubles(), "legrad", TARGET).values, expected, 1e-6)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_options_of_rollout(fusion):
    weights, _ = matrices(1, 0)
    fused = [getattr(np, fusion)(w, axis=0) for w in weights]
    expected = as_read(slow_rollout(fused, 0.25, 0.6), 1)
    result = ex.explain(tiny_vit(), doubles(1), "rollout", TARGET, fusion=fusion, residual=0.25, discard=0.6)
    assert_close(result.values[0], torch.from_numpy(expected), 1e-6)


class Given(nn.Module):
    """Two layers whose attention weights are given, and a class token that is read; nothing else happens."""

    def __init__(self, layers: list[list[list[float]]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GivenAttention(torch.tensor(layer).double()) for layer in layers)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.mean(1).flatten(1)
        tokens = torch.cat([pixels.mean(1, keepdim=True), pixels], 1).unsqueeze(2)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens[:, 0]


class GivenAttention(nn.Module):
    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(weights.log())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 1, -1, -1).softmax(-1)[:, 0] @ x


A1 = [[0.2, 0.5, 0.1, 0.1, 0.1], [0.4, 0.6, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


A2 = [[0, 0.5, 0.5, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_rollout_worked_out_by_hand():
    """Half of A and half of I: the class token's row of the second layer is (1/2, 1/4, 1/4, 0, 0).

    The first layer's rows 0, 1 and 2 become (0.6, 0.25, 0.05, 0.05, 0.05), (0.2, 0.8, 0, 0, 0) and (0, 0, 1, 0, 0).
    """
    model = Model("given", Given([A1, A2]), (3, 2, 2))
    values = ex.explain(model, random_inputs(1, (3, 2, 2), dtype=torch.float64), "rollout", 0).values
    expected = [0.5 * 0.25 + 0.25 * 0.8, 0.5 * 0.05 + 0.25, 0.5 * 0.05, 0.5 * 0.05]
    assert_close(values, torch.tensor(expected).view(1, 2, 2), 1e-6)
    bare = ex.explain(model, random_inputs(1, (3, 2, 2), dtype=torch.float64), "rollout", 0, residual=0.0).values
    # No shortcut: half of row 1 and half of row 2 of the first layer.
    assert_close(bare, torch.tensor([0.3, 0.5, 0.0, 0.0]).view(1, 2, 2), 1e-6)


def captured(prefix: int) -> list[AttentionCapture]:
    return Run(tiny_vit(prefix=prefix), engine_for("cpu")).attention(doubles(), ClassTarget(TARGET))


def test_rows_read_are_the_class_token_or_all_that_are_averaged():
    assert rows_read(captured(1)).tolist() == [1.0] + [0.0] * 24
    assert rows_read(captured(5)).tolist() == [1.0] + [0.0] * 28
    assert_close(rows_read(captured(0)), torch.full((24,), 1 / 24), 1e-7)


def test_an_untrained_head_of_zeros_reads_the_first_token_if_that_is_no_part_of_the_image():
    for prefix, expected in ((1, [1.0] + [0.0] * 24), (0, [1 / 24] * 24)):
        model = tiny_vit(prefix=prefix)
        nn.init.zeros_(model.network.head.weight)
        captures = Run(model, engine_for("cpu")).attention(doubles(), ClassTarget(0))
        assert_close(rows_read(captures), torch.tensor(expected), 1e-7)
        assert ex.explain(model, doubles(), "rollout", 0).values.any()
        assert not ex.explain(model, doubles(), "transformer-attribution", 0).values.any()


def test_heads_are_the_maps_of_the_method_and_share_its_numbers():
    model = tiny_vit()
    heads = ex.attention_heads(model, doubles(1), TARGET)
    assert heads.names == tuple(f"blocks.{n}.attn" for n in range(DEPTH))
    assert torch.stack(heads.maps).shape == (DEPTH, HEADS, *GRID)
    for block in range(DEPTH):
        for head in range(HEADS):
            one = ex.explain(model, doubles(1), "attention", TARGET, block=block, head=head)
            assert_close(heads.maps[block][head], one.values[0], 1e-6)
    mean = ex.explain(model, doubles(1), "attention", TARGET, block=1)
    assert_close(heads.maps[1].mean(0), mean.values[0], 1e-6)
    assert list(heads.distances.columns) == ["layer", "name", "head", "distance"]
    assert len(heads.distances) == DEPTH * HEADS
    assert heads.whole


def test_distances_worked_out_by_hand():
    """A grid of 2 x 2 tokens over 8 x 8 pixels: neighbours are 4 px apart, those across sqrt(32)."""
    looks_at_itself = torch.eye(5)
    neighbour = torch.zeros(5, 5)
    neighbour[0, 0] = 1
    neighbour[[1, 2, 3, 4], [2, 1, 4, 3]] = 0.5
    neighbour[1:, 0] = 0.5  # the class token is no place: it is left out and the rest counts whole
    everywhere = torch.full((5, 5), 0.2)
    weights = torch.stack([looks_at_itself, neighbour, everywhere]).unsqueeze(0)
    capture = AttentionCapture("attn", weights, Layout("tokens", 2, 2, 1), None)
    expected = torch.tensor([0.0, 4.0, (0 + 4 + 4 + 32**0.5) / 4])
    assert_close(attention_distance(capture, (8, 8)), expected, 1e-6)
    assert_close(attention_distance(capture, (16, 8)), torch.tensor([0, 4, (12 + 80**0.5) / 4]), 1e-6)


def test_numbers_of_layers_and_heads_that_do_not_exist_are_sentences():
    with pytest.raises(VitrineError, match="tiny-vit has 3 attention layers, from 0; there is no number 3"):
        ex.explain(tiny_vit(), doubles(1), "attention", block=3)
    with pytest.raises(VitrineError, match=r"tiny-vit has 2 heads in blocks.2.attn, from 0; there is no number 7"):
        ex.explain(tiny_vit(), doubles(1), "attention", head=7)
    with pytest.raises(VitrineError, match="one picture at a time, not for 2"):
        ex.attention_heads(tiny_vit(), doubles(2))


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method):
    model, inputs, classes = tiny_vit(), doubles(3), (0, 3, 1)
    together = ex.explain(model, inputs, method, ClassTarget(classes), engine=fixed_engine(2))
    for row, index in enumerate(classes):
        assert_close(together.values[row], ex.explain(model, inputs[row : row + 1], method, index).values[0], 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_target_is_the_top_class_of_each_input(method):
    model, inputs = tiny_vit(), doubles(6)
    with torch.no_grad():
        tops = tuple(model.network(inputs).argmax(1).tolist())
    assert len(set(tops)) > 1
    unasked, asked = (ex.explain(model, inputs, method, target) for target in (None, ClassTarget(tops)))
    assert unasked.target == ClassTarget(tops)
    assert_close(unasked.values, asked.values, 1e-6)
    assert (unasked.cost.forward, unasked.cost.backward) == (6, 6)


def test_methods_share_one_capture():
    results = ex.explain(
        tiny_vit(), doubles(2), ["rollout", "gradient-rollout", "transformer-attribution", "legrad"], 1
    )
    assert [(r.cost.forward, r.cost.backward) for r in results] == [(2, 2), (0, 0), (0, 0), (2, 2)]


@pytest.mark.parametrize("method", METHODS)
def test_offered_for_models_with_attention_alone(method):
    assert method in {m.name for m in ex.methods(tiny_vit())}
    assert method not in {m.name for m in ex.methods(small_model())}
    with pytest.raises(VitrineError, match="needs attention, which small-cnn does not have"):
        ex.explain(small_model(), random_inputs(1), method)
    with pytest.raises(VitrineError, match="demo:signs-vit"):
        ex.attention_heads(small_model(), random_inputs(1))


def test_swin_shows_one_layer_and_refuses_to_follow_its_windows_in_a_sentence():
    model = Model("swin", swin(), (3, 16, 20))
    inputs = random_inputs(2, (3, 16, 20))
    for block, grid in ((0, (8, 10)), (3, (4, 5))):
        values = ex.explain(model, inputs, "attention", 1, block=block).values
        assert values.shape == (2, *grid)
        assert values.min() > 0
    for method in ("rollout", "gradient-rollout", "transformer-attribution"):
        with pytest.raises(VitrineError, match="swin attends within windows"):
            ex.explain(model, inputs, method, 1)
    with pytest.raises(VitrineError, match="do not all put out tokens of one shape"):
        ex.explain(model, inputs, "legrad", 1)
    heads = ex.attention_heads(model, inputs[:1])
    assert not heads.whole
    assert [tuple(m.shape) for m in heads.maps] == [(2, 8, 10), (2, 8, 10), (4, 4, 5), (4, 4, 5)]
    # A window is 3 x 3 tokens of 2 px: nothing in it is further apart than sqrt(32) px.
    assert heads.distances["distance"][:2].between(0.5, 32**0.5).all()
