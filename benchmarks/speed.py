"""Speed as ratios: against other libraries on the same work, and against the floor.

The floor is the time of the passes alone: the same number of forward and backward passes through the same
network with frozen parameters, at the best batch size, with nothing computed from them. For CAMs the
backward pass of the floor stops at the layer, as ours does.

Everybody keeps the memory settings that importing `explainers` makes, which only helps the others.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torchvision
from captum.attr import IntegratedGradients, NoiseTunnel, Saliency
from pytorch_grad_cam import GradCAM as PeerGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchcam.methods import GradCAM as TorchCAM

import explainers as ex
from benchmarks.timing import Work, best_chunk, in_turn, machine

NETWORKS = {"resnet18": "layer4", "resnet50": "layer4", "mobilenet_v3_small": "features"}
GRADIENT_CAMS = ["grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam"]
STAGES = ["layer1", "layer2", "layer3", "layer4"]
CLASS = 7
STEPS, SAMPLES = 50, 25


@dataclass(frozen=True)
class Bar:
    """What a ratio must satisfy: at most `limit`, or at least it."""

    against: str
    limit: float
    at_most: bool

    def holds(self, ratio: float) -> bool:
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def describe(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.limit:g}"


@dataclass(frozen=True)
class Case:
    """One row: contenders called "vitrine", "floor" and the peers, and what must hold between them."""

    title: str
    contenders: dict[str, Work]
    bars: list[Bar]


def fresh(name: str, device: torch.device) -> nn.Module:
    """A network with fixed random weights, trainable as a user's would be."""
    torch.manual_seed(0)
    return getattr(torchvision.models, name)(weights=None).eval().to(device)


def frozen_copy(name: str, device: torch.device) -> nn.Module:
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


def grad_cam_case(name: str, layer: str, count: int, device: torch.device) -> Case:
    model = ex.wrap(fresh(name, device), name=name)
    bare, peer, other = frozen_copy(name, device), fresh(name, device), fresh(name, device)
    inputs = torch.randn(count, 3, 224, 224, device=device)
    pytorch_grad_cam = PeerGradCAM(peer, [peer.get_submodule(layer)])
    torchcam = TorchCAM(other, layer)
    targets = [ClassifierOutputTarget(CLASS)] * count

    def with_torchcam() -> None:
        outputs = other(inputs)
        torchcam(CLASS, outputs)

    sizes = sorted({1, 2, 4, 8, count} & set(range(1, count + 1)))
    chunk = best_chunk(lambda size: [raw_partial(bare, layer, part) for part in inputs.split(size)], sizes)

    def floor() -> None:
        for part in inputs.split(chunk):
            raw_partial(bare, layer, part)

    return Case(
        f"Grad-CAM, {name}, {count} image{'s' if count > 1 else ''}",
        {
            "vitrine": lambda: ex.explain(model, inputs, "grad-cam", CLASS, layer=layer),
            "floor": floor,
            "pytorch-grad-cam": lambda: pytorch_grad_cam(inputs, targets),
            "torchcam": with_torchcam,
        },
        [Bar("floor", 1.15, True), Bar("pytorch-grad-cam", 2.8, False), Bar("torchcam", 1.0, False)],
    )


def five_cams_case(name: str, count: int, device: torch.device) -> Case:
    model = ex.wrap(fresh(name, device), name=name)
    inputs = torch.randn(count, 3, 224, 224, device=device)
    return Case(
        f"five CAMs x four layers, {name}, {count} image{'s' if count > 1 else ''}",
        {
            "vitrine": lambda: ex.explain(model, inputs, GRADIENT_CAMS, CLASS, layer=STAGES),
            "one Grad-CAM": lambda: ex.explain(model, inputs, "grad-cam", CLASS, layer=STAGES[0]),
        },
        [Bar("one Grad-CAM", 1.3, True)],
    )


