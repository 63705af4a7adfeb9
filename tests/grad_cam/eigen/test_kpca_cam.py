"""KPCA-CAM."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import KernelPCA

from explainers.api import explain
from tests.support.models.networks import assert_close, random_inputs, small_model


@pytest.mark.parametrize(("kernel", "theirs"), [("sigmoid", "sigmoid"), ("rbf", "rbf"), ("polynomial", "poly")])
def test_it_is_kernel_pca_over_the_places(kernel, theirs):
    """As scikit-learn has it, up to the sign, which agrees with the mean activation."""
    model, inputs = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    network = model.network
    activations = network.norm1(network.conv1(inputs)).detach()
    result = explain(model, inputs, "kpca-cam", layer="norm1", kernel=kernel).values
    positions = activations[0].flatten(1).T
    centred = positions - positions.mean(0)
    expected = torch.from_numpy(KernelPCA(1, kernel=theirs).fit_transform(centred.numpy())[:, 0])
    expected = expected * (expected * centred.sum(1)).sum().sign()
    assert_close(result, expected.view(1, 16, 16), 1e-6)
