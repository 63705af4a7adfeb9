"""Networks and functions of your own, compiled ones too."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.preprocess import Preprocess
from explainers.demo.scenes import draw_scene
from explainers.models import wrap
from tests.support.models.networks import assert_close, random_inputs, small_cnn, small_model
from tests.support.models.transformers import DEPTH, tiny_vit


def test_wrap_leaves_the_network_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    network.train()
    model = wrap(network)
    assert model.network is network
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert (model.name, model.labels, model.input_shape) == ("Sequential", None, (3, 224, 224))
    with pytest.raises(VitrineError, match="no preprocessing"):
        model.inputs(draw_scene(0).image)


def test_wrap_takes_all_it_is_given(tmp_path):
    (tmp_path / "names.txt").write_text("yes\nno\n")
    preprocess = Preprocess(crop=(32, 48), channels="L", mean=(0.5,), std=(0.5,))
    model = wrap(nn.Linear(3, 2), tmp_path / "names.txt", preprocess, name="mine")
    assert (model.name, model.labels, model.input_shape) == ("mine", ("yes", "no"), (1, 32, 48))
    vector = wrap(nn.Linear(3, 1), input_shape=(3,), task="regression")
    assert (vector.task, vector.input_shape) == ("regression", (3,))


def compiled_whole(network: nn.Module) -> nn.Module:
    return torch.compile(network, backend="eager")


def compiled_blocks(network: nn.Module) -> nn.Module:
    for number in range(DEPTH):
        network.blocks[number] = torch.compile(network.blocks[number], backend="eager")
    return network


def compiled_in_place(network: nn.Module) -> nn.Module:
    network.compile(backend="eager")
    return network


@pytest.mark.parametrize("compiled", [compiled_whole, compiled_blocks, compiled_in_place])
def test_a_compiled_network_is_explained_as_if_it_were_not_and_stays_compiled(compiled):
    plain, network = tiny_vit(), compiled(tiny_vit().network)
    modules = [*network.named_modules()]
    call = network._compiled_call_impl
    model = wrap(network, input_shape=plain.input_shape)
    assert (model.name, model.fingerprint) == ("TinyViT", plain.fingerprint)
    inputs = random_inputs(2, plain.input_shape, dtype=torch.float64)
    for method in ("attn-lrp", "cp-lrp", "grad-cam", "rollout"):
        assert_close(explain(model, inputs, method, 1).values, explain(plain, inputs, method, 1).values, 1e-12)
    assert [*network.named_modules()] == modules
    assert network._compiled_call_impl is call
    with torch.no_grad():
        model.network.head.weight.zero_()
    assert not network.head.weight.any()


def test_what_is_compiled_after_it_was_wrapped_is_wrapped_anew_for_relevance_through_attention():
    plain = tiny_vit()
    model = wrap(plain.network, input_shape=plain.input_shape)
    compiled_blocks(plain.network)
    with pytest.raises(VitrineError, match="Part of TinyViT is compiled"):
        explain(model, random_inputs(1, plain.input_shape, dtype=torch.float64), "attn-lrp", 1)


def test_parts_of_a_convolutional_network_may_be_compiled():
    inputs = random_inputs(1)
    plain, network = small_model(), small_cnn()
    network.conv2 = torch.compile(network.conv2, backend="eager")
    network.conv3.compile(backend="eager")
    model = wrap(network, input_shape=plain.input_shape)
    for method in ("lrp-epsilon-plus", "guided-backprop"):
        assert_close(explain(model, inputs, method, 1).values, explain(plain, inputs, method, 1).values, 1e-6)


def test_wrap_says_what_contradicts():
    with pytest.raises(VitrineError, match=r"makes inputs of shape \(3, 32, 32\), but input_shape says \(3, 64, 64\)"):
        wrap(nn.Linear(1, 1), preprocess=Preprocess(crop=(32, 32)), input_shape=(3, 64, 64))
    with pytest.raises(VitrineError, match=r"takes a torch\.nn\.Module or a function, not int"):
        wrap(3)
