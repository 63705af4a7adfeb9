"""What deletion and insertion share: cover the pixels that a map ranks highest, or show them alone, and watch the score.

A curve alone says little: any picture falls apart when it is covered. So the same picture is covered in the orders of fair opponents: the map
itself turned, mirrored and shifted, and the same method's maps of other pictures. They are as smooth as the map (pixel-wise noise is
beaten by any edge detector) and share its habits, such as the middle of the picture. And from the centre outwards, where
photographers put things.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from pydantic import Field
from torch import Tensor

from explainers.core.attribution import Attribution
from explainers.core.cost import Cost
from explainers.core.rng import seeded_generator
from explainers.core.target import Target
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.inputs.baselines import Fill, masker_for
from explainers.inputs.gallery import samples
from explainers.trust.checks._recorded_quantity import RecordedQuantity, recorded_target
from explainers.trust.context import CheckContext, runs_again
from explainers.trust.finding import Finding, no_finite_scores, percent
from explainers.trust.ranking import order_of
from explainers.trust.registry import SeedOptions

CONVINCING = 0.95  # of the opponents must do worse
TIE = 0.1  # of a probability: where no order changes it by more, there is nothing to measure
FLAT = 1e-6  # of a score's own size: the same
PETSIUK = "Petsiuk, Das & Saenko 2018, arXiv:1806.07421"


class CoverOptions(SeedOptions):
    steps: int = Field(20, ge=2, le=500, description="Steps of the curve; each order takes a pass per step.")
    orders: int = Field(
        20, ge=0, le=500, description="Copies of the map, turned, mirrored and shifted, to compare with."
    )
    pictures: int = Field(
        4,
        ge=0,
        le=15,
        description="Other pictures whose maps by the same method are compared with; none of a method of many passes.",
    )
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


def opponent_orders(context: CheckContext, options: CoverOptions) -> list[Tensor]:
    """The orders of fair opponents, each (H, W) or (F,): moved copies of the map, then maps of other pictures."""
    maps = moved_maps(context.heat, options.orders, options.seed)
    if context.input.ndim == 4 and context.can_run_again:
        maps += maps_of_other_pictures(context, options.pictures)
    return [order_of(heat, options.seed + number + 1) for number, heat in enumerate(maps)]


def moved_maps(heat: Tensor, count: int, seed: int) -> list[Tensor]:
    """Copies of a map (H, W), turned (by right angles where it is square), mirrored and shifted at random, what leaves on one side coming in
    on the other; the values of a vector (F,) in random places."""
    copies = []
    for draw in range(count):
        source = seeded_generator("cpu", seed, draw + 1)

        def drawn(below: int, source: torch.Generator = source) -> int:
            return int(torch.randint(below, (1,), generator=source))

        if heat.ndim == 1:
            copies.append(heat[torch.randperm(len(heat), generator=source)])
            continue
        height, width = heat.shape
        turns = drawn(4) if height == width else 2 * drawn(2)
        turned = torch.rot90(heat.flip(1) if drawn(2) else heat, turns)
        far = [
            side // 4 + drawn(max(1, side // 2)) for side in (height, width)
        ]  # else a copy may lie where the map lies
        copies.append(torch.roll(turned, far, (0, 1)))
    return copies


def maps_of_other_pictures(context: CheckContext, count: int) -> list[Tensor]:
    """The same method's maps of as many pictures of the gallery: of the kind that the model is for, and never of the one explained."""
    drawn = context.model.name.startswith("demo:")
    gallery = sorted(samples(), key=lambda sample: sample.id.startswith("scene:") != drawn)
    inputs = (context.input_of(sample.load()) for sample in gallery)
    others = (other for other in inputs if not torch.equal(other, context.input))
    return [context.map_of_another(other) for other in itertools.islice(others, count)]


def centre_order(size: Sequence[int]) -> Tensor:
    """From the centre outwards, (H, W)."""
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in size)
    return order_of(-(rows[:, None].square() + columns[None, :].square()))


