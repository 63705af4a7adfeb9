"""A reference of somebody's own pictures, for a model that brings none."""

from __future__ import annotations

from typing import Final

import torch

from explainers.core.errors import VitrineError
from explainers.core.model import Images, Model
from explainers.engine.engine import Engine, engine_for
from explainers.engine.run import Run
from explainers.executor import inputs_of
from explainers.trust.ground.familiarity import features_of, head_layer
from explainers.trust.ground.reference import BINS, Reference, spread_of

LEAST: Final = 20
"""Pictures; with fewer the limit of what is familiar would be a guess."""


ENOUGH: Final = 10
"""Pictures of a class, on average, from which on classes are told apart."""


def familiarity_reference(
    model: Model, images: Images, world: str = "your pictures", *, engine: Engine | None = None
) -> Reference:
    """What pictures of the model's own world look like to it, for `answer_ground`: one forward pass each.

    Every second picture tells where features lie, the others how far from there is usual. Classes are told apart by the model's
    own answers where there are enough of each; else all share one mean, which sees less.

    Args:
        images: pictures such as the model was made for, or preprocessed tensors (N, ...), at least twenty; better hundreds.
        world: what they are, in the plural.

    Raises:
        VitrineError: there are too few, or the model has no linear or convolutional layer at its end, in one sentence.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> scenes = [ex.sample(f"scene:{seed}").load() for seed in range(40)]
        >>> reference = ex.familiarity_reference(model, scenes, "forty scenes")
        >>> reference.world, len(reference.distances)
        ('forty scenes', 20)
        >>> ground = ex.answer_ground(model, ex.sample("scene:1000050").load(), reference=reference)
        >>> ground["familiar"].details["pictures known"]
        20
    """
    inputs = inputs_of(model, images)
    if len(inputs) < LEAST:
        raise VitrineError(f"A reference needs at least {LEAST} pictures, better hundreds, and {len(inputs)} came.")
    run = Run(model, engine or engine_for())
    inputs = inputs.to(run.engine.device)
    layer = head_layer(run, run.outputs(inputs[:1]).flatten(1).shape[1])
    if layer is None:
        raise VitrineError(
            f"{model.name} has no linear or convolutional layer at its end whose inputs could be compared."
        )
    outputs, features = features_of(run, inputs, layer)
    answers = outputs.flatten(1).argmax(1)[::2].tolist()
    spread = spread_of(features[::2], answers if len(answers) >= ENOUGH * len(set(answers)) else None)
    nothing = torch.zeros(BINS, dtype=torch.int64)
    reference = Reference(
        world, model.fingerprint, layer, spread.means, spread.whitening, torch.zeros(1), nothing, nothing.clone()
    )
    return reference.at_distances(reference.distance(features[1::2]))
