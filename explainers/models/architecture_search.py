"""Which of torchvision's architectures weights are for, by the names and shapes of their tensors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from explainers.models._architectures import SIGNATURES
from explainers.models.checkpoint_prefixes import prefixes_taken_off

LEFT_OUT: Final = re.compile(r"(.*\.)?num_batches_tracked|n_averaged|(aux1|aux2|AuxLogits)\..+")
"""What not every file has: counters, and the heads that GoogLeNet and Inception only train with."""

OLD_DENSENET: Final = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)")
"""Names in torchvision's DenseNet files from before module names could not contain dots."""

Shapes = Mapping[str, tuple[int, ...]]


def architecture_of(shapes: Shapes) -> str | None:
    """The architecture that tensors of these names and shapes fit, whatever the number of classes; None if none of them all.

    Only names and shapes are compared, with signatures of every architecture that are kept with Vitrine: building all 80 networks
    to compare with takes minutes.

    Returns:
        The name as `load_model` takes it, "torchvision:resnet18".
    """
    for candidate in prefixes_taken_off(shapes):
        for head in {head for head, _ in SIGNATURES.values()}:
            digest = signature(candidate, head)
            name = next((name for name, known in SIGNATURES.items() if known == (head, digest)), None)
            if name is not None:
                return f"torchvision:{name}"
    return None


def signature(shapes: Shapes, head: str) -> str:
    """Sixteen hex digits of the names and shapes of all tensors but those of the last layer, which depends on the classes."""
    body = {
        OLD_DENSENET.sub(r"\1\2", name): tuple(shape)
        for name, shape in shapes.items()
        if name.rpartition(".")[0] != head and not LEFT_OUT.fullmatch(name)
    }
    lines = sorted(f"{name} {shape}" for name, shape in body.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
