"""What deletion and insertion share: cover the pixels that a map ranks highest, or show them alone, and watch the score.

A curve alone says little: any picture falls apart when it is covered. So the same picture is covered in random orders
(the map's own values in random places, at the map's own resolution: as coarse as the map, and with nothing to say) and
from the centre outwards, where photographers put things.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Attribution, fold_channels
from explainers.core.cost import Cost
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import Fill, masker_for
from explainers.trust.checks._recorded_quantity import RecordedQuantity, recorded_target
from explainers.trust.context import CheckContext, channel_reduction
from explainers.trust.finding import Finding, no_finite_scores, percent
from explainers.trust.ranking import order_of
from explainers.trust.registry import SeedOptions

CONVINCING = 0.95  # of the random orders must do worse
PETSIUK = "Petsiuk, Das & Saenko 2018, arXiv:1806.07421"


class CoverOptions(SeedOptions):
    steps: int = Field(20, ge=2, le=500, description="Steps of the curve; each order takes a pass per step.")
    orders: int = Field(20, ge=0, le=500, description="Random orders to compare with.")
    centre: bool = Field(True, description="Compare with the order from the centre outwards.")
    fill: Fill = Field(Fill.BLUR, description="What is seen where the picture is covered.")
    curve: RecordedQuantity = Field(
        RecordedQuantity.AUTO, description="What is recorded: the probability of the class, or the score."
    )


def curves(run: Run, input: Tensor, target: Target, orders: Tensor, options: CoverOptions, insert: bool) -> Tensor:
    """What `target` says after every step of every order, (orders, steps), float64 on the CPU: forward passes, in one sweep.

    Args:
        orders: the place of every pixel in every order, (orders, H, W) or (orders, F), 0 first.
        insert: show the first pixels and cover the others, instead of covering the first and showing the others.
    """
    masked = masker_for(run.model, input, options.fill, options.seed)
    orders_on_device = (orders.unsqueeze(1) if input.ndim == 4 else orders).to(input.device, torch.int32)
    counts = step_counts(orders[0].numel(), options.steps).to(input.device, torch.int32)

    def masked_variants(variants: slice) -> tuple[Tensor, None]:
        variant_index = torch.arange(variants.start, variants.stop, device=input.device)
        count = counts[variant_index % options.steps].view(-1, *[1] * (input.ndim - 1))
        order = orders_on_device[variant_index // options.steps]
        return masked((order < count if insert else order >= count).to(input)), None

    scores_of_chunks = [
        scores for _, scores in variant_scores(run, input, target, len(orders) * options.steps, masked_variants)
    ]
    return torch.cat(scores_of_chunks).cpu().double().view(len(orders), options.steps)


def step_counts(pixels: int, steps: int) -> Tensor:
    """How many pixels are covered (or shown) after every step, (steps,): all of them after the last."""
    return (torch.arange(1, steps + 1, dtype=torch.float64) * pixels / steps).round().long()


def random_orders(attribution: Attribution, options: CoverOptions) -> list[Tensor]:
    """Orders of the map's own values in random places, at its own resolution."""
    values = attribution.values[:1].double()
    map_values = (
        fold_channels(values, channel_reduction(attribution, options.reduce))[0] if values.ndim > 2 else values[0]
    )
    size = attribution.inputs.shape[2:]
    orders = []
    for draw in range(options.orders):
        shuffle = torch.randperm(map_values.numel(), generator=seeded_generator("cpu", options.seed, draw + 1))
        shuffled = map_values.flatten()[shuffle].view(map_values.shape)
        if size and tuple(map_values.shape) != tuple(size):
            shuffled = F.interpolate(shuffled[None, None], tuple(size), mode="bilinear", align_corners=False)[0, 0]
        orders.append(order_of(shuffled, options.seed + draw + 1))
    return orders


def centre_order(size: Sequence[int]) -> Tensor:
    """From the centre outwards, (H, W)."""
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in size)
    return order_of(-(rows[:, None].square() + columns[None, :].square()))


@dataclass(frozen=True)
class Areas:
    """Mean of every curve over its steps: of the map's order, of the random ones (R,), and from the centre outwards.

    As shares: of 1 for probabilities; of the range of all these curves for scores, which have no bounds of their own.
    """

    map: float
    random: Tensor
    centre: float | None

    def beaten(self, insert: bool) -> float | None:
        """Share of the random orders that the map does better than; ties count half. None where there are none."""
        if not len(self.random):
            return None
        away = (self.map - self.random) * (1 if insert else -1)
        return float((away > 0).double().mean() + (away == 0).double().mean() / 2)

    def beats_centre(self, insert: bool) -> bool | None:
        if self.centre is None:
            return None
        return self.map > self.centre if insert else self.map < self.centre


