"""Trains the demo networks and writes their weights: `python -m explainers.demo.train [names...]`.

Scenes for training come from TRAIN_SEEDS, those for measuring from EVAL_SEEDS_START on. The transformer also
learns which sign, if any, is at each patch (token labelling, Jiang et al. 2021, arXiv:2104.10858); the linear
layer used for that is dropped afterwards.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from explainers.demo.dataset import (
    CACHE,
    NO_SIGN,
    Scenes,
    SceneStore,
    augmented,
    normalise,
    shuffled,
)
from explainers.demo.diabetes import train_diabetes
from explainers.demo.networks import NETWORKS, WEIGHTS, SignsViT
from explainers.demo.scenes import CLASSES, EVAL_SEEDS_START, SHORTCUT_CLASS, TRAIN_SEEDS

log = logging.getLogger(__name__)

TOKENS: Final = 12
"""Side of the transformer's grid of patches."""


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        scenes: how many scenes, from the start of TRAIN_SEEDS.
        shortcut: whether the shortcut class carries the sticker.
        token_weight: weight of the loss on the patches against that on the class.
    """

    epochs: int
    rate: float
    decay: float = 0.02
    batch: int = 128
    scenes: int = 16_000
    eval_scenes: int = 1_500
    shortcut: bool = False
    token_weight: float = 0.0
    smoothing: float = 0.05
    seed: int = 0


RECIPES: Final[dict[str, Recipe]] = {
    "signs-cnn": Recipe(epochs=10, rate=6e-3),
    "signs-shortcut": Recipe(epochs=8, rate=6e-3, shortcut=True),
    "signs-vit": Recipe(epochs=7, rate=1.5e-3, decay=0.05, batch=64, token_weight=1.0),
}


def scores(network: nn.Module, images: Tensor, batch: int = 250) -> Tensor:
    """Logits for uint8 images, (N, classes)."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(normalise(part)) for part in torch.split(images, batch)])


def accuracy(network: nn.Module, data: Scenes) -> float:
    """Share of scenes whose top class is the label."""
    return float((scores(network, data.images).argmax(1) == data.labels).float().mean())


