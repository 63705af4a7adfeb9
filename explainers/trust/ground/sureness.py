"""How sure: the probability of the answer, its lead on the next class, and how often such answers were right where that was measured."""

from __future__ import annotations

import math

import pandas as pd
import torch
from torch import Tensor

from explainers.core.model import Model
from explainers.trust.finding import percent
from explainers.trust.ground.reference import Reference
from explainers.trust.ground.result import GroundFinding

SURE = 0.8
"""Probability from which an answer of a model whose reliability was not measured counts as sure."""

UNSURE = 0.5
"""Below it the model itself holds that another answer is more likely than this one."""

SHOWN = 5  # classes in the table


def sureness(model: Model, probabilities: Tensor, index: int, reference: Reference | None) -> GroundFinding:
    """What the probabilities (K,) of one input say of class `index`.

    Good where such answers were measured to be right nineteen times in twenty (`Reference.sure_from`), or from `SURE` on where
    nothing was measured.
    """
    probabilities = probabilities.double().cpu()
    value = float(probabilities[index])
    order = probabilities.argsort(descending=True).tolist()
    second = next((other for other in order if other != index), None)
    margin = value - float(probabilities[second]) if second is not None else value
    entropy = float(torch.special.entr(probabilities).sum()) / math.log(max(2, len(probabilities)))
    known = None if reference is None else reference.reliability(value)
    measured = reference is not None and reference.is_measured
    threshold = reference.sure_from if reference is not None and measured else SURE
    good = value >= threshold and order[0] == index
    sentence = f"The model gives {model.label(index)!r} a probability of {percent(value)}"
    if second is not None:
        sentence += f", and {model.label(second)!r} {percent(float(probabilities[second]))}"
    if order[0] != index:
        sentence = (
            f"{model.label(index)!r} is not the model's first answer: it has a probability of {percent(value)}, and "
            f"{model.label(order[0])!r} {percent(float(probabilities[order[0]]))}."
        )
    elif known is None:
        sentence += "; how often answers this sure are right was not measured."
    else:
        assert reference is not None
        sentence += (
            f"; of {known.count:,} answers this sure on {reference.measured_on}, {percent(known.right)} were right."
        )
    table = pd.DataFrame(
        {
            "class": [model.label(i) for i in order[:SHOWN]],
            "probability": [float(probabilities[i]) for i in order[:SHOWN]],
        }
    )
    details = {"margin": margin, "entropy": entropy, "threshold": threshold, "first answer": order[0] == index}
    if known is not None:
        details |= {"right": known.right, "answers measured": known.count}
    return GroundFinding("sure", value, good, sentence, table, details)
