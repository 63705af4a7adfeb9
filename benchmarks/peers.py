"""The other libraries at the same work, called as their own documentation does.

`python -m benchmarks.peers NAME NETWORK COUNT DEVICE` serves one work in a process of its own, see `benchmarks/apart.py`.
In such a process nothing of Vitrine is imported: it has the memory settings that the other library's users have.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, KernelShap, Lime, NoiseTunnel, Occlusion, Saliency
from pytorch_grad_cam import AblationCAM, ScoreCAM
from pytorch_grad_cam import GradCAM as PeerGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.reshape_transforms import vit_reshape_transform
from torchcam.methods import GradCAM as TorchCAM
from torchcam.methods import ScoreCAM as TorchScoreCAM
from zennit.attribution import Gradient
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer

from benchmarks.apart import serve
from benchmarks.setting import CLASS, LAYERS, REFERENCES, SIZES, VIT, fresh, grid_of_regions, images
from benchmarks.timing import Work

PREDICTED_AT_ONCE = 32  # rows; the default of Keras, with which shap's example is written


def pytorch_grad_cam(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    # Its documentation gives a transformer the norm before the last attention, and this for its tokens.
    reshape = vit_reshape_transform if name == VIT else None
    method = PeerGradCAM(network, [network.get_submodule(LAYERS[name])], reshape)
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
    return lambda: IntegratedGradients(network).attribute(inputs, target=CLASS, n_steps=SIZES[name].steps)


def captum_smoothgrad(name: str, count: int, device: torch.device) -> Work:
    tunnel, inputs = NoiseTunnel(Saliency(fresh(name, device))), images(count, device)
    return lambda: tunnel.attribute(
        inputs, nt_type="smoothgrad", nt_samples=SIZES[name].samples, stdevs=0.5, target=CLASS, abs=False
    )


def captum_occlusion(name: str, count: int, device: torch.device) -> Work:
    method, inputs, size = Occlusion(fresh(name, device)), images(count, device), SIZES[name]
    window, step = (3, size.patch, size.patch), (3, size.stride, size.stride)
    return lambda: method.attribute(inputs, window, step, baselines=0, target=CLASS)


def captum_lime(name: str, count: int, device: torch.device) -> Work:
    method, inputs, size = Lime(fresh(name, device)), images(count, device), SIZES[name]
    mask = grid_of_regions(size.side, device)[None, None]
    return lambda: method.attribute(inputs, baselines=0, target=CLASS, feature_mask=mask, n_samples=size.draws)


def captum_kernel_shap(name: str, count: int, device: torch.device) -> Work:
    method, inputs, size = KernelShap(fresh(name, device)), images(count, device), SIZES[name]
    mask = grid_of_regions(size.side, device)[None, None]
    return lambda: method.attribute(inputs, baselines=0, target=CLASS, feature_mask=mask, n_samples=size.draws)


def lime_image(name: str, count: int, device: torch.device) -> Work:
    """The batches of 10 and the ridge regression are its defaults; the picture goes in and out as its tutorial has it."""
    from lime.lime_image import LimeImageExplainer

    network, size = fresh(name, device), SIZES[name]
    picture = images(1, device)[0].permute(1, 2, 0).cpu().numpy()
    segments = grid_of_regions(size.side, device).cpu().numpy()
    explainer = LimeImageExplainer(random_state=0)

    def probabilities(pictures: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            rows = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().to(device)
            class_probabilities: np.ndarray = network(rows).softmax(1).cpu().numpy()
            return class_probabilities

    return lambda: explainer.explain_instance(
        picture,
        probabilities,
        labels=(CLASS,),
        hide_color=0,
        top_labels=None,
        num_samples=size.draws,
        segmentation_fn=lambda _: segments,
    )


def shap_kernel(name: str, count: int, device: torch.device) -> Work:
    """As in its example of a picture cut into regions: one row of ones, and a background of one row of zeros.

    It asks for the scores of all rows at once; they go through the network in the batches in which the example's
    `predict` takes them.
    """
    import shap  # numba comes with it, which no other library's process should have

    network, picture, size = fresh(name, device), images(1, device), SIZES[name]
    regions = grid_of_regions(size.side, device)

    def scores(shown: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = torch.from_numpy(shown).float().to(device).split(PREDICTED_AT_ONCE)
            parts_scores = [network(picture * part[:, regions].unsqueeze(1))[:, CLASS] for part in parts]
            together: np.ndarray = torch.cat(parts_scores).cpu().numpy()
            return together

    explainer = shap.KernelExplainer(scores, np.zeros((1, size.side**2)))
    return lambda: explainer.shap_values(np.ones((1, size.side**2)), nsamples=size.draws, silent=True)


def shap_gradient(name: str, count: int, device: torch.device) -> Work:
    """Its expected gradients, of one class as ours are: by default it explains all thousand."""
    import shap

    inputs, background = images(count, device), images(REFERENCES + 1, device)[1:]
    explainer = shap.GradientExplainer(fresh(name, device), background)
    return lambda: explainer.shap_values(inputs, nsamples=SIZES[name].steps, ranked_outputs=1)


def zennit_lrp(name: str, count: int, device: torch.device) -> Work:
    network, inputs = fresh(name, device), images(count, device)
    composite = EpsilonPlusFlat(canonizers=[ResNetCanonizer()])
    start = torch.eye(1000, device=device)[[CLASS] * count]

    def work() -> None:
        with Gradient(network, composite) as attributor:
            attributor(inputs, start)

    return work


def quantus_flipping(name: str, count: int, device: torch.device) -> Work:
    """Its Pixel-Flipping, with the mean where a picture is covered.

    It has no insertion, but covering the weakest pixels first makes the same pictures as insertion does, in reverse.
    A value of every channel is a feature to it, and the features of a step must divide the pixels: so it makes 48 steps
    of the 50.
    """
    import quantus  # matplotlib and pandas come with it, which no other library's process should have

    network, size = fresh(name, device), SIZES[name]
    picture, heat = images(1, device).cpu().numpy(), images(2, device)[1:, :1].cpu().numpy()
    metric = quantus.PixelFlipping(
        features_in_step=heat.size // (size.steps // 3), perturb_baseline="mean", disable_warnings=True
    )
    classes = np.array([CLASS])

    def work() -> None:
        for order in (heat, -heat):
            metric(network, picture, classes, order, softmax=True, device=str(device))

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
    "lime": lime_image,
    "shap": shap_kernel,
    "shap-gradients": shap_gradient,
    "zennit": zennit_lrp,
    "quantus": quantus_flipping,
}


def peer(name: str, network: str, count: int, device: torch.device) -> Work:
    return PEERS[name](network, count, device)


if __name__ == "__main__":
    serve(peer)
