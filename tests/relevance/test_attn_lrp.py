"""Relevance through attention: against a slow version, against Zennit where there is no attention, and on signs."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import explainers as ex
from benchmarks.truth import sign_scenes
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.relevance.attn_lrp import AttentionRelevanceOptions, propagate_through_attention
from explainers.trust.checks.ground_truth import energy_share, pointing_hit
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.models.single_head import OneHead, Product, by_einsum, by_names, scaled_dot_product, spelled_out
from tests.support.models.transformers import MultiHead, SelfAttention, small_swin, small_vit, tiny_vit

METHODS = ["attn-lrp", "cp-lrp"]
EPSILON = {"gamma": 0.0, "patch_gamma": 0.0}
WIDTH = 6


def shared_out_by_rules(network: OneHead, image: Tensor, target: int, constant: bool) -> Tensor:
    """Relevance shared out step by step, as the rules are printed: what an output received, in the shares of what it is made of."""
    tokens = image.flatten(1).T
    query, key, value = (layer(tokens) for layer in (network.query, network.key, network.value))
    logits = query @ key.T / math.sqrt(WIDTH)
    weights = logits.softmax(-1)
    mixed = weights @ value
    relevance = mixed * network.head.weight[target] / len(tokens)  # of what the head reads
    parts = weights[:, :, None] * value[None]  # place, place looked at, channel
    shares = relevance[:, None] * parts / mixed[:, None]
    of_value = shares.sum(0) / (1 if constant else 2)

    def through(layer: nn.Linear, received: Tensor) -> Tensor:
        products = tokens[:, None] * layer.weight  # place, output, input
        return (received[:, :, None] * products / products.sum(2, keepdim=True)).sum(1)

    of_tokens = through(network.value, of_value)
    if not constant:
        of_weights = shares.sum(2) / 2
        of_logits = logits * (of_weights - weights * of_weights.sum(1, keepdim=True))
        products = query[:, None] * key[None] / math.sqrt(WIDTH)
        halves = of_logits[:, :, None] * products / logits[:, :, None] / 2
        of_tokens = of_tokens + through(network.query, halves.sum(1)) + through(network.key, halves.sum(0))
    return of_tokens.T.view_as(image)


@pytest.mark.parametrize("product", [scaled_dot_product, spelled_out, by_einsum, by_names])
@pytest.mark.parametrize("method", METHODS)
def test_the_slow_version(method: str, product: Product) -> None:
    network = OneHead(product, WIDTH).double()
    model, images = Model("one-head", network, (WIDTH, 2, 3)), random_inputs(2, (WIDTH, 2, 3), dtype=torch.float64)
    run = Run(model, engine_for("cpu"))
    relevance = propagate_through_attention(run, images, ClassTarget(4), method, AttentionRelevanceOptions(**EPSILON))
    with torch.no_grad():
        for row, image in enumerate(images):
            assert_close(relevance[row], shared_out_by_rules(network, image, 4, method == "cp-lrp"), 1e-9)


class Pooling(nn.Module):
    """One query, the first place, that looks at all places, as in the heads of SigLIP."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.attn = nn.MultiheadAttention(WIDTH, 1, bias=False, batch_first=True)
            self.head = nn.Linear(WIDTH, 4, bias=False)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        if self.kind == "scaled dot product":
            query, key, value = F.linear(tokens, self.attn.in_proj_weight).chunk(3, -1)
            pooled = self.attn.out_proj(F.scaled_dot_product_attention(query[:, :1], key, value))
        else:
            pooled = self.attn(tokens[:, :1], tokens, tokens, need_weights=self.kind == "asked for weights")[0]
        return self.head(pooled[:, 0])


@pytest.mark.parametrize("kind", ["scaled dot product", "nn.MultiheadAttention", "asked for weights"])
def test_attention_of_one_query_is_constant_for_cp_lrp_too(kind: str) -> None:
    network = Pooling(kind).double().eval()
    image = random_inputs(1, (WIDTH, 2, 3), dtype=torch.float64)
    attribution = explain(Model("pooling", network, (WIDTH, 2, 3)), image, "cp-lrp", 1, **EPSILON)
    tokens = image[0].flatten(1).T
    with torch.no_grad():
        of_query, of_key, of_value = network.attn.in_proj_weight.chunk(3)
        weights = (tokens[:1] @ of_query.T @ (tokens @ of_key.T).T / math.sqrt(WIDTH)).softmax(-1)[0]
        slopes = network.head.weight[1] @ network.attn.out_proj.weight @ of_value
        assert_close(attribution.values[0], (weights[:, None] * tokens * slopes).T.view(WIDTH, 2, 3), 1e-6)


