"""Reliability: of the maps graded "supported", how many lie where the evidence is; and how often a map that knows nothing gets there.

Pictures with known truth (see `benchmarks.questions`): drawn scenes with two signs, and two by two grids of photographs. Beside right maps
stand shuffled ones, those of untrained networks, an edge detector, and a method that does not listen to the class. Whoever sets the
thresholds in `explainers/trust/thresholds.py` looks at the first half of the pictures alone; the second is for the report. Only checks that are
made without being asked for take part.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import explainers as ex
from benchmarks.questions import KnownQuestion, grid_questions, lies_there, mean_over, scene_questions, shuffled
from explainers.core.cost import Cost
from explainers.core.options import Options
from explainers.engine.run import Run
from explainers.graph.redraw import redrawn
from explainers.registry import explainer, forget_method
from explainers.trust.context import heatmap_of

METHODS = ("grad-cam", "attn-lrp", "integrated-gradients", "lrp-epsilon-plus-flat", "layer-cam", "guided-backprop")
GRADES = tuple(ex.Grade)
EDGES = "edge detector"
SECOND = "eigen-cam, asked for a second class"


@dataclass(frozen=True)
class Graded:
    """One map, what it is, and what was said of it.

    Attributes:
        right: whether it lies where the evidence is.
    """

    maps: str
    right: bool
    grade: ex.Grade


@contextmanager
def edge_detector() -> Iterator[str]:
    """Sobel's edges as a method: a map that never looks at the network."""

    @explainer(
        "edges", title=EDGES, family="saliency", needs=ex.Needs.SCORES, options=Options, signed=False,
        cost=lambda shape, options: Cost(), citation="Sobel & Feldman 1968", shows="Edges.", caveat="It ignores the network.",
    )  # fmt: skip
    def edges(run: Run, inputs: Tensor, target: ex.Target, options: Options) -> Tensor:
        grey = F.pad(inputs.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).to(inputs).view(1, 1, 3, 3)
        return (F.conv2d(grey, kernel).square() + F.conv2d(grey, kernel.mT).square()).sqrt()

    try:
        yield "edges"
    finally:
        forget_method("edges")


def graded(question: KnownQuestion, maps: str, attribution: ex.Attribution, model: ex.Model | None = None) -> Graded:
    """A map of the question with its grade; `model` where it is of another than the question's."""
    verdict = ex.verify(model or question.model, question.image, attribution)
    return Graded(maps, lies_there(heatmap_of(attribution), question.evidence), verdict.grade)


def maps_of(question: KnownQuestion, methods: Sequence[str], untrained: ex.Model, seed: int) -> Iterator[Graded]:
    """Right maps of a question, and wrong ones."""
    model, image, target = question.model, question.image, question.target
    if question.second:
        yield graded(question, SECOND, ex.explain(model, image, "eigen-cam", target))
    if not question.depends:
        return
    for name in methods:
        if ex.find_method(name).fits(model):
            # Some find out only when they look, such as rules for layers that are not there.
            with suppress(ex.VitrineError):
                yield graded(question, name, ex.explain(model, image, name, target))
    name = "attn-lrp" if ex.Needs.ATTENTION in model.capabilities else "grad-cam"
    own, foreign = ex.explain(model, image, name, target), ex.explain(untrained, image, name, target)
    yield graded(question, f"{name}, shuffled", replace(own, values=shuffled(own.values, seed)))
    yield graded(question, f"{name} of an untrained network, as the trained one's", replace(own, values=foreign.values))
    yield graded(question, f"{name} of an untrained network", foreign, untrained)
    with edge_detector() as edges:
        yield graded(question, EDGES, ex.explain(model, image, edges, target))


def measure(questions: Iterable[KnownQuestion], methods: Sequence[str]) -> list[list[Graded]]:
    """What was said of the maps of all questions, for each half of the pictures."""
    halves: list[list[Graded]] = [[], []]
    untrained: ex.Model | None = None
    for number, question in enumerate(questions):
        if untrained is None or not untrained.fingerprint.startswith(question.model.fingerprint):
            network = redrawn(question.model.network, seed=1)
            untrained = replace(question.model, network=network, fingerprint=f"{question.model.fingerprint} untrained")
        halves[question.half] += maps_of(question, methods, untrained, number)
    return halves


def table(rows: Iterable[Graded]) -> Iterator[str]:
    """Lines of Markdown: a row per kind of map."""
    yield (
        "| maps | maps in all | "
        + " | ".join(GRADES)
        + " | lie where the evidence is | of those supported | of others |"
    )
    yield "|---" * (5 + len(GRADES)) + "|"
    kinds: dict[str, list[Graded]] = defaultdict(list)
    for row in rows:
        kinds[row.maps].append(row)
    for maps, group in kinds.items():
        shares = [f"{sum(row.grade is grade for row in group) / len(group):.0%}" for grade in GRADES]
        right = mean_over([row.right for row in group])
        supported = mean_over([row.right for row in group if row.grade is ex.Grade.SUPPORTED])
        others = mean_over([row.right for row in group if row.grade is not ex.Grade.SUPPORTED])
        figures = ["" if share is None else f"{share:.0%}" for share in (right, supported, others)]
        yield f"| {maps} | {len(group)} | {' | '.join([*shares, *figures])} |"


def summary(rows: Sequence[Graded]) -> Iterator[str]:
    """The three numbers that the grade is judged by."""
    supported = [row.right for row in rows if row.grade is ex.Grade.SUPPORTED]
    # On transformers Grad-CAM itself misses much, see docs/truth.md.
    name = "attn-lrp" if any(row.maps == "attn-lrp" for row in rows) else "grad-cam"
    good = [row.grade is ex.Grade.SUPPORTED for row in rows if row.maps == name and row.right]
    wrong = [row.grade is ex.Grade.SUPPORTED for row in rows if row.maps not in METHODS]
    for words, share in (
        ("Of all maps graded supported, so many lie where the evidence is", mean_over(supported)),
        (f"Of the maps by {name} that lie there, so many are graded supported", mean_over(good)),
        ("Of maps that know nothing of the model or the class, so many are graded supported", mean_over(wrong)),
    ):
        yield f"- {words}: {'none' if share is None else f'{share:.1%}'}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks reliability", description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=60, help="with two signs each, one half of them to be reported")
    parser.add_argument("--models", nargs="*", default=["demo:signs-cnn", "demo:signs-vit"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--photographs", type=Path, help="a folder of photographs with a labels.json: file, index")
    parser.add_argument("--grids", type=int, default=40)
    parser.add_argument("--classifier", default="torchvision:mobilenet_v2")
    parser.add_argument("--weights", help="of the classifier, from a file")
    parsed = parser.parse_args(arguments)
    sources = [(name, scene_questions(name, parsed.scenes)) for name in parsed.models]
    if parsed.photographs is not None:
        classifier = ex.load_model(parsed.classifier, **({"weights": parsed.weights} if parsed.weights else {}))
        sources.append((f"{classifier.name}, grids", grid_questions(classifier, parsed.photographs, parsed.grids)))
    for name, questions in sources:
        halves = measure(questions, parsed.methods)
        for words, rows in zip(("to set thresholds on", "to report"), halves, strict=True):
            print(f"\n### {name}: the pictures {words}\n")
            print("\n".join([*table(rows), "", *summary(rows)]), flush=True)


if __name__ == "__main__":
    main()
