"""The networks that peers are compared on, made once."""

from __future__ import annotations

import pytest
from torch import nn

from explainers.core.model import Model
from tests.support.models.peers import NAMES, SHAPE, network, twin


@pytest.fixture(scope="session", params=NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[Model, nn.Module]:
    """A model, and the hand-made twin of its network that other libraries are given."""
    original = network(request.param)
    return Model(request.param, original, SHAPE), twin(request.param, original)
