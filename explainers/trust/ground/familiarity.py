"""How familiar: whether the picture looks like anything that the model was made for.

Where reference pictures are known, their features tell (see `reference.py`). Where they are not, BatchNorms still hold the
means and variances of what they were trained on; that is enough to say that a picture is far off, and too little to say that
it is not."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from explainers.core.model import Model
from explainers.engine.run import Run
from explainers.trust.finding import percent
from explainers.trust.ground.module_inputs import Summary, channel_means, module_inputs
from explainers.trust.ground.reference import Reference
from explainers.trust.ground.result import GroundFinding

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)

OUTLANDISH = 1.2
"""How far off the norms' memory a picture must be, see `norm_deviations`, to be called unfamiliar without a reference.

Of their own world 98 % lie below 0.94 (`signs-cnn`), 0.93 (`signs-shortcut`), 0.83 (`signs-vit`) and 0.95 (a ResNet-20 of CIFAR-10
on 96 photographs), and all of them below 1.2."""

CLIP = 6.0  # of the logarithm, so that a channel that was dead in training does not outweigh all others
FEW_CHANNELS = 16  # below which norms say too little


def head_layer(run: Run, outputs: int) -> str | None:
    """The name of the last linear or convolutional layer that puts out as many channels as there are classes."""
    for layer in reversed(run.layers()):
        module = run.network.get_submodule(layer.name)
        size = getattr(module, "out_features", None) or getattr(module, "out_channels", None)
        if isinstance(module, nn.Linear | nn.Conv2d) and layer.calls == 1 and size == outputs:
            return layer.name
    return None


def remembering_norms(network: nn.Module) -> list[str]:
    """Names of the BatchNorms that hold statistics of their training.

    Fresh ones (mean 0, variance 1) hold none, nor do those that were folded into the convolutions before them.
    """
    names = []
    for name, module in network.named_modules():
        if isinstance(module, NORMS) and module.running_mean is not None and module.running_var is not None:
            mean, variance = module.running_mean.float(), module.running_var.float()
            blank = bool((mean.abs() < 1e-6).all()) and bool(((variance - 1).abs() < 1e-3).all())
            if not blank:
                names.append(name)
    return names


def _channels(norm: nn.Module) -> int:
    assert isinstance(norm.running_mean, Tensor)
    return norm.running_mean.numel()


def _moments(norm: nn.Module) -> Summary:
    """The mean over the channels (N,) of the squared logarithm of their second moment about what was their mean in training.

    Divided by their variance in training it is 1 on average over the pictures of the training, by the law of total variance.
    """
    mean, variance, eps = norm.running_mean, norm.running_var, norm.eps
    assert isinstance(mean, Tensor)
    assert isinstance(variance, Tensor)
    assert isinstance(eps, float)

    def summary(inputs: Tensor) -> Tensor:
        centred = inputs - mean.view(1, -1, *[1] * (inputs.ndim - 2))
        moment = centred.pow(2).flatten(2).mean(2) if inputs.ndim > 2 else centred.pow(2)
        ratio = moment / (variance + eps)
        return ratio.clamp_min(1e-12).log().clamp(-CLIP, CLIP).pow(2).mean(1)

    return summary


def norm_deviations(run: Run, inputs: Tensor, names: Sequence[str]) -> tuple[Tensor, pd.DataFrame]:
    """How far inputs (N, ...) are from what the BatchNorms remember: root mean square of log ratios over all of them, (N,).

    Returns:
        These, and a row per norm for the first input: norm, channels, deviation.
    """
    summaries = {name: _moments(run.network.get_submodule(name)) for name in names}
    _, seen = module_inputs(run, inputs, summaries)
    squares = torch.stack([seen[name] for name in names if name in seen], 1).double().cpu()
    known = [name for name in names if name in seen]
    table = pd.DataFrame(
        {
            "norm": known,
            "channels": [_channels(run.network.get_submodule(name)) for name in known],
            "deviation": squares[0].sqrt().tolist(),
        }
    )
    return squares.mean(1).sqrt(), table


def familiarity_by_reference(features: Tensor, reference: Reference) -> GroundFinding:
    """What the distance of the features (1, F) from the reference's says."""
    distance = float(reference.distance(features)[0])
    farther, good = reference.farther(distance), distance <= reference.far
    if good:
        sentence = (
            f"The picture looks like {reference.world}, which this model was made for: {percent(farther)} of them are farther from "
            "those of its training."
        )
    else:
        ratio = distance / float(reference.distances.quantile(0.5))
        sentence = (
            f"The picture does not look like {reference.world}, which this model was made for: it is {ratio:.1f} times as far from "
            "those of its training as they usually are."
        )
    table = pd.DataFrame(
        {
            "pictures": ["this picture", "half of the model's own world", f"{percent(0.98)} of it"],
            "distance": [distance, float(reference.distances.quantile(0.5)), reference.far],
        }
    )
    details = {"distance": distance, "limit": reference.far, "pictures known": len(reference.distances)}
    return GroundFinding("familiar", farther, good, sentence, table, details)


def familiarity_by_norms(run: Run, model: Model, inputs: Tensor) -> GroundFinding:
    """What the model's BatchNorms say of one input: at best that it is far off what they were trained on."""
    names = remembering_norms(run.network)
    unknown = "It is not known whether the picture looks like those that this model was trained on: "
    channels = sum(_channels(run.network.get_submodule(name)) for name in names)
    if channels < FEW_CHANNELS:
        return GroundFinding(
            "familiar", None, None, f"{unknown}{model.name} holds no trace of them that could be compared."
        )
    deviations, table = norm_deviations(run, inputs, names)
    deviation = float(deviations[0])
    details = {"deviation": deviation, "limit": OUTLANDISH, "norms": len(table)}
    if deviation > OUTLANDISH:
        sentence = (
            "The picture does not look like those that this model was trained on: inside the network its signals are far from "
            "what its normalisation layers remember."
        )
        return GroundFinding("familiar", None, False, sentence, table, details)
    sentence = f"{unknown}its normalisation layers see nothing outlandish, which they do not see in many strange pictures either."
    return GroundFinding("familiar", None, None, sentence, table, details)


def features_of(run: Run, inputs: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """Outputs (N, K), and the features (N, F) that go into `layer`, in the same pass."""
    outputs, seen = module_inputs(run, inputs, {layer: channel_means})
    return outputs, seen[layer]
