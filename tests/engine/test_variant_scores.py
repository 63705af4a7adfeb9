"""Many versions of one input: scores in chunks, layers replaced, targets inside the network, and what work will take."""

from __future__ import annotations

import pytest
import torch
import torchvision

import explainers as ex
from explainers.core.cost import Cost
from explainers.core.estimate import Estimate, reliability
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget, TopTarget
from explainers.engine.cost_prediction import predict_seconds
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.engine.variant_gradients import scores_with_layer_replaced
from explainers.engine.variant_scores import WORTH_FOLDING, variant_scores
from tests.support.networks import assert_close, fixed_engine, lively, random_inputs, small_model


def test_a_sweep_scores_every_version_in_order() -> None:
    model, one = small_model(), random_inputs(1)
    versions = random_inputs(11, seed=8)
    run = Run(model, fixed_engine(4))
    found = list(variant_scores(run, one, ClassTarget(2), 11, lambda numbers: (versions[numbers], numbers)))
    assert [kept for kept, _ in found] == [slice(0, 4), slice(4, 8), slice(8, 11)]
    with torch.no_grad():
        assert_close(torch.cat([scores for _, scores in found]), model.network.eval()(versions)[:, 2], 1e-5)
    assert (run.cost.forward, run.cost.backward) == (11, 0)


def test_the_top_class_of_a_sweep_is_that_of_the_input() -> None:
    model, one = small_model(), random_inputs(1)
    versions = random_inputs(6, seed=8)
    top = int(Run(model, engine_for("cpu")).outputs(one).argmax())
    swept = [torch.cat([s for _, s in variant_scores(Run(model, engine_for("cpu")), one, target, 6, lambda n: (versions[n], n))])
             for target in (TopTarget(), ClassTarget(top))]  # fmt: skip
    assert torch.equal(*swept)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v3_small"])
def test_a_replaced_output_is_what_a_hook_makes_of_it(name: str) -> None:
    """Also where rows that have parted meet the single one again: in a sum (ResNet) or side by side (DenseNet)."""
    layer = {
        "resnet18": "layer2.0.conv1",
        "densenet121": "features.denseblock2.denselayer3",
        "mobilenet_v3_small": "features.4",
    }[name]
    network = lively(torchvision.models.get_model(name, weights=None).double(), (3, 64, 64))
    model = Model(name, network, (3, 64, 64))
    one = random_inputs(1, (3, 64, 64), dtype=torch.float64)

    def without(output: torch.Tensor, numbers: slice) -> torch.Tensor:
        rows = output.expand(numbers.stop - numbers.start, -1, -1, -1).clone()
        for row, channel in enumerate(range(numbers.start, numbers.stop)):
            rows[row, channel] = 0
        return rows

    found = torch.cat(
        [s for _, s in scores_with_layer_replaced(Run(model, fixed_engine(3)), one, layer, ClassTarget(4), 7, without)]
    )
    expected = []
    for channel in range(7):

        def zero(_module, _inputs, output, channel=channel):  # type: ignore[no-untyped-def]
            output = output.clone()
            output[:, channel] = 0
            return output

        handle = network.get_submodule(layer).register_forward_hook(zero)
        with torch.no_grad():
            expected.append(network(one)[0, 4])
        handle.remove()
    assert_close(found, torch.stack(expected), 1e-9)


def test_a_channel_is_a_target_and_the_layers_above_do_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    monkeypatch.setattr(model.network.head, "forward", lambda _: pytest.fail("the head ran"))
    for target in (ChannelTarget("conv2", 3), ChannelTarget("conv2", 3, (2, 5))):
        found = ex.explain(model, inputs, "gradient", target)
        x = inputs.clone().requires_grad_()
        maps = model.network.conv2(torch.relu(model.network.norm1(model.network.conv1(x))))[:, 3]
        score = maps.mean((1, 2)) if not target.place else maps[:, 2, 5]
        (expected,) = torch.autograd.grad(score.sum(), x)
        assert_close(found.score, score, 1e-6)
        assert_close(found.values, expected, 1e-6)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (ChannelTarget("conv9", 0), "no layer 'conv9'"),
        (ChannelTarget("conv2", 8), "no channel 8"),
        (ChannelTarget("conv2", 0, (99, 0)), "lies outside"),
        (ChannelTarget("conv2", 0, (1,)), "has 2 numbers"),
    ],
)
def test_a_channel_that_does_not_exist_is_refused_in_a_sentence(target: ChannelTarget, words: str) -> None:
    with pytest.raises(ex.VitrineError, match=words):
        ex.explain(small_model(), random_inputs(1), "gradient", target)


