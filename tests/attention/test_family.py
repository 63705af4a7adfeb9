"""What holds of all attention methods: what is read off, batches and chunks, one capture for all, and refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.attention._family import readout_weights
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from tests.support.attention_maps import TARGET, doubles
from tests.support.models.networks import assert_close, fixed_engine, random_inputs, small_model
from tests.support.models.transformers import swin, tiny_vit

METHODS = [m.name for m in ex.methods() if m.family == "attention"]


def readout_of(model: Model, target: int) -> Tensor:
    return readout_weights(Run(model, engine_for("cpu")).attention(doubles(), ClassTarget(target)))


def test_what_is_read_is_the_class_token_or_all_that_are_averaged() -> None:
    assert readout_of(tiny_vit(prefix=1), TARGET).tolist() == [1.0] + [0.0] * 24
    assert readout_of(tiny_vit(prefix=5), TARGET).tolist() == [1.0] + [0.0] * 28
    assert_close(readout_of(tiny_vit(prefix=0), TARGET), torch.full((24,), 1 / 24), 1e-7)


@pytest.mark.parametrize(("prefix", "expected"), [(1, [1.0] + [0.0] * 24), (0, [1 / 24] * 24)])
def test_an_untrained_head_of_zeros_reads_the_first_token_if_that_is_no_part_of_the_image(
    prefix: int, expected: list[float]
) -> None:
    model = tiny_vit(prefix=prefix)
    nn.init.zeros_(model.network.head.weight)
    assert_close(readout_of(model, 0), torch.tensor(expected), 1e-7)
    assert ex.explain(model, doubles(), "rollout", 0).values.any()
    assert not ex.explain(model, doubles(), "transformer-attribution", 0).values.any()


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_equals_its_inputs_one_by_one_in_any_chunk(method: str) -> None:
    model, inputs, classes = tiny_vit(), doubles(3), (0, 3, 1)
    together = ex.explain(model, inputs, method, ClassTarget(classes), engine=fixed_engine(2))
    for row, index in enumerate(classes):
        assert_close(together.values[row], ex.explain(model, inputs[row : row + 1], method, index).values[0], 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_no_target_is_the_top_class_of_each_input(method: str) -> None:
    model, inputs = tiny_vit(), doubles(6)
    with torch.no_grad():
        tops = tuple(model.network(inputs).argmax(1).tolist())
    assert len(set(tops)) > 1
    by_default, explicit = (ex.explain(model, inputs, method, target) for target in (None, ClassTarget(tops)))
    assert by_default.target == ClassTarget(tops)
    assert_close(by_default.values, explicit.values, 1e-6)
    assert (by_default.cost.forward, by_default.cost.backward) == (6, 6)


def test_methods_share_one_capture() -> None:
    names = ["rollout", "gradient-rollout", "transformer-attribution", "legrad"]
    attributions = ex.explain(tiny_vit(), doubles(2), names, 1)
    assert [(a.cost.forward, a.cost.backward) for a in attributions] == [(2, 2), (0, 0), (0, 0), (2, 2)]


@pytest.mark.parametrize("method", METHODS)
def test_offered_for_models_with_attention_alone(method: str) -> None:
    assert method in {m.name for m in ex.methods(tiny_vit())}
    assert method not in {m.name for m in ex.methods(small_model())}
    with pytest.raises(VitrineError, match="needs attention, which small-cnn does not have"):
        ex.explain(small_model(), random_inputs(1), method)


def test_swin_shows_one_layer_and_refuses_to_follow_its_windows_in_a_sentence() -> None:
    model = Model("swin", swin(), (3, 16, 20))
    inputs = random_inputs(2, (3, 16, 20))
    for block, grid in ((0, (8, 10)), (3, (4, 5))):
        values = ex.explain(model, inputs, "attention", 1, block=block).values
        assert values.shape == (2, *grid)
        assert values.min() > 0
    for method in ("rollout", "gradient-rollout", "transformer-attribution"):
        with pytest.raises(VitrineError, match="swin attends within windows"):
            ex.explain(model, inputs, method, 1)
    with pytest.raises(VitrineError, match="do not all put out tokens of one shape"):
        ex.explain(model, inputs, "legrad", 1)