def compare_orders(context: CheckContext, options: CoverOptions, insert: bool) -> Finding:
    """The finding of deletion (or of insertion): the curve of the map's order beside those of the other orders."""
    name = "insertion" if insert else "deletion"
    run, input = context.run, context.input
    target, unit = recorded_target(run, input, context.target, options.curve)
    size = input.shape[2:]
    orders = [order_of(context.heat, options.seed)]
    orders += [centre_order(size)] if size and options.centre else []
    first_random = len(orders)
    orders += random_orders(context.attribution, options)
    scores = curves(run, input, target, torch.stack(orders), options, insert)
    whole_score = float(run.scores(input, target)[0])
    if not (math.isfinite(whole_score) and bool(scores.isfinite().all())):
        return no_finite_scores(name)
    low, high = (
        (0.0, 1.0)
        if unit == "probability"
        else (min(float(scores.min()), whole_score), max(float(scores.max()), whole_score))
    )
    means = ((scores - low) / (high - low)).mean(1).clamp(0, 1) if high > low else torch.zeros(len(scores))
    areas = Areas(float(means[0]), means[first_random:], float(means[1]) if first_random == 2 else None)
    beaten, beats_centre = areas.beaten(insert), areas.beats_centre(insert)
    details = {
        "quantity": unit, "fill": str(options.fill), "whole": whole_score, "centre": areas.centre,
        "random": float(areas.random.mean()) if len(areas.random) else None,
        "better than random orders": beaten, "better than the centre": beats_centre,
    }  # fmt: skip
    table = _table(scores, first_random, whole_score if not insert else None, unit, options.steps, insert)
    sentence, clause = _words(areas, unit, insert)
    return Finding(name, areas.map, _good(beaten, beats_centre), sentence, clause, table, details)


def _good(beaten: float | None, beats_centre: bool | None) -> bool | None:
    if beaten is None:
        return None
    return beaten >= CONVINCING and beats_centre is not False


def _words(areas: Areas, unit: str, insert: bool) -> tuple[str, str]:
    quantity = "the probability" if unit == "probability" else "the score, as a share of its range,"
    doing = "shown first" if insert else "covered first"
    sentence = f"While the strongest pixels are {doing}, {quantity} is {areas.map:.2f} on average"
    beaten = areas.beaten(insert)
    if len(areas.random):
        sentence += f"; {float(areas.random.mean()):.2f} in random orders"
    if areas.centre is not None:
        sentence += f"; {areas.centre:.2f} from the centre outwards"
    if beaten is None:
        return sentence + ".", ""
    act = "showing only these pixels raises the score" if insert else "covering these pixels lowers the score"
    if beaten == 0:
        return sentence + ".", f"{act} more slowly than every one of {len(areas.random)} random orders"
    if beaten < CONVINCING:
        return sentence + ".", f"{act} faster than only {percent(beaten)} of random orders"
    than = f"every one of {len(areas.random)} random orders" if beaten == 1 else f"{percent(beaten)} of random orders"
    but = ", though no faster than from the centre outwards" if areas.beats_centre(insert) is False else ""
    return sentence + ".", f"{act} faster than {than}{but}"


def _table(
    scores: Tensor, first_random: int, whole_score: float | None, unit: str, steps: int, insert: bool
) -> pd.DataFrame:
    """A row per order and step, tidy: the map, the centre, and of the random orders their mean and their 5th and 95th percentile."""
    lines = {"map": scores[0]} | ({"centre": scores[1]} if first_random == 2 else {})
    random = scores[first_random:]
    if len(random):
        low, high = random.quantile(torch.tensor([0.05, 0.95], dtype=random.dtype), dim=0)
        lines |= {"random, mean": random.mean(0), "random, 5th percentile": low, "random, 95th percentile": high}
    shares = [100 * step / steps for step in range(0 if whole_score is not None else 1, steps + 1)]
    start = [] if whole_score is None else [whole_score]
    column = "pixels shown [%]" if insert else "pixels covered [%]"
    parts = [
        pd.DataFrame({"order": name, column: shares, unit: [*start, *line.tolist()]}) for name, line in lines.items()
    ]
    return pd.concat(parts, ignore_index=True)


def covering_cost(attribution: Attribution, options: CoverOptions, rerun: Cost) -> Cost:
    """A pass per step of every order, and one of the picture as it is."""
    centre = options.centre and attribution.inputs.ndim == 4
    return Cost((1 + options.orders + centre) * options.steps + 1)