def plain_net(bias: bool) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layers = [
            nn.Conv2d(3, 5, 3, bias=bias),
            nn.ReLU(),
            nn.Conv2d(5, 4, 3, 2, bias=bias),
            nn.ReLU(inplace=True),
            nn.Flatten(),
        ]
        network = nn.Sequential(*layers, nn.Linear(36, 7, bias=bias), nn.ReLU(), nn.Linear(7, 3, bias=bias)).double()
    with torch.no_grad():
        for parameter in network.parameters():  # so that the 1e-6 that Zennit adds to denominators is nothing
            parameter *= 5
    return network.eval()


@pytest.mark.parametrize("gamma", [0.0, 0.25])
@pytest.mark.parametrize("bias", [True, False])
def test_without_attention_it_is_zennits_gamma_rule(gamma: float, bias: bool) -> None:
    model, inputs = Model("plain", plain_net(bias), (3, 9, 9)), random_inputs(3, (3, 9, 9), dtype=torch.float64)
    options = AttentionRelevanceOptions(gamma=gamma, patch_gamma=gamma)
    relevance = propagate_through_attention(Run(model, engine_for("cpu")), inputs, ClassTarget(1), "attn-lrp", options)
    assert_close(relevance, explain(model, inputs, "lrp-gamma", 1, gamma=gamma).values, 1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_both_ways_to_write_attention_give_the_same(method: str) -> None:
    fused, multi_head = tiny_vit(kind=SelfAttention), tiny_vit(kind=MultiHead)
    images = random_inputs(2, fused.input_shape, dtype=torch.float64)
    assert_close(explain(fused, images, method, 1).values, explain(multi_head, images, method, 1).values, 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method: str) -> None:
    model = tiny_vit()
    images = random_inputs(5, model.input_shape, dtype=torch.float64)
    together = explain(model, images, method, None, engine=fixed_engine(2))
    assert together.cost == ex.Cost(10, 5, together.cost.seconds)
    for row in range(5):
        assert_close(together.values[row], explain(model, images[row : row + 1], method, None).values[0], 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_contrast_is_the_difference_of_two_maps_under_the_epsilon_rule(method: str) -> None:
    model = tiny_vit()
    image = random_inputs(1, model.input_shape, dtype=torch.float64)
    targets = (1, 2, ContrastTarget(1, 2))
    minuend, subtrahend, contrast = (explain(model, image, method, target, **EPSILON).values for target in targets)
    assert_close(contrast, minuend - subtrahend, 1e-6)


@pytest.mark.parametrize("build", [small_vit, small_swin], ids=["ViT", "Swin"])
@pytest.mark.parametrize("method", METHODS)
def test_transformers_of_torchvision(method: str, build: Callable[[], nn.Module]) -> None:
    model = Model("transformer", build().double().eval(), (3, 64, 64))
    inputs = random_inputs(2, (3, 64, 64), dtype=torch.float64)
    attribution = explain(model, inputs, method, 3)
    with torch.no_grad():
        assert_close(attribution.score, model.network(inputs)[:, 3], 1e-6)
    assert float(attribution.values.abs().max()) > 0
    assert not torch.equal(attribution.values, explain(model, inputs, "input-x-gradient", 3).values)


def test_what_has_no_attention_is_refused_and_named() -> None:
    with pytest.raises(VitrineError, match="AttnLRP needs attention"):
        explain(small_model(), random_inputs(1), "attn-lrp")


def test_it_points_at_the_sign() -> None:
    """On fresh scenes nearly all of it lies in the sign; of the same product with plain gradients, half."""
    model, scenes = ex.load_model("demo:signs-vit"), sign_scenes(6)
    masks = [torch.from_numpy(scene.signs[0].mask) for scene in scenes]
    pictures, target = [scene.image for scene in scenes], ClassTarget(tuple(scene.label for scene in scenes))
    attn_lrp, plain = (
        explain(model, pictures, method, target).heatmap(masks[0].shape) for method in ("attn-lrp", "input-x-gradient")
    )
    assert mean(map(pointing_hit, attn_lrp, masks)) == 1
    assert mean(map(energy_share, attn_lrp, masks)) > 0.9 > mean(map(energy_share, plain, masks))
