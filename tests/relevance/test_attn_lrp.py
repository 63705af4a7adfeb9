"""Relevance through attention: against a slow version, against Zennit where there is no attention, and its conservation."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import explainers as ex
from benchmarks.truth import pointing, sign_scenes
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.relevance._attention_rules import AttentionRules
from explainers.relevance.attn_lrp import AttentionRelevanceOptions, redistribute
from explainers.relevance.conservation import relevance_flow, relevance_notes
from tests.support.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.transformers import MultiHead, SelfAttention, small_swin, small_vit, tiny_vit

METHODS = ["attn-lrp", "cp-lrp"]


EPSILON = {"gamma": 0.0, "patch_gamma": 0.0}


WIDTH = 6


class OneHead(nn.Module):
    """Attention of one head over the places of an image, without a bias anywhere, and the mean of what it puts out."""

    def __init__(self, product: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.query, self.key, self.value, self.head = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(4))
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        return self.head(self.product(self.query(tokens), self.key(tokens), self.value(tokens))).mean(1)


def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value)


def spelled_out(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return torch.bmm(torch.softmax(query @ key.transpose(1, 2) / math.sqrt(WIDTH), -1), value)


def by_einsum(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    weights = torch.einsum("nid,njd->nij", query, key).div(math.sqrt(WIDTH)).softmax(-1)
    return torch.einsum("nij,njd->nid", [weights, value])


def by_names(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """As older code spells it, with a tensor of rubbish that counts nothing."""
    rubbish = query.new_full((len(query), query.shape[1], key.shape[1]), math.nan)
    scale = 1 / math.sqrt(WIDTH)
    logits = torch.baddbmm(rubbish, batch1=query, batch2=key.transpose(1, 2), beta=0, alpha=scale)
    return torch.bmm(torch.softmax(input=logits, dim=-1), mat2=value)


def by_rules(network: OneHead, image: Tensor, target: int, constant: bool) -> Tensor:
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

    found = through(network.value, of_value)
    if not constant:
        of_weights = shares.sum(2) / 2
        of_logits = logits * (of_weights - weights * of_weights.sum(1, keepdim=True))
        products = query[:, None] * key[None] / math.sqrt(WIDTH)
        halves = of_logits[:, :, None] * products / logits[:, :, None] / 2
        found = found + through(network.query, halves.sum(1)) + through(network.key, halves.sum(0))
    return found.T.view_as(image)


@pytest.mark.parametrize("product", [fused, spelled_out, by_einsum, by_names])
@pytest.mark.parametrize("method", METHODS)
def test_the_slow_version(method: str, product: Callable[..., Tensor]) -> None:
    network = OneHead(product).double()
    model, images = Model("one-head", network, (WIDTH, 2, 3)), random_inputs(2, (WIDTH, 2, 3), dtype=torch.float64)
    run = Run(model, engine_for("cpu"))
    found = redistribute(run, images, ClassTarget(4), method, AttentionRelevanceOptions(**EPSILON))
    with torch.no_grad():
        for one, relevance in zip(images, found, strict=True):
            assert_close(relevance, by_rules(network, one, 4, method == "cp-lrp"), 1e-9)


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
    found = explain(Model("pooling", network, (WIDTH, 2, 3)), image, "cp-lrp", 1, **EPSILON)
    tokens = image[0].flatten(1).T
    with torch.no_grad():
        of_query, of_key, of_value = network.attn.in_proj_weight.chunk(3)
        weights = (tokens[:1] @ of_query.T @ (tokens @ of_key.T).T / math.sqrt(WIDTH)).softmax(-1)[0]
        slopes = network.head.weight[1] @ network.attn.out_proj.weight @ of_value
        assert_close(found.values[0], (weights[:, None] * tokens * slopes).T.view(WIDTH, 2, 3), 1e-6)


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


@pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("bias", [True, False])
def test_without_attention_it_is_zennits_gamma_rule(gamma: float, bias: bool) -> None:
    model, inputs = Model("plain", plain_net(bias), (3, 9, 9)), random_inputs(3, (3, 9, 9), dtype=torch.float64)
    options = AttentionRelevanceOptions(gamma=gamma, patch_gamma=gamma)
    found = redistribute(Run(model, engine_for("cpu")), inputs, ClassTarget(1), "attn-lrp", options)
    assert_close(found, explain(model, inputs, "lrp-gamma", 1, gamma=gamma).values, 1e-4)


def without_constants(model: Model) -> Model:
    """Nothing that could absorb relevance: no biases, no embeddings of positions."""
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if name.endswith("bias") or name == "places":
                parameter.zero_()
    return model


@pytest.mark.parametrize("kind", [SelfAttention, MultiHead], ids=["scaled dot product", "nn.MultiheadAttention"])
@pytest.mark.parametrize("options", [EPSILON, {}], ids=["epsilon", "gamma"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_lost_where_no_bias_can_absorb_it(
    method: str, options: dict[str, float], kind: type[nn.Module]
) -> None:
    model = without_constants(tiny_vit(kind=kind, prefix=0))
    image = random_inputs(1, model.input_shape, dtype=torch.float64)
    found = explain(model, image, method, 1, **options)
    assert float(found.score.abs()) > 1e-3
    flow = relevance_flow(model, image, 1, method, **options)
    assert list(flow["layer"]) == ["output", "blocks.2", "blocks.1", "blocks.0", "input"]
    assert flow["relevance"].iloc[-1] == pytest.approx(float(found.values.sum()), rel=1e-5)
    conserved = 5 if method == "cp-lrp" else 2  # a softmax absorbs part of what the weights of AttnLRP receive
    assert flow["share"].to_list()[:conserved] == pytest.approx([1.0] * conserved, abs=1e-6)
    assert (abs(flow["share"].iloc[-1] - 1) > 0.01) == (method == "attn-lrp")


class AttentionNet(nn.Module):
    """A network that is called after what it holds."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.vit = network

    def forward(self, x: Tensor) -> Tensor:
        return self.vit(x)


