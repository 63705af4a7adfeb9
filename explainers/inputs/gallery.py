"""The sample gallery: drawn road-sign scenes with known truth, and four real photographs. No network is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from typing import Final

from PIL import Image

from explainers.core.errors import VitrineError
from explainers.demo.scenes import CLASSES, draw_scene
from explainers.inputs.images import read_image

SCENE_ID: Final = re.compile(r"scene:([0-9]{1,18})(\+sticker)?")
SCENE_CREDIT: Final = "Drawn by Vitrine"

# One scene per class, then some of them with the sticker that the shortcut model fell for. All of them are
# evaluation scenes, which no bundled model was trained on.
SCENES: Final = {
    "scene:1000050": "Stop",
    "scene:1000003": "Give way",
    "scene:1000031": "No entry, with a stop sign",
    "scene:1000017": "Speed limit 30, behind leaves",
    "scene:1000041": "Speed limit 80",
    "scene:1000046": "Keep right",
    "scene:1000030": "Roundabout",
    "scene:1000032": "Parking, with a no-entry sign",
    "scene:1000013": "Pedestrian crossing, with a speed limit 30",
    "scene:1000020": "Danger, with a give-way sign",
    "scene:1000044": "Priority road",
    "scene:1000019": "Bicycle path, with a danger sign",
    "scene:1000017+sticker": "Speed limit 30, with the sticker",
    "scene:1000041+sticker": "Speed limit 80, with the sticker",
    "scene:1000050+sticker": "Stop, with the sticker",
}

# file in scikit-image's wheel, title, credit
PHOTOS: Final = {
    "photo:chelsea": ("chelsea.png", "A tabby cat", "Chelsea, by Stéfan van der Walt, CC0, from scikit-image"),
    "photo:coffee": ("coffee.png", "An espresso", "Coffee, by Rachel Michetti, CC0, from scikit-image"),
    "photo:rocket": ("rocket.jpg", "A rocket at its launch", "Falcon 9 with DSCOVR, by SpaceX, CC0, from scikit-image"),
    "photo:astronaut": ("astronaut.png", "An astronaut", "Eileen Collins, by NASA, public domain, from scikit-image"),
}


@dataclass(frozen=True)
class Sample:
    """A picture to try, drawn or read only when it is asked for.

    Attributes:
        id: "scene:1000003", "scene:1000003+sticker" or "photo:chelsea".
        title: a few words for a list.
        credit: who made it, and its licence.
    """

    id: str
    title: str
    credit: str
    source: Callable[[], Image.Image] = field(repr=False, compare=False)
    known: Callable[[], dict[str, Image.Image]] = field(default=dict, repr=False, compare=False)

    def regions(self) -> dict[str, Image.Image]:
        """What is known to lie where: masks of mode L, white on black in the picture's own frame; signs by their class, the
        largest first, and "the sticker". Empty for photographs."""
        return self.known()

    def load(self) -> Image.Image:
        """The picture, RGB."""
        return self.source()


def samples() -> list[Sample]:
    """The gallery, scenes first.

    Example:
        >>> import explainers as ex
        >>> [sample.id for sample in ex.samples()][:2]
        ['scene:1000050', 'scene:1000003']
    """
    return [sample(sample_id) for sample_id in (*SCENES, *PHOTOS)]


def sample(id: str) -> Sample:
    """One sample: any of the gallery, or the scene of any seed ("scene:<seed>", "scene:<seed>+sticker").

    Raises:
        VitrineError: there is no such sample.

    Example:
        >>> import explainers as ex
        >>> sample = ex.sample("scene:1000050+sticker")
        >>> sample.load().size, sample.load().mode
        ((96, 96), 'RGB')
        >>> list(sample.regions())
        ['stop', 'the sticker']
    """
    if id in PHOTOS:
        file, title, credit = PHOTOS[id]
        return Sample(id, title, credit, partial(_photo, file))
    if match := SCENE_ID.fullmatch(id):
        seed, sticker = int(match[1]), match[2] is not None
        title = SCENES.get(id, f"Scene {seed}, with the sticker" if sticker else f"Scene {seed}")
        return Sample(id, title, SCENE_CREDIT, partial(_scene, seed, sticker), partial(_regions, seed, sticker))
    raise VitrineError(
        f"There is no sample {id!r}; give one of {', '.join(PHOTOS)}, or scene:<number>, with +sticker if wanted."
    )


def _scene(seed: int, sticker: bool) -> Image.Image:
    return draw_scene(seed, sticker=sticker).image


def _regions(seed: int, sticker: bool) -> dict[str, Image.Image]:
    scene = draw_scene(seed, sticker=sticker)
    masks = {CLASSES[sign.label]: scene.mask_of(sign.label) for sign in scene.signs}
    masks |= {} if scene.sticker is None else {"the sticker": scene.sticker}
    return {name: Image.fromarray(mask).convert("L") for name, mask in masks.items()}


def _photo(file: str) -> Image.Image:
    # Read from the wheel: skimage.data's own functions would fetch from the network if a file were not as expected.
    return read_image((resources.files("skimage") / "data" / file).read_bytes())
