"""The other libraries at the same work, called as their own documentation does.

`python -m benchmarks.peers NAME NETWORK COUNT DEVICE` prepares one work, then does it once for every line on its standard input
and answers with the seconds it took. In such a process nothing of Vitrine is imported: it has the memory settings
that the other library's users have.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from types import TracebackType

import torch
import torchvision
from captum.attr import IntegratedGradients, KernelShap, Lime, NoiseTunnel, Occlusion, Saliency
from pytorch_grad_cam import AblationCAM, ScoreCAM
from pytorch_grad_cam import GradCAM as PeerGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchcam.methods import GradCAM as TorchCAM
from torchcam.methods import ScoreCAM as TorchScoreCAM
from zennit.attribution import Gradient
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from benchmarks.timing import Work, timed

LAYERS = {"resnet18": "layer4", "resnet50": "layer4", "mobilenet_v3_small": "features"}
CLASS = 7
STEPS, SAMPLES = 50, 25
PATCH, STRIDE = 32, 16
REGIONS, DRAWS = 49, 200


def fresh(name: str, device: torch.device) -> nn.Module:
    """A network with fixed random weights, as torchvision makes it."""
    torch.manual_seed(0)
    network: nn.Module = getattr(torchvision.models, name)(weights=None)
    return network.eval().to(device)


def images(count: int, device: torch.device) -> Tensor:
    return torch.randn(count, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)


def pytorch_grad_cam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    method = PeerGradCAM(network, [network.get_submodule(LAYERS[name])])
    targets = [ClassifierOutputTarget(CLASS)] * count
    return lambda: method(inputs, targets)


def pytorch_score_cam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    method = ScoreCAM(network, [network.get_submodule(LAYERS[name])])
    return lambda: method(inputs, [ClassifierOutputTarget(CLASS)] * count)


def pytorch_ablation_cam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    method = AblationCAM(network, [network.get_submodule(LAYERS[name])])
    return lambda: method(inputs, [ClassifierOutputTarget(CLASS)] * count)


def torchcam_score_cam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    method = TorchScoreCAM(network, LAYERS[name])

    def work() -> object:
        with torch.no_grad():
            return method(CLASS, network(inputs))

    return work


def torchcam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    method = TorchCAM(network, LAYERS[name])
    return lambda: method(CLASS, network(inputs))


def captum_integrated_gradients(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    return lambda: IntegratedGradients(network).attribute(inputs, target=CLASS, n_steps=STEPS)


def captum_smoothgrad(name: str, count: int, device: torch.device) -> Work:
    tunnel, inputs = NoiseTunnel(Saliency(fresh(name, device))), images(count, device)
    return lambda: tunnel.attribute(
        inputs, nt_type="smoothgrad", nt_samples=SAMPLES, stdevs=0.5, target=CLASS, abs=False
    )


def grid_of_regions(side: int, device: torch.device) -> Tensor:
    """Captum's feature mask (1, 1, 224, 224) of REGIONS squares."""
    lines = torch.arange(224, device=device) * side // 224
    return (lines[:, None] * side + lines)[None, None]


def captum_occlusion(name: str, count: int, device: torch.device) -> Work:
    method, inputs = Occlusion(fresh(name, device)), images(count, device)
    return lambda: method.attribute(inputs, (3, PATCH, PATCH), (3, STRIDE, STRIDE), baselines=0, target=CLASS)


def captum_lime(name: str, count: int, device: torch.device) -> Work:
    method, inputs, mask = Lime(fresh(name, device)), images(count, device), grid_of_regions(7, device)
    return lambda: method.attribute(inputs, baselines=0, target=CLASS, feature_mask=mask, n_samples=DRAWS)


def captum_kernel_shap(name: str, count: int, device: torch.device) -> Work:
    method, inputs, mask = KernelShap(fresh(name, device)), images(count, device), grid_of_regions(7, device)
    return lambda: method.attribute(inputs, baselines=0, target=CLASS, feature_mask=mask, n_samples=DRAWS)


def zennit_lrp(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    composite = EpsilonPlusFlat(canonizers=[ResNetCanonizer()])
    start = torch.eye(1000, device=device)[[CLASS] * count]

    def work() -> None:
        with Gradient(network, composite) as attributor:
            attributor(inputs, start)

    return work


PEERS: dict[str, Callable[[str, int, torch.device], Work]] = {
    "pytorch-grad-cam": pytorch_grad_cam,
    "pytorch-score-cam": pytorch_score_cam,
    "pytorch-ablation-cam": pytorch_ablation_cam,
    "torchcam": torchcam,
    "torchcam-score-cam": torchcam_score_cam,
    "captum-integrated-gradients": captum_integrated_gradients,
    "captum-smoothgrad": captum_smoothgrad,
    "captum-occlusion": captum_occlusion,
    "captum-lime": captum_lime,
    "captum-kernel-shap": captum_kernel_shap,
    "zennit": zennit_lrp,
}


class Apart:
    """A peer's work in a process of its own; call it for the seconds of one more time."""

    def __init__(self, peer: str, network: str, count: int, device: torch.device) -> None:
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers", peer, network, str(count), str(device)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("again\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def main() -> None:
    warnings.filterwarnings("ignore")
    work = PEERS[sys.argv[1]](sys.argv[2], int(sys.argv[3]), torch.device(sys.argv[4]))
    for _ in sys.stdin:
        print(timed(work), flush=True)


if __name__ == "__main__":
    main()
