"""Speed as ratios: against other libraries on the same work, and against the floor.

The floor is the time of the passes alone: the same number of forward and backward passes through the network as
torchvision makes it, with frozen parameters, at the best batch size, with nothing computed from them. For CAMs the
backward pass of the floor stops at the layer, as ours does. A ratio below 1 comes from the memory layout (channels
last on a CPU).

Every other library runs in a process of its own, as its users have it. `--same-memory` runs them in Vitrine's process
instead, where they profit from the memory settings that importing `explainers` makes.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from zennit.composites import EpsilonPlusFlat
from zennit.rules import Norm

import explainers as ex
from benchmarks.peers import (
    CLASS,
    DRAWS,
    LAYERS,
    PATCH,
    PEERS,
    REGIONS,
    SAMPLES,
    STEPS,
    STRIDE,
    Apart,
    fresh,
    images,
)  # fmt: skip
from benchmarks.timing import Work, best_chunk, in_turn, machine, timed
from explainers.core.canonical import Step, canonical
from explainers.core.run import Run

GRADIENT_CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam"]
STAGES = ["layer1", "layer2", "layer3", "layer4"]
SECONDS = 10  # of measuring per row, at least


@dataclass(frozen=True)
class Bar:
    """What a ratio of `ours`, one of this process's works, must satisfy: at most `limit`, or at least it."""

    against: str
    limit: float
    at_most: bool
    ours: str = "vitrine"

    def holds(self, ratio: float) -> bool:
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def describe(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


@dataclass(frozen=True)
class Case:
    """One row: Vitrine's work, what it is compared with, and what must hold between them.

    Attributes:
        here: works of this process, "vitrine" among them.
        peers: names of other libraries' works, with the network and the number of images.
    """

    title: str
    here: dict[str, Work]
    bars: list[Bar]
    peers: list[str] = field(default_factory=list)
    network: str = ""
    count: int = 1


def loaded(name: str) -> ex.Model:
    """A network as Vitrine loads it."""
    return ex.load_model(f"torchvision:{name}@random")


def frozen(name: str, device: torch.device) -> nn.Module:
    """What the floor is measured with."""
    return fresh(name, device).requires_grad_(False)


def raw_gradient(network: nn.Module, inputs: Tensor) -> None:
    """One forward and one backward pass down to the input."""
    inputs = inputs.detach().requires_grad_()
    torch.autograd.grad(network(inputs)[:, CLASS].sum(), inputs)


def raw_partial(network: nn.Module, layer: str, inputs: Tensor) -> None:
    """One forward pass and one backward pass down to a layer."""
    held = []

    def hold(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        held.append(output.detach().requires_grad_())
        return held[0].clone()

    handle = network.get_submodule(layer).register_forward_hook(hold)
    try:
        torch.autograd.grad(network(inputs)[:, CLASS].sum(), held)
    finally:
        handle.remove()


def in_parts(one_pass: Callable[[Tensor], None], rows: Tensor, sizes: Sequence[int]) -> tuple[Work, int]:
    """All rows through `one_pass` in chunks of the best size, and that size."""

    def work(size: int) -> None:
        for part in rows.split(size):
            one_pass(part)

    chunk = best_chunk(work, sorted({size for size in sizes if size <= len(rows)}))
    return partial(work, chunk), chunk


def plural(count: int) -> str:
    return f"{count} image{'s' if count > 1 else ''}"


def grad_cam_case(name: str, count: int, device: torch.device) -> Case:
    model, inputs, layer = loaded(name), images(count, device), LAYERS[name]
    floor, _ = in_parts(partial(raw_partial, frozen(name, device), layer), inputs, [1, 2, 4, 8, count])
    return Case(
        f"Grad-CAM, {name}, {plural(count)}",
        {"vitrine": lambda: ex.explain(model, inputs, "grad-cam", CLASS, layer=layer), "floor": floor},
        [Bar("floor", 1.15, True), Bar("pytorch-grad-cam", 2.8, False), Bar("torchcam", 1.0, False)],
        ["pytorch-grad-cam", "torchcam"],
        name,
        count,
    )


def five_cams_case(name: str, device: torch.device) -> Case:
    model, inputs = loaded(name), images(1, device)
    return Case(
        f"five CAMs x four layers, {name}, 1 image",
        {
            "vitrine": lambda: ex.explain(model, inputs, GRADIENT_CAMS, CLASS, layer=STAGES),
            "one Grad-CAM": lambda: ex.explain(model, inputs, "grad-cam", CLASS, layer=STAGES[0]),
        },
        [Bar("one Grad-CAM", 1.3, True)],
    )


def raw_scores(network: nn.Module, inputs: Tensor) -> None:
    """One forward pass."""
    with torch.no_grad():
        network(inputs)


def raw_head(network: nn.Module, layer: str, inputs: Tensor, maps: Tensor) -> None:
    """One forward pass of a single image up to the layer, where `maps` take the place of what it puts out."""
    handle = network.get_submodule(layer).register_forward_hook(lambda module, args, output: maps)
    try:
        raw_scores(network, inputs)
    finally:
        handle.remove()


def score_cam_case(name: str, device: torch.device) -> Case:
    model, inputs, layer = loaded(name), images(1, device), LAYERS[name]
    channels = Run(model, ex.engine_for(device)).layer(layer).channels
    sizes = [8, 16, 32] if device.type == "cpu" else [32, 128, channels]
    floor, chunk = in_parts(partial(raw_scores, frozen(name, device)), inputs.repeat(channels, 1, 1, 1), sizes)
    return Case(
        f"Score-CAM, {channels} channels, {name} (floor in chunks of {chunk})",
        {"vitrine": lambda: ex.explain(model, inputs, "score-cam", CLASS, layer=layer), "floor": floor},
        [Bar("floor", 1.15, True), Bar("pytorch-score-cam", 2.0, False), Bar("torchcam-score-cam", 2.0, False)],
        ["pytorch-score-cam", "torchcam-score-cam"],
        name,
    )


def ablation_cam_case(name: str, device: torch.device) -> Case:
    """The floor runs what lies below the layer once per chunk, as we do."""
    model, inputs, layer = loaded(name), images(1, device), LAYERS[name]
    (shape,) = [found.shape for found in ex.layers(model) if found.name == layer]
    maps = torch.randn(shape[0], *shape, generator=torch.Generator().manual_seed(0)).to(device)
    floor, chunk = in_parts(partial(raw_head, frozen(name, device), layer, inputs), maps, [8, 16, 32])
    return Case(
        f"Ablation-CAM, {shape[0]} channels, {name} (floor in chunks of {chunk})",
        {"vitrine": lambda: ex.explain(model, inputs, "ablation-cam", CLASS, layer=layer), "floor": floor},
        [Bar("floor", 1.15, True), Bar("pytorch-ablation-cam", 2.0, False)],
        ["pytorch-ablation-cam"],
        name,
    )


def path_case(
    title: str, name: str, device: torch.device, passes: int, peer: str, ours: Callable[[ex.Model, Tensor], Work]
) -> Case:
    model, inputs = loaded(name), images(1, device)
    rows = inputs.repeat(passes, 1, 1, 1)
    sizes = [4, 8, 16, passes] if device.type == "cpu" else [8, 16, passes]
    floor, chunk = in_parts(partial(raw_gradient, frozen(name, device)), rows, sizes)
    return Case(
        f"{title}, {name} (floor in chunks of {chunk})",
        {"vitrine": ours(model, inputs), "floor": floor},
        [Bar("floor", 1.15, True), Bar(peer, 1.7, False)],
        [peer],
        name,
    )


def integrated_gradients_case(name: str, device: torch.device) -> Case:
    def ours(model: ex.Model, inputs: Tensor) -> Work:
        return lambda: ex.explain(model, inputs, "integrated-gradients", CLASS, steps=STEPS)

    return path_case(f"integrated gradients, {STEPS} steps", name, device, STEPS, "captum-integrated-gradients", ours)


def smoothgrad_case(name: str, device: torch.device) -> Case:
    def ours(model: ex.Model, inputs: Tensor) -> Work:
        return lambda: ex.explain(model, inputs, "smoothgrad", CLASS, samples=SAMPLES)

    return path_case(f"SmoothGrad, {SAMPLES} samples", name, device, SAMPLES, "captum-smoothgrad", ours)


OCCLUSION = {"fill": "zero", "patch": PATCH, "stride": STRIDE}
BY_REGIONS = {"fill": "zero", "segments": "grid", "regions": REGIONS, "samples": DRAWS}
MIXED = "precision=mixed"
PERTURBATIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "occlusion": ((math.ceil((224 - PATCH) / STRIDE) + 1) ** 2, OCCLUSION),
    "lime": (DRAWS, BY_REGIONS),
    "kernel-shap": (DRAWS, BY_REGIONS),
}
"""Method: pictures that are scored, and options."""


def perturbation_case(method: str, name: str, device: torch.device) -> Case:
    model, inputs = loaded(name), images(1, device)
    count, options = PERTURBATIONS[method]
    sizes = [8, 16, 32] if device.type == "cpu" else [32, 128, count]
    floor, chunk = in_parts(partial(raw_scores, frozen(name, device)), inputs.repeat(count, 1, 1, 1), sizes)
    return Case(
        f"{method}, {count} pictures, {name} (floor in chunks of {chunk})",
        {
            "vitrine": lambda: ex.explain(model, inputs, method, CLASS, **options),
            MIXED: lambda: ex.explain(model, inputs, method, CLASS, precision="mixed", **options),
            "floor": floor,
        },
        [
            Bar("floor", 1.15, True),
            Bar(f"captum-{method}", 3.0, False),
            Bar("floor", 1.15, True, MIXED),
            Bar(f"captum-{method}", 3.0, False, MIXED),
        ],
        [f"captum-{method}"],
        name,
    )


def relevance_case(name: str, count: int, device: torch.device) -> Case:
    """Its floor is Zennit on Vitrine's copy: the rules pass every layer several times, whoever drives them."""
    model, inputs = loaded(name), images(count, device)
    return Case(
        f"LRP EpsilonPlusFlat, {name}, {plural(count)}",
        {
            "vitrine": lambda: ex.explain(model, inputs, "lrp-epsilon-plus-flat", CLASS),
            "floor": rules_alone(name, inputs),
        },
        [Bar("floor", 1.3 if count == 1 else 1.15, True), Bar("zennit", 1.0, False)],
        ["zennit"],
        name,
        count,
    )


def rules_alone(name: str, inputs: Tensor) -> Work:
    """One forward pass and one backward pass by the rules, through a copy made once, in chunks of the best size."""
    network = canonical(frozen(name, inputs.device), tuple(inputs.shape[1:]))
    composite = EpsilonPlusFlat(layer_map=[((Step,), Norm())])

    def one_pass(rows: Tensor) -> None:
        rows = rows.detach().requires_grad_()
        with composite.context(network):
            outputs = network(rows)
            torch.autograd.grad(outputs[:, CLASS], rows, outputs[:, CLASS].detach())

    return in_parts(one_pass, inputs, [1, 2, 4, 8, len(inputs)])[0]


def warm_up(device: torch.device, seconds: float = 30) -> None:
    """Keep the machine busy until it has come up to speed: the first passes of a process can take ten times as long."""
    network, inputs = frozen("resnet18", device), images(1, device)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        raw_gradient(network, inputs)


def cases(only: str, device: torch.device) -> Sequence[Callable[[], Case]]:
    """Every row, built only when its turn comes."""
    made: list[tuple[str, Callable[[], Case]]] = []
    for name in LAYERS:
        made += [(f"grad-cam {name} {count}", partial(grad_cam_case, name, count, device)) for count in (1, 16)]
    made += [(f"five {name}", partial(five_cams_case, name, device)) for name in ("resnet18", "resnet50")]
    made.append(("score-cam resnet18", partial(score_cam_case, "resnet18", device)))
    made.append(("ablation-cam resnet18", partial(ablation_cam_case, "resnet18", device)))
    for name in LAYERS:
        made.append((f"ig {name}", partial(integrated_gradients_case, name, device)))
        made.append((f"smoothgrad {name}", partial(smoothgrad_case, name, device)))
    for name in LAYERS:
        made += [(f"{method} {name}", partial(perturbation_case, method, name, device)) for method in PERTURBATIONS]
    made += [(f"lrp resnet18 {count}", partial(relevance_case, "resnet18", count, device)) for count in (1, 16)]
    return [make for key, make in made if only in key]


def report(case: Case, device: torch.device, rounds: int, apart: bool) -> list[str]:
    """Rows of the table for one case: a ratio and whether its bar holds."""
    with ExitStack() as open_processes:
        contenders: dict[str, Callable[[], float]] = {n: partial(timed, work) for n, work in case.here.items()}
        for peer in case.peers:
            if apart:
                contenders[peer] = open_processes.enter_context(Apart(peer, case.network, case.count, device))
            else:
                contenders[peer] = partial(timed, PEERS[peer](case.network, case.count, device))
        times = in_turn(contenders, rounds, at_least=SECONDS)
    rows = []
    for bar in case.bars:
        ours_over_theirs = times.ratio(bar.ours, bar.against)
        title = case.title if bar.ours == "vitrine" else f"{case.title}, {bar.ours}"
        ratio = ours_over_theirs if bar.at_most else 1 / ours_over_theirs
        words = f"{ratio:.2f} x {bar.against}" if bar.at_most else f"{ratio:.2f} x faster than {bar.against}"
        held = "ok" if bar.holds(ratio) else "MISSED"
        rows.append(f"| {title} | {times.median(bar.ours) * 1000:.0f} ms | {words} | {bar.describe()} | {held} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help='part of a case\'s name, such as "grad-cam resnet18 1"')
    parser.add_argument("--rounds", type=int, default=5, help="at least so many")
    parser.add_argument("--same-memory", action="store_true", help="run the other libraries in this process")
    parsed = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    device = ex.engine_for().device
    print(f"{machine()}; on {device.type}; medians of at least {parsed.rounds} interleaved rounds; the other libraries")
    print("in this process\n" if parsed.same_memory else "each in a process of its own\n")
    warm_up(device)
    print("| work | vitrine | ratio | bar | |\n|---|---|---|---|---|")
    for build in cases(parsed.only, device):
        for row in report(build(), device, parsed.rounds, not parsed.same_memory):
            print(row, flush=True)


if __name__ == "__main__":
    main()