def path_case(
    title: str, name: str, device: torch.device, ours: Callable[..., Work], theirs: Callable[..., Work], passes: int
) -> Case:
    model = ex.wrap(fresh(name, device), name=name)
    bare, peer = frozen_copy(name, device), fresh(name, device)
    inputs = torch.randn(1, 3, 224, 224, device=device)
    rows = inputs.expand(passes, -1, -1, -1)
    sizes = [1, 2, 4, 8, 16, passes] if device.type == "cpu" else [8, 16, passes]

    def floor(size: int) -> None:
        for part in rows.split(size):
            raw_gradient(bare, part)

    chunk = best_chunk(floor, sizes)
    return Case(
        f"{title}, {name} (floor in chunks of {chunk})",
        {"vitrine": ours(model, inputs), "floor": lambda: floor(chunk), "captum": theirs(peer, inputs)},
        [Bar("floor", 1.15, True), Bar("captum", 1.7, False)],
    )


def integrated_gradients_case(name: str, device: torch.device) -> Case:
    return path_case(
        f"integrated gradients, {STEPS} steps",
        name,
        device,
        lambda model, inputs: lambda: ex.explain(model, inputs, "integrated-gradients", CLASS, steps=STEPS),
        lambda network, inputs: lambda: IntegratedGradients(network).attribute(inputs, target=CLASS, n_steps=STEPS),
        STEPS,
    )


def smoothgrad_case(name: str, device: torch.device) -> Case:
    def theirs(network: nn.Module, inputs: Tensor) -> Work:
        tunnel = NoiseTunnel(Saliency(network))
        return lambda: tunnel.attribute(
            inputs, nt_type="smoothgrad", nt_samples=SAMPLES, stdevs=0.5, target=CLASS, abs=False
        )

    return path_case(
        f"SmoothGrad, {SAMPLES} samples",
        name,
        device,
        lambda model, inputs: lambda: ex.explain(model, inputs, "smoothgrad", CLASS, samples=SAMPLES),
        theirs,
        SAMPLES,
    )


def warm_up(device: torch.device, seconds: float = 30) -> None:
    """Keep the machine busy until it has come up to speed: the first passes of a process can take ten times as long."""
    network, inputs = frozen_copy("resnet18", device), torch.randn(1, 3, 224, 224, device=device)
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        raw_gradient(network, inputs)


def cases(device: torch.device, only: str) -> Sequence[Callable[[], Case]]:
    """Every row, built only when its turn comes."""
    made: list[tuple[str, Callable[[], Case]]] = []
    for name, layer in NETWORKS.items():
        for count in (1, 16):
            made.append((f"grad-cam {name} {count}", lambda n=name, la=layer, c=count: grad_cam_case(n, la, c, device)))
    for name in ("resnet18", "resnet50"):
        made.append((f"five {name}", lambda n=name: five_cams_case(n, 1, device)))
    for name in NETWORKS:
        made.append((f"ig {name}", lambda n=name: integrated_gradients_case(n, device)))
        made.append((f"smoothgrad {name}", lambda n=name: smoothgrad_case(n, device)))
    return [make for key, make in made if only in key]


def report(case: Case, rounds: int) -> list[str]:
    """Rows of the table for one case: a ratio and whether its bar holds."""
    times = in_turn(case.contenders, rounds)
    rows = []
    for bar in case.bars:
        ours_over_theirs = times.ratio("vitrine", bar.against)
        ratio = ours_over_theirs if bar.at_most else 1 / ours_over_theirs
        words = f"{ratio:.2f} x {bar.against}" if bar.at_most else f"{ratio:.2f} x faster than {bar.against}"
        held = "ok" if bar.holds(ratio) else "MISSED"
        rows.append(f"| {case.title} | {times.median('vitrine') * 1000:.0f} ms | {words} | {bar.describe()} | {held} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help='part of a case\'s name, such as "grad-cam resnet18 1"')
    parser.add_argument("--rounds", type=int, default=7)
    parsed = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    device = ex.engine_for().device
    print(f"{machine()}; on {device.type}; medians of {parsed.rounds} interleaved rounds\n")
    warm_up(device)
    print("| work | vitrine | ratio | bar | |\n|---|---|---|---|---|")
    for build in cases(device, parsed.only):
        for row in report(build(), parsed.rounds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
