"""What is known of the pictures that a model was made for: where their features lie, and how often its answers were right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from explainers.core.errors import VitrineError

FAR: Final = 0.98
"""Share of the pictures of the model's own world that are taken for familiar: the others are its false alarms."""

BINS: Final = 10
"""Of equal width, into which probabilities are sorted to count how often answers were right."""

FEW: Final = 25
"""Answers below which a share of right ones is not worth telling."""

RIGHT: Final = 0.95
"""Share of right answers from which on a model counts as sure."""


@dataclass(frozen=True)
class Reliability:
    """Of `count` answers about as sure, the share that were right."""

    count: int
    right: float


@dataclass(frozen=True, eq=False)
class Reference:
    """What is known of the pictures that a model was made for.

    Features are what goes into the model's last layer. Their distance is Mahalanobis', to the nearest of the classes' means
    with one covariance for all (Lee et al. 2018, arXiv:1807.03888), shrunk as Ledoit & Wolf 2004 have it.

    Bundled models bring their own; `familiarity_reference` makes one of your pictures.

    Attributes:
        world: what the pictures are, in the plural: "drawn road-sign scenes".
        fingerprint: of the model's weights.
        layer: name of the module whose inputs are the features.
        means: of the classes' features, (K, F) float32; one row where classes are not told apart.
        whitening: that makes the features' covariance the identity, (F, F) float32.
        distances: of pictures that were held out, sorted, (M,) float32.
        right, counts: right answers, and all answers, by probability in `BINS` bins of equal width, (BINS,); zeros where
            nothing was measured.
        measured_on: what the answers were counted on, in the plural.
        flaw: what is known to be wrong with the model that no single picture shows, in a sentence; or "".

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> scenes = [ex.sample(f"scene:{seed}").load() for seed in range(20)]
        >>> reference = ex.familiarity_reference(model, scenes, "twenty scenes")
        >>> reference.layer, tuple(reference.means.shape)
        ('fc', (1, 64))
    """

    world: str
    fingerprint: str
    layer: str
    means: Tensor
    whitening: Tensor
    distances: Tensor
    right: Tensor
    counts: Tensor
    measured_on: str = ""
    flaw: str = ""

    @property
    def far(self) -> float:
        """The distance beyond which a picture is not familiar."""
        return float(self.distances.quantile(FAR))

    def distance(self, features: Tensor) -> Tensor:
        """Distances (N,) of features (N, F)."""
        offsets = features.cpu().double().unsqueeze(1) - self.means.double()
        return (offsets @ self.whitening.double()).pow(2).sum(-1).amin(1).sqrt()

    def at_distances(self, distances: Tensor) -> Reference:
        """The same with the distances (M,) of pictures that were held out."""
        return replace(self, distances=distances.sort().values.float())

    def farther(self, distance: float) -> float:
        """Share of the pictures held out that are farther than `distance`."""
        return float((self.distances > distance).double().mean())

    def reliability(self, probability: float) -> Reliability | None:
        """How often answers about as sure were right; None where too few were counted."""
        position = min(BINS - 1, int(probability * BINS))
        count = int(self.counts[position])
        return Reliability(count, float(self.right[position]) / count) if count >= FEW else None

    @property
    def is_measured(self) -> bool:
        """Whether answers were counted at all."""
        return bool(self.counts.any())

    @property
    def sure_from(self) -> float:
        """The probability from which on answers were right often enough, bin by bin downwards; 1 where they never were."""
        lowest = BINS
        for position in reversed(range(BINS)):
            count = int(self.counts[position])
            if count >= FEW and float(self.right[position]) / count < RIGHT:
                break
            lowest = position if count >= FEW else lowest
        return lowest / BINS

    def save(self, path: Path) -> None:
        """Write it as safetensors."""
        tensors = {name: getattr(self, name).contiguous() for name in _TENSORS}
        words = {name: getattr(self, name) for name in _WORDS}
        save_file(tensors, path, {"reference": json.dumps(words)})
        path.chmod(0o644)  # save_file leaves it readable by its owner alone

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read what `save` wrote."""
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in _TENSORS}
            words = json.loads((file.metadata() or {})["reference"])
        return cls(**words, **tensors)


_TENSORS = ("means", "whitening", "distances", "right", "counts")
_WORDS = ("world", "fingerprint", "layer", "measured_on", "flaw")


@dataclass(frozen=True)
class Spread:
    """Means (K, F) and whitening (F, F) of features."""

    means: Tensor
    whitening: Tensor


def spread_of(features: Tensor, labels: Sequence[int] | None = None) -> Spread:
    """Where features (N, F) lie, class by class where labels are given.

    Raises:
        VitrineError: there are fewer than two rows.
    """
    if len(features) < 2:
        raise VitrineError(f"A reference needs at least two pictures, better fifty, not {len(features)}.")
    from sklearn.covariance import LedoitWolf  # takes longer to import than an answer to look at

    features = features.cpu().double()
    classes = torch.zeros(len(features), dtype=torch.long) if labels is None else torch.tensor(labels)
    names, rows = torch.unique(classes, return_inverse=True)
    means = torch.stack([features[rows == row].mean(0) for row in range(len(names))])
    offsets = features - means[rows]
    scale = offsets.std(0).clamp_min(1e-6)
    fitted = LedoitWolf(assume_centered=True).fit((offsets / scale).numpy())
    factor = torch.linalg.cholesky(torch.linalg.inv(torch.from_numpy(fitted.covariance_)))
    return Spread(means.float(), (factor / scale.unsqueeze(1)).float())