class OneAttention(OneHead):
    """All of it in the network's own forward."""


def test_a_network_called_after_its_attention_has_the_same_blocks() -> None:
    plain = tiny_vit()
    named = Model("named", AttentionNet(plain.network), plain.input_shape)
    image = random_inputs(1, plain.input_shape, dtype=torch.float64)
    assert_close(explain(named, image, "legrad", 1).values, explain(plain, image, "legrad", 1).values, 1e-6)
    flows = [relevance_flow(model, image, 1, "attn-lrp") for model in (named, plain)]
    assert list(flows[0]["layer"]) == ["output", "vit.blocks.2", "vit.blocks.1", "vit.blocks.0", "input"]
    assert flows[0]["relevance"].tolist() == pytest.approx(flows[1]["relevance"].tolist())
    alone = Model("alone", OneAttention(fused).double(), (WIDTH, 2, 3))
    flow = relevance_flow(alone, random_inputs(1, (WIDTH, 2, 3), dtype=torch.float64), 1, "attn-lrp")
    assert list(flow["layer"]) == ["output", "input"]


@pytest.mark.parametrize("method", METHODS)
def test_both_ways_to_write_attention_give_the_same(method: str) -> None:
    one, other = tiny_vit(kind=SelfAttention), tiny_vit(kind=MultiHead)
    images = random_inputs(2, one.input_shape, dtype=torch.float64)
    assert_close(explain(one, images, method, 1).values, explain(other, images, method, 1).values, 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method: str) -> None:
    model = tiny_vit()
    images = random_inputs(5, model.input_shape, dtype=torch.float64)
    together = explain(model, images, method, None, engine=fixed_engine(2))
    assert together.cost == ex.Cost(10, 5, together.cost.seconds)
    for number in range(5):
        assert_close(together.values[number], explain(model, images[number : number + 1], method, None).values[0], 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_a_contrast_is_the_difference_of_two_maps_under_the_epsilon_rule(method: str) -> None:
    model = tiny_vit()
    image = random_inputs(1, model.input_shape, dtype=torch.float64)
    one, other, both = (explain(model, image, method, t, **EPSILON).values for t in (1, 2, ContrastTarget(1, 2)))
    assert_close(both, one - other, 1e-6)


@pytest.mark.parametrize("make", [small_vit, small_swin], ids=["ViT", "Swin"])
@pytest.mark.parametrize("method", METHODS)
def test_transformers_of_torchvision(method: str, make: Callable[[], nn.Module]) -> None:
    model = Model("transformer", make().double().eval(), (3, 64, 64))
    inputs = random_inputs(2, (3, 64, 64), dtype=torch.float64)
    found = explain(model, inputs, method, 3)
    with torch.no_grad():
        assert_close(found.score, model.network(inputs)[:, 3], 1e-6)
    assert float(found.values.abs().max()) > 0
    assert not torch.equal(found.values, explain(model, inputs, "input-x-gradient", 3).values)


def test_steps_put_out_the_same_and_attention_half_as_steep() -> None:
    x = random_inputs(1, (3, 4), dtype=torch.float64)[0].requires_grad_()
    with AttentionRules(0.3, 0.3, attention_is_constant=False):
        for step in (
            F.gelu,
            F.silu,
            F.relu,
            torch.tanh,
            lambda a: F.layer_norm(a, [4], x[0].detach()),
            lambda a: a * a,
        ):
            found = step(x)
            torch.testing.assert_close(found.detach(), step(x.detach()), rtol=1e-12, atol=1e-12)
        (slope,) = torch.autograd.grad((x * x).sum(), x)
    assert_close(slope, x.detach(), 1e-12)  # half of 2 x


def in_place(x: Tensor) -> Tensor:
    product = x * 1.0
    product *= x
    return product


SPELLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "*": lambda x: x * x,
    "*=": in_place,
    "*= by itself": lambda x: (x * 1.0).mul_(x),
    "multiply": lambda x: torch.multiply(x, other=x),
    "square": lambda x: x.square(),
    "**": lambda x: x**3,
    "addcmul": lambda x: torch.addcmul(torch.zeros_like(x), x, x, value=3),
    "matmul": lambda x: x @ x.mT,
    "mm": lambda x: torch.mm(x[0, 0], x[0, 1]),
    "einsum": lambda x: torch.einsum("ncij,nckj->ncik", x, x),
    "einsum of three": lambda x: torch.einsum(x, [0, 1, 2, 3], x, [0, 1, 2, 4], x, [0, 1, 4, 3]),
    "ReLU6 in place": lambda x: nn.ReLU6(inplace=True)(x * 9),
    "Hardswish in place": lambda x: nn.Hardswish(inplace=True)(x * 9),
    "linear by names": lambda x: F.linear(weight=torch.eye(4, dtype=x.dtype) + 1, input=x),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_products_and_activations_however_spelled_hand_on_all_that_they_received(name: str) -> None:
    hands_on_everything(SPELLINGS[name])


def test_each_factor_of_a_product_receives_its_part() -> None:
    one, other = (random_inputs(2, (3, 4), seed=seed, dtype=torch.float64).requires_grad_() for seed in (1, 2))
    with AttentionRules(0.0, 0.0, attention_is_constant=False):
        found = (one * other * other).sum()
    slopes = torch.autograd.grad(found, (one, other))
    whole = (one * other * other).detach()
    assert_close(one.detach() * slopes[0], whole / 4, 1e-12)  # half of what the last product halved
    assert_close(other.detach() * slopes[1], whole * 3 / 4, 1e-12)


def test_whole_numbers_stay_whole() -> None:
    with AttentionRules(0.0, 0.0, attention_is_constant=False):
        assert torch.equal(torch.arange(4) ** 2, torch.tensor([0, 1, 4, 9]))


NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "layer norm": lambda x: F.layer_norm(x, [4, 4], eps=0.0),
    "layer norm of a module": nn.LayerNorm(4, eps=0.0, bias=False).double(),
    "group norm": nn.GroupNorm(2, 6, eps=0.0).double(),
    "RMS norm": nn.RMSNorm(4, eps=0.0).double(),
    "length": lambda x: F.normalize(x, dim=-1),
    "RMS norm by hand": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)),
    "layer norm by hand": lambda x: (x - x.mean(-1, keepdim=True)) / x.var(-1, keepdim=True).sqrt(),
    "layer norm of the first name": lambda x: torch.layer_norm(x, [4], eps=0.0),
    "instance norm": nn.InstanceNorm2d(6, eps=0.0).double(),
    "one over the deviation": lambda x: (x - x.mean(-1, keepdim=True)) * (1 / x.std(-1, keepdim=True)),
    "a power": lambda x: x * x.pow(2).mean(-1, keepdim=True).pow(-0.5),
    "written into": lambda x: (x * 1.0).div_(x.norm(dim=-1, keepdim=True)),
    "true_divide": lambda x: torch.true_divide(x, other=x.norm(dim=-1, keepdim=True)),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_hands_on_all_that_it_received(name: str) -> None:
    hands_on_everything(NORMS[name])


