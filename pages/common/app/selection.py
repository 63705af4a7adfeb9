"""What every page looks at: a model, a picture and a target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from PIL import Image

import explainers as ex
from pages.common.app.caches import result_cache


@dataclass(frozen=True)
class Selection:
    """What every page looks at.

    Attributes:
        model_code: the Python call that loads the model again.
        image_code: the Python call that reads the picture again.
        target_code: the target as Python, "" for the top class.
        key: identifies the model's weights and the names of its classes, input and target, for caches.
    """

    model: ex.Model
    image: Image.Image
    target: ex.Target | None
    model_code: str
    image_code: str
    target_code: str
    key: tuple[str, str, str]

    def regions(self) -> dict[str, Image.Image]:
        """The parts of a drawn scene by name, white where they are; none of other pictures."""
        if not self.key[1].startswith("scene:"):
            return {}
        drawn: dict[str, Image.Image] = result_cache().get(("regions", self.key[1]), ex.sample(self.key[1]).regions)
        return drawn

    def enlarged(self, width: int) -> Image.Image:
        """The picture as the model sees it, enlarged to `width` px."""
        assert self.model.preprocess is not None
        view = self.model.preprocess.view(self.image).convert("RGB")
        return view.resize((width, round(width * view.height / view.width)), Image.Resampling.LANCZOS)


def words_key(model: ex.Model) -> str:
    """What tells a model from others in numbers and in words: its weights and the names of its classes."""
    return f"{model.fingerprint}-{short_hash(model.labels)}"


def predicted(model: ex.Model, image: Image.Image, key: str) -> ex.Prediction:
    """The model's answer, kept for every page.

    Args:
        key: of the picture's content.
    """
    prediction: ex.Prediction = result_cache().get(("predict", words_key(model), key), lambda: ex.predict(model, image))
    return prediction


def short_hash(*parts: object) -> str:
    """Eight hex digits of anything printable, for names of files and of work."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