@dataclass(frozen=True)
class Areas:
    """Mean of every curve over its steps: of the map's order, of its opponents' (R,), and from the centre outwards.

    As shares: of 1 for probabilities; of the range of all these curves for scores, which have no bounds of their own.
    """

    map: float
    opponents: Tensor
    centre: float | None

    def beaten(self, insert: bool) -> float | None:
        """Share of the opponents that the map does better than; ties count half. None where there are none."""
        if not len(self.opponents):
            return None
        away = (self.map - self.opponents) * (1 if insert else -1)
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
    first_opponent = len(orders)
    orders += opponent_orders(context, options)
    scores = curves(run, input, target, torch.stack(orders), options, insert)
    whole_score = float(run.scores(input, target)[0])
    if not (math.isfinite(whole_score) and bool(scores.isfinite().all())):
        return no_finite_scores(name)
    lowest, highest = min(float(scores.min()), whole_score), max(float(scores.max()), whole_score)
    if highest - lowest < TIE if unit == "probability" else highest - lowest <= FLAT * max(abs(lowest), abs(highest)):
        return _nothing_to_measure(name, unit, whole_score)
    low, high = (0.0, 1.0) if unit == "probability" else (lowest, highest)
    means = ((scores - low) / (high - low)).mean(1).clamp(0, 1)
    areas = Areas(float(means[0]), means[first_opponent:], float(means[1]) if first_opponent == 2 else None)
    beaten, beats_centre = areas.beaten(insert), areas.beats_centre(insert)
    details = {
        "quantity": unit, "fill": str(options.fill), "whole": whole_score, "centre": areas.centre,
        "opponents": float(areas.opponents.mean()) if len(areas.opponents) else None,
        "better than opponents": beaten, "better than the centre": beats_centre,
    }  # fmt: skip
    table = _table(scores, first_opponent, whole_score if not insert else None, unit, options.steps, insert)
    sentence, clause = _words(areas, unit, insert)
    return Finding(name, areas.map, _good(beaten, beats_centre), sentence, clause, table, details)


def _nothing_to_measure(name: str, unit: str, whole_score: float) -> Finding:
    value, change = (
        (f"{whole_score:.3f}", f" by {TIE} or more") if unit == "probability" else (f"{whole_score:.3g}", "")
    )
    sentence = f"Nothing to measure: the {unit} is {value}, and no order of covering changes it{change}."
    return Finding(name, None, None, sentence, "", None, {"quantity": unit, "whole": whole_score})


def _good(beaten: float | None, beats_centre: bool | None) -> bool | None:
    if beaten is None:
        return None
    return beaten >= CONVINCING and beats_centre is not False


def _words(areas: Areas, unit: str, insert: bool) -> tuple[str, str]:
    quantity = "the probability" if unit == "probability" else "the score, as a share of its range,"
    doing = "shown first" if insert else "covered first"
    sentence = f"While the strongest pixels are {doing}, {quantity} is {areas.map:.2f} on average"
    beaten = areas.beaten(insert)
    if len(areas.opponents):
        sentence += f"; {float(areas.opponents.mean()):.2f} in the orders of {len(areas.opponents)} moved copies and maps of other pictures"
    if areas.centre is not None:
        sentence += f"; {areas.centre:.2f} from the centre outwards"
    if beaten is None:
        return sentence + ".", ""
    act = "showing only these pixels raises the score" if insert else "covering these pixels lowers the score"
    if beaten == 0:
        return sentence + ".", f"{act} more slowly than with every one of {len(areas.opponents)} opponents"
    if beaten < CONVINCING:
        return sentence + ".", f"{act} faster than with only {percent(beaten)} of its opponents"
    than = f"every one of {len(areas.opponents)} opponents" if beaten == 1 else f"{percent(beaten)} of its opponents"
    but = ", though no faster than from the centre outwards" if areas.beats_centre(insert) is False else ""
    return sentence + ".", f"{act} faster than with {than}{but}"


def _table(
    scores: Tensor, first_opponent: int, whole_score: float | None, unit: str, steps: int, insert: bool
) -> pd.DataFrame:
    """A row per order and step, tidy: the map, the centre, and of the opponents their mean and their 5th and 95th percentile."""
    lines = {"map": scores[0]} | ({"centre": scores[1]} if first_opponent == 2 else {})
    others = scores[first_opponent:]
    if len(others):
        low, high = others.quantile(torch.tensor([0.05, 0.95], dtype=others.dtype), dim=0)
        lines |= {
            "opponents, mean": others.mean(0),
            "opponents, 5th percentile": low,
            "opponents, 95th percentile": high,
        }
    shares = [100 * step / steps for step in range(0 if whole_score is not None else 1, steps + 1)]
    start = [] if whole_score is None else [whole_score]
    column = "pixels shown [%]" if insert else "pixels covered [%]"
    parts = [
        pd.DataFrame({"order": name, column: shares, unit: [*start, *line.tolist()]}) for name, line in lines.items()
    ]
    return pd.concat(parts, ignore_index=True)


def covering_cost(attribution: Attribution, options: CoverOptions, rerun: Cost) -> Cost:
    """A pass per step of every order, one of the picture as it is, and the method once more for every other picture."""
    is_image = attribution.inputs.ndim == 4
    others = options.pictures if is_image and runs_again(attribution, rerun) else 0
    return rerun * others + Cost((1 + options.orders + (options.centre and is_image) + others) * options.steps + 1)