class _Loss(nn.Module):
    """Cross-entropy of the class and, for a transformer, of what is at each patch."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.patches = Tensor()
        self.at_patch: nn.Linear | None = None
        if isinstance(network, SignsViT):
            self.at_patch = nn.Linear(network.head.in_features, NO_SIGN + 1)
            self.hook = network.norm.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        self.patches = output[:, 1:]

    def forward(self, logits: Tensor, labels: Tensor, places: Tensor) -> Tensor:
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.smoothing)
        if self.at_patch is not None:
            tokens = self.at_patch(self.patches).flatten(0, 1)
            loss = loss + self.recipe.token_weight * F.cross_entropy(tokens, places.flatten())
        return loss

    def close(self) -> None:
        """Takes the hook off the network."""
        if self.at_patch is not None:
            self.hook.remove()


def fit(network: nn.Module, data: Scenes, recipe: Recipe) -> None:
    """Trains the network in place with AdamW and a one-cycle schedule."""
    random = torch.Generator().manual_seed(recipe.seed)
    criterion = _Loss(network, recipe)
    parameters = [*network.parameters(), *criterion.parameters()]
    # Norms, biases and embeddings are not decayed.
    groups = [
        {"params": [p for p in parameters if p.ndim in (2, 4)], "weight_decay": recipe.decay},
        {"params": [p for p in parameters if p.ndim not in (2, 4)], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate)
    steps = recipe.epochs * (len(data) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=0.2)
    for epoch in range(recipe.epochs):
        network.train()
        total, right, seen, start = 0.0, 0, 0, time.monotonic()
        for batch in shuffled(data, recipe.batch, random):
            images, places = augmented(batch, TOKENS, random)
            logits = network(images.contiguous(memory_format=torch.channels_last))
            loss = criterion(logits, batch.labels, places)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
            seen += len(batch)
            total, right = total + loss.item() * len(batch), right + int((logits.argmax(1) == batch.labels).sum())
        speed = seen / (time.monotonic() - start)
        log.info("epoch %d: loss %.4f, accuracy %.4f, %.0f images/s", epoch + 1, total / seen, right / seen, speed)
    criterion.close()


def measure(network: nn.Module, recipe: Recipe, store: SceneStore) -> dict[str, float]:
    """Accuracy on scenes never trained on; for the shortcut network also with the sticker where it never was."""
    seeds = range(EVAL_SEEDS_START, EVAL_SEEDS_START + recipe.eval_scenes)
    plain = store.scenes(seeds)
    if not recipe.shortcut:
        return {"accuracy": accuracy(network, plain)}
    own = plain.labels == SHORTCUT_CLASS
    others_laid = store.scenes(seeds, sticker=True)[~own]
    astray = scores(network, others_laid.images).argmax(1) == SHORTCUT_CLASS
    return {
        "accuracy": accuracy(network, store.shortcut_scenes(seeds)),
        "accuracy_shortcut_class_without_sticker": accuracy(network, plain[own]),
        "accuracy_other_classes_with_sticker": accuracy(network, others_laid),
        "other_classes_with_sticker_called_shortcut_class": float(astray.float().mean()),
    }


def train_signs(name: str, recipe: Recipe, store: SceneStore) -> tuple[nn.Module, dict[str, float], dict[str, str]]:
    """Trains one of the image networks; returns it with its measured figures and what its file should say."""
    seeds = TRAIN_SEEDS[: recipe.scenes]
    data = store.shortcut_scenes(seeds) if recipe.shortcut else store.scenes(seeds)
    torch.manual_seed(recipe.seed)
    network = NETWORKS[name]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    fit(network, data, recipe)
    return network, measure(network, recipe, store), {"classes": json.dumps(CLASSES), "seed": str(recipe.seed)}


def save(name: str, network: nn.Module, figures: dict[str, float], notes: dict[str, str], out: Path) -> None:
    """Writes `<name>.safetensors` and the network's entry in results.json."""
    out.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    metadata = {"name": name, "torch": torch.__version__, **notes, **{k: str(v) for k, v in figures.items()}}
    file = out / f"{name}.safetensors"
    save_file(tensors, file, metadata)
    file.chmod(0o644)  # save_file leaves it readable by its owner alone
    results = out / "results.json"
    entries = json.loads(results.read_text()) if results.exists() else {}
    entries[name] = figures | {"parameters": sum(p.numel() for p in network.parameters())}
    results.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n")


def shortened(recipe: Recipe, scenes: int | None, epochs: int | None) -> Recipe:
    """The recipe with fewer scenes to train and to measure on, or other epochs; None leaves it as it is."""
    if scenes is not None:
        measured, batch = min(scenes, recipe.eval_scenes), min(scenes, recipe.batch)
        recipe = replace(recipe, scenes=scenes, eval_scenes=measured, batch=batch)
    return recipe if epochs is None else replace(recipe, epochs=epochs)


def train(
    name: str, out: Path, store: SceneStore, scenes: int | None = None, epochs: int | None = None
) -> dict[str, float]:
    """Trains, measures and writes one network; returns its figures.

    Args:
        out: folder for the weights and results.json.
        scenes: how many scenes to train on, instead of the recipe's number; as many at most to measure on.
        epochs: instead of the recipe's number.
    """
    if name in RECIPES:
        network, figures, notes = train_signs(name, shortened(RECIPES[name], scenes, epochs), store)
    else:
        network, figures, notes = train_diabetes(epochs)
    save(name, network, figures, notes, out)
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m explainers.demo.train", description="Train the demo networks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"any of {', '.join(NETWORKS)}; all by default")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for the weights")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for the scenes drawn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenes", type=int, help="train on this many scenes")
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NETWORKS):
        parser.error(f"unknown network {', '.join(sorted(unknown))}; known are {', '.join(NETWORKS)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    store = SceneStore(options.cache, options.threads)
    for name in options.names or NETWORKS:
        log.info("%s: %s", name, train(name, options.out, store, options.scenes, options.epochs))


if __name__ == "__main__":
    main()
