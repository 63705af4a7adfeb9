"""The registry: what is registered says what it is, and is offered where it fits."""

from __future__ import annotations

import pytest
from torch import nn

from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.registry import find_method, methods
from tests.support.models.networks import random_inputs


def test_unknown_methods_suggest_known_ones(model):
    with pytest.raises(VitrineError, match=r"There is no method 'grad-cma'; did you mean one of: .*grad-cam"):
        explain(model, random_inputs(1), "grad-cma")
    with pytest.raises(VitrineError, match="list of methods is empty"):
        explain(model, random_inputs(1), [])


@pytest.mark.parametrize("method", [m.name for m in methods()])
def test_every_method_says_what_it_is(method):
    declared = find_method(method)
    assert declared.name == method
    assert declared.title
    assert declared.citation
    assert declared.shows.endswith(".")
    assert declared.caveat.endswith(".")
    for name, field in declared.options.model_fields.items():
        assert field.description, f"{method} does not say what {name} is"
    declared.options()  # every option has a default


def test_the_registry_offers_what_a_model_can_do():
    vectors = Model("vectors", nn.Linear(4, 2), (4,))
    names = {m.name for m in methods(vectors)}
    assert "gradient" in names
    assert "grad-cam" not in names
