"""What Vitrine means by a model: a network together with everything needed to ask it something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from PIL import Image
from torch import Tensor, nn

from explainers.core.black_box import BlackBox
from explainers.core.capabilities import Needs, has_attention
from explainers.core.errors import VitrineError
from explainers.core.fingerprint import fingerprint_network
from explainers.core.preprocess import Preprocess

Images = Image.Image | Sequence[Image.Image] | Tensor


@dataclass(frozen=True, eq=False)
class Model:
    """A network, its labels, and the contract of its input.

    Attributes:
        name: how `load_model` finds it again ("demo:signs-cnn"), or the class name of a wrapped network.
        network: the module; a `BlackBox` has scores only.
        labels: one name per output, or None.
        input_shape: (C, H, W) of one image, or (F,) of one vector.
        preprocess: how pictures become inputs; None where inputs come as tensors only.
        task: "classification" (outputs are scores of classes) or "regression".
        untrained: the weights are random: pages say so beside everything they show.
        note: one sentence on where the weights come from, or "".
        fingerprint: hash of the weights' names and contents; made on construction.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> image = ex.sample("scene:1000050").load()
        >>> model.input_shape, model.task, model.label(0)
        ((3, 96, 96), 'classification', 'stop')
        >>> tuple(model.inputs([image, image]).shape)
        (2, 3, 96, 96)
    """

    name: str
    network: nn.Module
    input_shape: tuple[int, ...]
    labels: tuple[str, ...] | None = None
    preprocess: Preprocess | None = None
    task: Literal["classification", "regression"] = "classification"
    untrained: bool = False
    note: str = ""
    fingerprint: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint_network(self.network))

    @cached_property
    def capabilities(self) -> Needs:
        """What this model can give, by the look of it; methods that need more are not offered for it."""
        able = Needs.SCORES
        able |= Needs.IMAGES if self.takes_images else Needs(0)
        if isinstance(self.network, BlackBox):
            return able
        able |= Needs.GRADIENTS | Needs.LAYERS
        return able | Needs.ATTENTION if has_attention(self.network) else able

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights, which inputs are cast to."""
        return next((p.dtype for p in self.network.parameters() if p.is_floating_point()), torch.float32)

    @property
    def size(self) -> int:
        """Bytes of all weights and buffers."""
        return sum(t.numel() * t.element_size() for t in (*self.network.parameters(), *self.network.buffers()))

    @property
    def takes_images(self) -> bool:
        """Whether an input has height and width."""
        return len(self.input_shape) == 3

    def label(self, index: int) -> str:
        """The name of output `index`; "class 7" where there are no labels."""
        return self.labels[index] if self.labels is not None and index < len(self.labels) else f"class {index}"

    def inputs(self, images: Images) -> Tensor:
        """Inputs (N, ...) in the model's dtype, from a picture, a list of pictures, or a tensor as it stands."""
        if isinstance(images, Tensor):
            if images.ndim != len(self.input_shape) + 1:
                raise VitrineError(
                    f"{self.name} takes inputs of shape (N, {', '.join(map(str, self.input_shape))}), "
                    f"not {tuple(images.shape)}; add the batch dimension with x.unsqueeze(0) if it is missing."
                )
            return images.detach().to(self.dtype)
        if self.preprocess is None:
            raise VitrineError(
                f"{self.name} has no preprocessing, so it cannot take a picture: wrap it with preprocess=..., or pass a tensor."
            )
        return self.preprocess(images).to(self.dtype)
