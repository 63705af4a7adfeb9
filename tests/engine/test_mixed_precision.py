"""Scores in half the bits: used where they are faster and agree, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.core.model import Model
from explainers.core.target import ClassTarget
from explainers.engine.chunk_sizes import ChunkSizes
from explainers.engine.mixed_precision import TRIED, WORTH_TRYING, Precision, scores_agree
from explainers.engine.run import Run
from explainers.engine.variant_scores import variant_scores
from explainers.graph import conv_fusion as fusion
from tests.support.models.networks import assert_close, fixed_engine, lively, random_inputs, small_model

COUNT = 2 * WORTH_TRYING
FASTER, SLOWER = 0.5, 2.0


@pytest.fixture
def half_takes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What half the bits take of the time of float32; on tiny networks and strange machines it may be anything."""
    monkeypatch.setattr(ChunkSizes, "pace", lambda _, key: request.param if "half" in str(key) else 1.0)
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # oneDNN refuses bfloat16 here, PyTorch itself does not
        monkeypatch.setattr(fusion, "can_fuse", lambda _: False)


def swept(model: Model, variants: Tensor, precision: Precision) -> tuple[Tensor, Run]:
    run = Run(
        model, fixed_engine(TRIED)
    )  # so that chunks begin at the same rows, however many of them are tried in half the bits
    chunks = variant_scores(
        run, variants[:1], ClassTarget(2), len(variants), lambda rows: (variants[rows], rows), precision
    )
    return torch.cat([scores for _, scores in chunks]), run


@pytest.mark.parametrize("half_takes", [FASTER], indirect=True)
def test_half_the_bits_are_used_after_the_first_versions_and_are_counted(half_takes: None) -> None:
    model, variants = small_model(), random_inputs(COUNT, seed=8)
    exact, run = swept(model, variants, Precision.FLOAT32)
    assert run.cost.half == 0
    mixed, run = swept(model, variants, Precision.MIXED)
    assert (run.cost.forward, run.cost.half) == (COUNT + TRIED, COUNT)
    assert torch.equal(mixed[:TRIED], exact[:TRIED])
    in_half = run.cache.half_precision_copy()
    assert in_half is not None
    with torch.no_grad():
        expected = in_half(variants[TRIED:].bfloat16())[:, 2].float()
    # Kernels for other numbers of rows may round otherwise, by an eighth of a thousandth part of bfloat16's 8 bits.
    assert float((mixed[TRIED:] - expected).abs().max()) <= 2**-7 * float(exact.abs().max())
    assert scores_agree(mixed, exact)
    assert not torch.equal(mixed, exact)
    assert next(model.network.parameters()).dtype == torch.float32


@pytest.mark.parametrize("half_takes", [SLOWER], indirect=True)
def test_what_is_not_faster_is_not_used(half_takes: None) -> None:
    model, variants = small_model(), random_inputs(COUNT, seed=8)
    mixed, run = swept(model, variants, Precision.MIXED)
    assert torch.equal(mixed, swept(model, variants, Precision.FLOAT32)[0])
    assert (run.cost.forward, run.cost.half) == (COUNT + TRIED, TRIED)


@pytest.mark.parametrize("half_takes", [FASTER], indirect=True)
def test_scores_that_half_the_bits_cannot_tell_apart_stay_in_float32(half_takes: None) -> None:
    """Versions that differ by a ten-thousandth: bfloat16 has two to three digits."""
    model, input = small_model(), random_inputs(1)
    variants = input + 1e-4 * random_inputs(COUNT, seed=8)
    mixed, run = swept(model, variants, Precision.MIXED)
    assert torch.equal(mixed, swept(model, variants, Precision.FLOAT32)[0])
    assert run.cost.half == TRIED


class WithItsOwnTable(nn.Module):
    """Adds a table that it makes in 32 bits, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs + torch.arange(4, dtype=torch.float32))


@pytest.mark.parametrize("half_takes", [FASTER], indirect=True)
def test_a_network_that_insists_on_32_bits_gets_them(half_takes: None) -> None:
    model = Model("table", lively(WithItsOwnTable(), (4,)), (4,))
    variants = random_inputs(COUNT, (4,))
    mixed, run = swept(model, variants, Precision.MIXED)
    assert torch.equal(mixed, swept(model, variants, Precision.FLOAT32)[0])
    assert run.cost.half == 0


def test_a_function_is_left_alone() -> None:
    model = ex.wrap(lambda inputs: inputs.sum(1, keepdim=True) * torch.arange(3), input_shape=(4,))
    given = {"samples": 200, "fill": "zero"}
    mixed = ex.explain(model, random_inputs(1, (4,)), "kernel-shap", 1, precision="mixed", **given)
    assert torch.equal(mixed.values, ex.explain(model, random_inputs(1, (4,)), "kernel-shap", 1, **given).values)
    assert mixed.cost.half == 0


@pytest.mark.parametrize("half_takes", [FASTER], indirect=True)
def test_a_map_keeps_its_ranking_and_its_price_is_named_before(half_takes: None) -> None:
    model, image = ex.load_model("demo:signs-cnn"), ex.samples()[0].load()
    exact = ex.explain(model, image, "rise", samples=300)
    mixed = ex.explain(model, image, "rise", samples=300, precision="mixed")
    assert mixed.cost.half == 300
    assert ex.estimate(model, image, "rise", samples=300, precision="mixed").forward == mixed.cost.forward
    ranks = torch.stack([a.values.flatten().argsort().argsort() for a in (exact, mixed)]).double()
    assert float(torch.corrcoef(ranks)[0, 1]) > 0.99


def test_constant_and_broken_scores_do_not_agree() -> None:
    some = torch.tensor([1.0, 2.0, 4.0])
    assert scores_agree(some, 2 * some + 1)
    assert not scores_agree(some, torch.ones(3))
    assert not scores_agree(some, torch.tensor([1.0, 2.0, torch.nan]))
    assert not scores_agree(some, torch.tensor([1.0, 2.0, torch.inf]))
    assert not scores_agree(some, some.flip(0))


class Branching(nn.Module):
    """Cannot be traced, and drops half of its numbers while it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.dropout = nn.Conv2d(3, 4, 3), nn.Dropout(0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        maps = self.conv(inputs) if inputs.sum() > -1e9 else inputs
        return self.dropout(maps.relu()).mean((2, 3))


def test_half_the_bits_of_a_network_that_trains_are_those_of_one_that_evaluates() -> None:
    network, inputs = Branching().train(), random_inputs(4)
    half = Run(Model("branching", network, (3, 16, 16)), fixed_engine(4)).cache.half_precision_copy()
    assert half is not None
    with torch.no_grad():
        half_outputs = half(inputs.to(torch.bfloat16)).float()
        assert_close(half_outputs, network.eval()(inputs), 0.02)
