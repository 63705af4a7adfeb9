"""What holds of all methods of LRP on networks without attention: their laws, and what they leave behind."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget, ContrastTarget, RegressionTarget
from explainers.engine.run import Run
from explainers.relevance._family import COMPOSITES, canonized_network
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.slow_lrp import SHAPE, conv_net


def test_a_contrast_is_the_difference_of_two_maps_and_sums_up_to_the_difference_of_scores() -> None:
    model = Model("plain", conv_net(bias=False), SHAPE)
    inputs = random_inputs(2, SHAPE, dtype=torch.float64)
    contrast = explain(model, inputs, "lrp-epsilon-plus", ContrastTarget(0, (1, 2)))
    minuend = explain(model, inputs, "lrp-epsilon-plus", 0).values
    subtrahend = explain(model, inputs, "lrp-epsilon-plus", ClassTarget((1, 2))).values
    assert_close(contrast.values, minuend - subtrahend, 1e-6)
    assert_close(contrast.values.flatten(1).sum(1), contrast.score, 1e-4)


def test_vectors_and_regressions() -> None:
    model = ex.load_model("demo:diabetes-mlp")
    inputs = random_inputs(4, (10,))
    attribution = explain(model, inputs, "lrp-epsilon", RegressionTarget(0))
    assert attribution.values.shape == (4, 10)
    assert_close(attribution.values, explain(model, inputs, "input-x-gradient").values, 1e-4)
    assert "lrp-epsilon-gamma-box" not in {m.name for m in ex.methods(model)}


@pytest.mark.parametrize("method", COMPOSITES)
def test_neither_chunks_nor_the_other_inputs_change_a_map(model: Model, method: str) -> None:
    inputs = random_inputs(3)
    options = {"epsilon": 0.1} if "epsilon" in ex.find_method(method).options.model_fields else {}
    whole = explain(model, inputs, method, engine=fixed_engine(3), **options).values
    assert_close(explain(model, inputs, method, engine=fixed_engine(2), **options).values, whole, 1e-5)
    assert_close(explain(model, inputs[1:2], method, **options).values[0], whole[1], 1e-5)


def test_relevance_that_grows_beyond_all_numbers_is_a_sentence() -> None:
    """Where nothing speaks against, every layer multiplies by alpha."""
    layers = [nn.Linear(1, 1, bias=False) for _ in range(60)]
    for layer in layers:
        nn.init.ones_(layer.weight)
    model = Model("deep", nn.Sequential(*layers), (1,))
    with pytest.raises(VitrineError, match="grows beyond all numbers"):
        explain(model, torch.ones(1, 1), "lrp-alpha-beta", RegressionTarget(0), alpha=5.0)


def count_hooks(network: nn.Module) -> int:
    names = [name for name in vars(nn.Module()) if name.endswith("_hooks")]
    return sum(len(getattr(module, name)) for module in network.modules() for name in names)


def test_no_hooks_stay_in_the_copy_after_success_or_error(tripwire) -> None:
    model, engine = small_model(), fixed_engine(1)
    inputs = random_inputs(2)
    before = explain(model, inputs, "lrp-gamma", engine=engine).values
    canonized = canonized_network(Run(model, engine))
    weights = {name: tensor.clone() for name, tensor in canonized.state_dict().items()}
    assert count_hooks(canonized) == 0
    tripwire.left = 3  # two rows of scores, one of the copy
    with pytest.raises(RuntimeError, match="tripwire"):
        explain(model, inputs, "lrp-gamma", engine=engine)
    tripwire.left = None
    assert canonized_network(Run(model, engine)) is canonized
    assert count_hooks(canonized) == 0
    assert all(torch.equal(weights[name], tensor) for name, tensor in canonized.state_dict().items())
    assert torch.equal(explain(model, inputs, "lrp-gamma", engine=engine).values, before)


def test_changed_weights_make_a_new_copy() -> None:
    model = Model("plain", conv_net(), SHAPE)
    inputs = random_inputs(1, SHAPE, dtype=torch.float64)
    before = explain(model, inputs, "lrp-epsilon", 0).values
    with torch.no_grad():
        model.network[0].weight.mul_(-1)
    after = explain(model, inputs, "lrp-epsilon", 0).values
    assert (after - before).abs().max() > 0.1 * before.abs().max()
