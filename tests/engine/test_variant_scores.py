"""Many versions of one input: scores in chunks, layers replaced, targets inside the network, and what work will take."""

from __future__ import annotations

import pytest
import torch

import explainers as ex
from explainers.core.model import Model
from explainers.core.target import ChannelTarget, ClassTarget, TopTarget
from explainers.engine.engine import engine_for
from explainers.engine.run import Run
from explainers.engine.variant_scores import WORTH_FOLDING, variant_scores
from tests.support.models.networks import assert_close, fixed_engine, lively, random_inputs, small_model


def test_a_sweep_scores_every_version_in_order() -> None:
    model, input = small_model(), random_inputs(1)
    variants = random_inputs(11, seed=8)
    run = Run(model, fixed_engine(4))
    chunks = list(variant_scores(run, input, ClassTarget(2), 11, lambda rows: (variants[rows], rows)))
    assert [extra for extra, _ in chunks] == [slice(0, 4), slice(4, 8), slice(8, 11)]
    with torch.no_grad():
        assert_close(torch.cat([scores for _, scores in chunks]), model.network.eval()(variants)[:, 2], 1e-5)
    assert (run.cost.forward, run.cost.backward) == (11, 0)


def test_the_top_class_of_a_sweep_is_that_of_the_input() -> None:
    model, input = small_model(), random_inputs(1)
    variants = random_inputs(6, seed=8)
    top = int(Run(model, engine_for("cpu")).outputs(input).argmax())
    swept = [torch.cat([s for _, s in variant_scores(Run(model, engine_for("cpu")), input, target, 6, lambda n: (variants[n], n))])
             for target in (TopTarget(), ClassTarget(top))]  # fmt: skip
    assert torch.equal(*swept)


def test_a_channel_is_a_target_and_the_layers_above_do_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    monkeypatch.setattr(model.network.head, "forward", lambda _: pytest.fail("the head ran"))
    for target in (ChannelTarget("conv2", 3), ChannelTarget("conv2", 3, (2, 5))):
        attribution = ex.explain(model, inputs, "gradient", target)
        x = inputs.clone().requires_grad_()
        maps = model.network.conv2(torch.relu(model.network.norm1(model.network.conv1(x))))[:, 3]
        score = maps.mean((1, 2)) if not target.place else maps[:, 2, 5]
        (expected,) = torch.autograd.grad(score.sum(), x)
        assert_close(attribution.score, score, 1e-6)
        assert_close(attribution.values, expected, 1e-6)


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


@pytest.mark.parametrize("count", [WORTH_FOLDING - 1, WORTH_FOLDING])
def test_long_sweeps_use_folded_norms_and_score_the_same(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, input = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    model.network.train()
    variants = random_inputs(count, seed=8, dtype=torch.float64)
    norms = []
    forward = torch.nn.BatchNorm2d.forward
    monkeypatch.setattr(torch.nn.BatchNorm2d, "forward", lambda *given: (norms.append(1), forward(*given))[1])
    run = Run(model, fixed_engine(16))
    scores = torch.cat(
        [scores for _, scores in variant_scores(run, input, ClassTarget(2), count, lambda n: (variants[n], n))]
    )
    assert len(norms) == (2 if count >= WORTH_FOLDING else 2 * 4)  # the one pass that the copy is compared with
    assert model.network.training
    assert model.network.norm1.training
    assert_close(scores, model.network.eval()(variants)[:, 2], 1e-10)


def test_a_copy_that_answers_otherwise_is_not_used() -> None:
    """Tracing goes past a hook of the user's on a module that holds others, so the copy lacks it."""
    network = torch.nn.Sequential(
        torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    ).double()
    network[0].register_forward_hook(lambda module, inputs, output: output.square())
    model = Model("hooked", lively(network, (3, 16, 16)), (3, 16, 16))
    variants = random_inputs(80, seed=8, dtype=torch.float64)
    swept = variant_scores(Run(model, fixed_engine(16)), variants[:1], ClassTarget(1), 80, lambda n: (variants[n], n))
    assert_close(torch.cat([scores for _, scores in swept]), model.network(variants)[:, 1], 1e-10)
