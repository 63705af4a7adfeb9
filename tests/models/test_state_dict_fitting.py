"""Weights into networks: all of them or none, and what differs is named."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from explainers.core.errors import VitrineError
from explainers.models import load_into, read_state_dict
from explainers.models.state_dict_fitting import load_state


class Block(nn.Module):
    """A block of the CIFAR ResNet (He et al. 2015, section 4.2), whose shortcut has no weights."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + shortcut)


class ResNet20(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


class CifarNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


def tiny() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_a_legacy_file_with_prefixes_loads_strictly(shared_fixtures):
    network = ResNet20().eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    load_into(network, shared_fixtures / "weights/cifar10/resnet20-12fca82f.th")
    changed = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])]
    assert len(changed) >= 19 * 4 + 2  # every convolution, normalisation and the last layer
    outputs = network(torch.rand(4, 3, 32, 32))
    assert outputs.isfinite().all()
    assert outputs.shape == (4, 10)
    stored = torch.load(shared_fixtures / "weights/cifar10/resnet20-12fca82f.th", map_location="cpu", weights_only=True)
    assert torch.equal(network.linear.weight, stored["state_dict"]["module.linear.weight"])


def test_a_plain_state_dict_loads_strictly(shared_fixtures):
    network = CifarNet()
    load_into(network, shared_fixtures / "weights/cifar10/captum_cifar_torchvision.pt")
    assert network(torch.rand(2, 3, 32, 32)).isfinite().all()


def test_a_lightning_checkpoint_loads_into_the_bare_network(shared_fixtures):
    network = nn.Linear(512, 10)
    load_into(network, shared_fixtures / "lightning/uvadl_LogisticRegression_10.ckpt")
    stored = read_state_dict(shared_fixtures / "lightning/uvadl_LogisticRegression_10.ckpt")
    assert torch.equal(network.weight, stored["model.weight"])


def test_wrapped_networks_of_pytorch_itself():
    network = tiny()
    averaged = torch.optim.swa_utils.AveragedModel(nn.DataParallel(tiny())).state_dict()
    load_state(network, averaged, "averaged")
    stored = averaged["module.module.0.weight"].cpu()  # DataParallel moves what it wraps to a GPU where there is one
    assert torch.equal(network[0].weight, stored)


def test_batch_counters_that_are_left_out_are_added():
    state = {name: tensor for name, tensor in tiny().state_dict().items() if "num_batches" not in name}
    network = tiny()
    load_state(network, state, "old")
    assert network[1].num_batches_tracked == 0


def test_a_mismatch_names_what_differs_and_changes_nothing(tmp_path):
    network = tiny()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in tiny().state_dict().items()}
    state["3.weight"] = torch.zeros(7, 4)
    del state["0.bias"]
    state |= {f"extra.{i}": torch.zeros(1) for i in range(6)}
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(VitrineError) as caught:
        load_into(network, tmp_path / "other.pt")
    assert str(caught.value) == (
        "other.pt does not fit Sequential: 1 missing (0.bias); "
        "6 unexpected (extra.0, extra.1, extra.2, extra.3, ...); "
        "1 wrongly shaped (3.weight (7, 4) instead of (2, 4))."
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_names_that_the_network_itself_renames_are_understood():
    def transformer() -> VisionTransformer:
        return VisionTransformer(32, 16, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=16, num_classes=3)

    new = transformer().state_dict()
    old = {
        name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): tensor
        for name, tensor in new.items()
    }
    assert old.keys() != new.keys()
    network = transformer()
    load_state(network, old, "old")
    assert all(torch.equal(tensor, new[name]) for name, tensor in network.state_dict().items())


def test_a_network_without_memory_gets_weights_of_its_own_dtype(tmp_path):
    save_file(
        {name: t.half() if t.is_floating_point() else t for name, t in tiny().state_dict().items()}, tmp_path / "h"
    )
    with torch.device("meta"):
        network = tiny()
    load_into(network, tmp_path / "h")
    assert network[0].weight.dtype == torch.float32
    assert network.eval()(torch.rand(1, 3, 3, 3)).isfinite().all()
    network[0].weight.requires_grad_(False).fill_(1.0)


def test_lazy_networks_take_the_shapes_of_the_file():
    network = nn.Sequential(nn.LazyLinear(2))
    load_state(network, nn.Sequential(nn.Linear(5, 2)).state_dict(), "file")
    assert network(torch.rand(1, 5)).shape == (1, 2)