def test_reliability_is_the_correlation_of_two_independent_maps() -> None:
    truth = random_inputs(1, (200, 200), dtype=torch.float64)[0] * 2
    one, other = (truth + random_inputs(1, (200, 200), seed=s, dtype=torch.float64)[0] * 1.5 for s in (5, 6))
    error = torch.full_like(truth, 1.5)
    correlation = float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])
    assert reliability(one, error) == pytest.approx(correlation, abs=0.01)
    assert reliability(torch.ones(4), torch.ones(4)) == 0
    assert Estimate(one, 1.0).reliability is None


def test_what_work_will_take_follows_its_passes() -> None:
    model, inputs = small_model(), random_inputs(1)
    run = Run(model, engine_for("cpu"))
    few, many = predict_seconds(run, inputs, Cost(100, 0)), predict_seconds(run, inputs, Cost(1000, 0))
    assert 0 < few < many
    assert many == pytest.approx(10 * few, rel=0.01)
    assert predict_seconds(run, inputs, Cost(1000, 1000)) > 0


def test_an_estimate_names_the_passes_that_are_then_made() -> None:
    model, inputs = small_model(), random_inputs(1)
    price = ex.estimate(model, inputs, "integrated-gradients", steps=20)
    spent = ex.explain(model, inputs, "integrated-gradients", steps=20).cost
    assert (price.forward, price.backward) == (spent.forward, spent.backward)
    assert price.seconds > 0


@pytest.mark.parametrize(("method", "shared"), [("layer-conductance", 0), ("layer-cam", 2)])
def test_an_estimate_of_several_layers_knows_which_methods_share_a_look(method: str, shared: int) -> None:
    model, inputs, layers = small_model(), random_inputs(1), ["conv1", "norm1", "conv2"]
    price = ex.estimate(model, inputs, method, layer=layers)
    spent = [found.cost for found in ex.explain(model, inputs, method, 1, layer=layers)]
    alone = ex.estimate(model, inputs, method, layer="conv1")
    assert price.backward == sum(cost.backward for cost in spent) == (3 - shared) * alone.backward
    assert 0 <= price.forward - sum(cost.forward for cost in spent) <= 3  # the input's own score is asked for once


@pytest.mark.parametrize("count", [WORTH_FOLDING - 1, WORTH_FOLDING])
def test_long_sweeps_use_folded_norms_and_score_the_same(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, one = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    model.network.train()
    versions = random_inputs(count, seed=8, dtype=torch.float64)
    norms = []
    forward = torch.nn.BatchNorm2d.forward
    monkeypatch.setattr(torch.nn.BatchNorm2d, "forward", lambda *given: (norms.append(1), forward(*given))[1])
    run = Run(model, fixed_engine(16))
    found = torch.cat(
        [scores for _, scores in variant_scores(run, one, ClassTarget(2), count, lambda n: (versions[n], n))]
    )
    assert len(norms) == (2 if count >= WORTH_FOLDING else 2 * 4)  # the one pass that the copy is compared with
    assert model.network.training
    assert model.network.norm1.training
    assert_close(found, model.network.eval()(versions)[:, 2], 1e-10)


def test_a_copy_that_answers_otherwise_is_not_used() -> None:
    """Tracing goes past a hook of the user's on a module that holds others, so the copy lacks it."""
    network = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    ).double()
    network[0].register_forward_hook(lambda module, inputs, output: output.square())
    model = Model("hooked", lively(network, (3, 16, 16)), (3, 16, 16))
    versions = random_inputs(80, seed=8, dtype=torch.float64)
    swept = variant_scores(Run(model, fixed_engine(16)), versions[:1], ClassTarget(1), 80, lambda n: (versions[n], n))
    assert_close(torch.cat([scores for _, scores in swept]), model.network(versions)[:, 1], 1e-10)
