"""Fingerprints: equal contents have equal ones, and every change shows."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from explainers.core.fingerprint import fingerprint_network, fingerprint_tensor
from tests.support.models.networks import small_cnn


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_equal_copies_have_equal_fingerprints_and_one_bit_changes_it(dtype):
    network = small_cnn().to(dtype)
    copy = deepcopy(network)
    before = fingerprint_network(network)
    assert fingerprint_network(copy) == before
    assert len(before) == 16
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[copy.head.weight.element_size()]
    copy.head.weight.data.view(integers)[2, 3] ^= 1
    assert fingerprint_network(copy) != before
    copy.head.weight.data.view(integers)[2, 3] ^= 1
    assert fingerprint_network(copy) == before


def test_a_buffer_a_name_a_dtype_and_a_class_count_too():
    network = small_cnn()
    before = fingerprint_network(network)
    prints = {before}
    moved = deepcopy(network)
    moved.norm1.running_mean[0] += 1
    prints.add(fingerprint_network(moved))
    prints.add(fingerprint_network(deepcopy(network).double()))
    prints.add(fingerprint_network(nn.Sequential(network)))
    renamed = deepcopy(network)
    renamed.other = renamed.conv3
    del renamed.conv3
    prints.add(fingerprint_network(renamed))
    assert len(prints) == 5


def test_evaluation_mode_and_gradients_do_not_count():
    network = small_cnn()
    before = fingerprint_network(network)
    network.train().requires_grad_(False)
    assert fingerprint_network(network) == before


def test_the_order_of_equal_numbers_in_another_shape_counts():
    x = torch.arange(6.0)
    assert fingerprint_tensor(x) != fingerprint_tensor(x.view(2, 3))
    assert fingerprint_tensor(x.view(2, 3)) == fingerprint_tensor(x.view(2, 3).clone())
    assert fingerprint_tensor(x.view(2, 3).T) == fingerprint_tensor(x.view(2, 3).T.contiguous())
    assert fingerprint_tensor(x) != fingerprint_tensor(x.double())
    assert len(fingerprint_tensor(torch.zeros(0, 3))) == 16