def hands_on_everything(step: Callable[[Tensor], Tensor]) -> None:
    x = random_inputs(2, (6, 4, 4), dtype=torch.float64).requires_grad_()
    with AttentionRules(0.3, 0.3, attention_is_constant=False):
        found = step(x)
    assert_close(found.detach(), step(x.detach()), 1e-12)
    received = random_inputs(1, found.shape, seed=5, dtype=torch.float64)[0]
    (slope,) = torch.autograd.grad((found * received).sum(), x)
    assert_close((x.detach() * slope).sum(), (found.detach() * received).sum(), 1e-9)


def test_what_has_no_attention_is_refused_and_named() -> None:
    with pytest.raises(VitrineError, match="AttnLRP needs attention"):
        explain(small_model(), random_inputs(1), "attn-lrp")
    vit = ex.load_model("demo:signs-vit")
    assert relevance_notes(vit) == [
        "This network has attention, for which AttnLRP and CP-LRP have rules; the other methods here have none."
    ]
    with pytest.raises(VitrineError, match="use attn-lrp or cp-lrp"):
        explain(vit, random_inputs(1, (3, 96, 96)), "lrp-epsilon")


def test_it_finds_the_sign() -> None:
    """On fresh scenes nearly all of it lies in the sign; of the same product with plain gradients, half."""
    model, scenes = ex.load_model("demo:signs-vit"), sign_scenes(12)
    masks = [scene.signs[0].mask for scene in scenes]
    found = pointing(model, "attn-lrp", scenes, masks, "in the sign")
    plain = pointing(model, "input-x-gradient", scenes, masks, "in the sign")
    assert found.hits == 1
    assert found.energy > 0.9 > plain.energy
