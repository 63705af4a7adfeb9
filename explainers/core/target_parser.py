"""What callers may give for a target: a target itself, an index, a label, or a channel of a layer as text."""

from __future__ import annotations

import re
from difflib import get_close_matches

from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget, RegressionTarget, Target, TopTarget

TargetLike = Target | int | str | None


def parse_target(target: TargetLike, model: Model) -> Target:
    """A Target from what a caller gave: a Target, a class index, a label, or None for the top class.

    "layer2.0:17" is channel 17 of the layer layer2.0, and "layer2.0:17:3,4" that channel at row 3 and column 4 alone.

    Raises:
        VitrineError: no class has that label, or several do.
    """
    if target is None:
        return TopTarget() if model.task == "classification" else RegressionTarget(0)
    if isinstance(target, str) and (channel := _channel(target, model)):
        return channel
    if isinstance(target, str):
        return ClassTarget(class_index(target, model))
    if isinstance(target, int):
        return ClassTarget(target) if model.task == "classification" else RegressionTarget(target)
    if not isinstance(target, Target):
        raise VitrineError(
            f"The target {target!r} is none: give the index or label of a class, a Target such as ClassTarget((0, 3)), "
            "or None."
        )
    return target


def _channel(text: str, model: Model) -> ChannelTarget | None:
    """LAYER:CHANNEL or LAYER:CHANNEL:PLACE, unless a class is called so."""
    match = re.fullmatch(r"([^:]+):(\d+)(?::(\d+(?:,\d+)*))?", text.strip())
    if match is None or text.strip().lower() in (name.lower() for name in model.labels or ()):
        return None
    layer, channel, place = match.groups()
    return ChannelTarget(layer, int(channel), tuple(map(int, place.split(","))) if place else ())


def class_index(label: str, model: Model) -> int:
    """The index of the class called `label`, upper or lower case; digits are an index.

    Raises:
        VitrineError: no class has that label, or several do.

    Example:
        >>> import explainers as ex
        >>> model = ex.load_model("demo:signs-cnn")
        >>> ex.class_index("Give way", model)
        1
    """
    labels = [name.lower() for name in model.labels or ()]
    matches = [i for i, name in enumerate(labels) if name == label.strip().lower()]
    if len(matches) == 1:
        return matches[0]
    if not matches and label.strip().isdecimal():
        return int(label)
    if matches:
        raise VitrineError(
            f"{model.name} has {len(matches)} classes called {label!r}; give one of the indices {matches}."
        )
    near = get_close_matches(label.lower(), labels, n=3, cutoff=0.3) or labels[:3]
    hint = f"did you mean: {', '.join(near)}?" if near else "give its index."
    raise VitrineError(f"{model.name} has no class {label!r}; {hint}")
