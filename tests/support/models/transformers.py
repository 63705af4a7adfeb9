"""Small transformers of every way to write attention, and their attention computed slowly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models import swin_transformer
from torchvision.models.swin_transformer import SwinTransformer

from explainers.core.model import Model


def swin(version: int = 1, window: int = 3) -> SwinTransformer:
    from torchvision.models import swin_transformer as swins

    parts = {
        1: (swins.SwinTransformerBlock, swins.PatchMerging),
        2: (swins.SwinTransformerBlockV2, swins.PatchMergingV2),
    }
    block, merge = parts[version]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SwinTransformer(
            [2, 2], 8, [2, 2], [2, 4], [window, window], num_classes=4, block=block, downsample_layer=merge
        ).eval()


def small_vit(size: int = 64) -> nn.Module:
    torch.manual_seed(0)
    network = torchvision.models.VisionTransformer(size, 16, 2, 2, 32, 64, num_classes=10)
    nn.init.normal_(network.heads.head.weight)  # torchvision begins with zeros
    return network


def small_swin() -> nn.Module:
    torch.manual_seed(0)
    return swin_transformer.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=10)


WIDTH, HEADS, DEPTH, PATCH = 8, 2, 3, 4


class SelfAttention(nn.Module):
    """As timm writes it: one projection, then the fused product."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class MultiHead(nn.Module):
    """The same with `nn.MultiheadAttention`, which is not asked for its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(x, x, x, need_weights=False)[0]


class Asking(MultiHead):
    """And the same again, asked for its weights, which makes torch take another way."""

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(x, x, x)[0]


class Block(nn.Module):
    def __init__(self, kind: type[nn.Module]) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attn = kind()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class TinyViT(nn.Module):
    """Patches of 4 x 4 pixels, `prefix` tokens before them; the head reads the first token, or the mean if there is none."""

    def __init__(
        self, image: tuple[int, int], prefix: int = 1, kind: type[nn.Module] = SelfAttention, depth: int = DEPTH
    ) -> None:
        super().__init__()
        self.prefix = prefix
        self.embed = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.tokens = nn.Parameter(torch.randn(1, prefix, WIDTH))
        self.places = nn.Parameter(torch.randn(1, prefix + image[0] * image[1] // PATCH**2, WIDTH))
        self.blocks = nn.Sequential(*(Block(kind) for _ in range(depth)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, 4)

    def embedded(self, x: Tensor) -> Tensor:
        patches = self.embed(x).flatten(2).transpose(1, 2)
        return torch.cat([self.tokens.expand(len(x), -1, -1), patches], 1) + self.places

    def answer(self, tokens: Tensor) -> Tensor:
        tokens = self.norm(tokens)
        return self.head(tokens[:, 0] if self.prefix else tokens.mean(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.blocks(self.embedded(x)))


def tiny_vit(
    image: tuple[int, int] = (16, 24),
    prefix: int = 1,
    kind: type[nn.Module] = SelfAttention,
    dtype: torch.dtype = torch.float64,
    depth: int = DEPTH,
) -> Model:
    """With weights large enough for attention to be uneven; the same weights for all kinds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = TinyViT(image, prefix, SelfAttention, depth)
        for block in network.blocks:
            nn.init.normal_(block.attn.qkv.weight, std=0.7)
            nn.init.normal_(block.attn.proj.weight, std=0.7)
    if kind is not SelfAttention:
        twin = TinyViT(image, prefix, kind, depth)
        names = {"attn.qkv.": "attn.attn.in_proj_", "attn.proj.": "attn.attn.out_proj."}
        weights = network.state_dict()
        for old, new in names.items():
            weights = {key.replace(old, new): tensor for key, tensor in weights.items()}
        twin.load_state_dict(weights)
        network = twin
    return Model("tiny-vit", network.to(dtype).eval(), (3, *image))


def in_the_open(network: TinyViT, tokens: Tensor, blocks: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
    """Tokens after `blocks` of a network of `SelfAttention`, and their attention weights (N, heads, T, T), in the graph."""
    weights_of_blocks = []
    for index in blocks:
        block = network.blocks[index]
        qkv = block.attn.qkv(block.norm1(tokens)).unflatten(2, (3, HEADS, -1))
        q, k, v = (qkv[:, :, i].transpose(1, 2) for i in range(3))
        weights = (torch.einsum("nhid,nhjd->nhij", q, k) / (WIDTH // HEADS) ** 0.5).exp()
        weights = weights / weights.sum(-1, keepdim=True)
        weights = weights if weights.requires_grad else weights.detach().requires_grad_()
        weights_of_blocks.append(weights)
        mixed = torch.einsum("nhij,nhjd->nihd", weights, v).flatten(2)
        tokens = tokens + block.attn.proj(mixed)
        tokens = tokens + block.mlp(block.norm2(tokens))
    return tokens, weights_of_blocks


def slow_weights_and_gradients(network: TinyViT, inputs: Tensor, index: int) -> tuple[list[Tensor], list[Tensor]]:
    """Attention weights of every layer, and d output[index] / d weights."""
    tokens, weights = in_the_open(network, network.embedded(inputs).detach(), range(len(network.blocks)))
    score = network.answer(tokens)[:, index].sum()
    return [w.detach() for w in weights], list(torch.autograd.grad(score, weights))


def slow_gradients_of_blocks(network: TinyViT, inputs: Tensor, index: int) -> list[Tensor]:
    """For every block, d output[index] of the head on that block's tokens / d that block's attention weights."""
    gradients = []
    tokens = network.embedded(inputs).detach()
    for block in range(len(network.blocks)):
        tokens, (weights,) = in_the_open(network, tokens.detach(), [block])
        score = network.answer(tokens)[:, index].sum()
        gradients.append(torch.autograd.grad(score, weights)[0])
    return gradients


class Product(nn.Module):
    """One call of the fused product, with whatever it is called with."""

    def __init__(self, heads: int = 4, **arguments) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.key = nn.Linear(8, 2 * heads)
        self.arguments = arguments

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        queries = tokens.unflatten(2, (4, 2)).transpose(1, 2)
        keys = self.key(tokens).unflatten(2, (-1, 2)).transpose(1, 2)
        return F.scaled_dot_product_attention(queries, keys, keys, **self.arguments).mean(2).flatten(1)
