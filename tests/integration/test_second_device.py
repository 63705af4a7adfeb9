"""Work keeps to its device: what starts on one that is not the CPU stays there, comes back at the end, and says the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

import explainers as ex
from explainers.core.model import Model
from explainers.engine.engine import Engine, engine_for
from explainers.inputs.baselines import Fill
from explainers.registry import find_method, methods
from explainers.relevance import _canonizer as canonical
from explainers.trust.registry import checks
from tests.support.methods import FEW, METHODS, alike, quick
from tests.support.models.networks import assert_close, random_inputs, small_cnn, small_model
from tests.support.models.second_device import THERE, Elsewhere, second_device
from tests.support.models.transformers import MultiHead, SelfAttention, tiny_vit

ATTENTION = [m.name for m in methods() if m.family == "attention"]

# Rounds of the checks: each does on the device what the others do.
FEW_ROUNDS = {"steps": 3, "orders": 3, "samples": 4, "copies": 1}


class ComputedShapes(fx.Interpreter):
    """`FakeTensorProp` by computing: PyTorch's stand-ins know real devices only."""

    def __init__(self, traced: fx.GraphModule, _: object) -> None:
        super().__init__(traced)

    def propagate(self, inputs: Tensor) -> None:
        with torch.no_grad():
            self.run(inputs)

    def run_node(self, n: fx.Node) -> Any:
        n.meta["val"] = output = super().run_node(n)
        return output


@pytest.fixture
def there(same_noise: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on the second device."""
    monkeypatch.setattr(canonical, "FakeTensorProp", ComputedShapes)
    with second_device():
        yield Engine(THERE)


@pytest.fixture
def plain(same_noise: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine on a second device without float64."""
    monkeypatch.setattr(canonical, "FakeTensorProp", ComputedShapes)
    with second_device(float64=False):
        yield Engine(THERE)


def compared(model: Model, inputs: Tensor, method: str, there: Engine, **options: Any) -> None:
    expected = ex.explain(model, inputs, method, engine=engine_for("cpu"), **options)
    attribution = ex.explain(model, inputs, method, engine=there, **options)
    assert isinstance(attribution.inputs, Elsewhere)
    assert not isinstance(attribution.values, Elsewhere)
    assert attribution.target == expected.target
    assert attribution.cost.forward == expected.cost.forward
    assert_close(attribution.values, expected.values, 1e-6)
    assert_close(attribution.score, expected.score, 1e-6)


def test_devices_do_not_mix() -> None:
    """The harness itself: it refuses what a GPU refuses, and takes what that takes."""
    with second_device():
        here, there = torch.ones(2, 3), torch.ones(2, 3, device=THERE)
        for mixed in (lambda: here + there, lambda: there.add_(here), lambda: torch.cat([here, there])):
            with pytest.raises(RuntimeError, match="on the same device"):
                mixed()
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        assert isinstance(2 * there + torch.tensor(1.0), Elsewhere)
        assert isinstance(there[torch.tensor([0])], Elsewhere)
        assert not isinstance(there.cpu() + here, Elsewhere)
        assert there.new_tensor([1.0]).device == THERE
        layer = nn.Linear(3, 2).to(THERE)
        there.requires_grad_()
        (gradient,) = torch.autograd.grad(layer(there).sum(), there)
        assert torch.equal(gradient.cpu()[0], layer.weight.detach().cpu().sum(0))


def test_a_device_without_float64() -> None:
    """The harness itself: float64 is refused there, and nowhere else."""
    with second_device(float64=False):
        there = torch.ones(2, device=THERE)
        for wide in (
            lambda: there.double(),
            lambda: there.sum(dtype=torch.float64),
            lambda: torch.ones(2).double().to(THERE),
        ):
            with pytest.raises(TypeError, match="float64"):
                wide()
        assert there.cpu().double().dtype is torch.float64
    with second_device():
        assert there.double().dtype is torch.float64


@pytest.mark.parametrize("method", METHODS)
def test_every_method_on_a_cnn(method: str, there: Engine) -> None:
    compared(small_model(torch.float64), random_inputs(3, dtype=torch.float64), method, there, **alike(method))


@pytest.mark.parametrize("kind", [SelfAttention, MultiHead], ids=["scaled dot product", "nn.MultiheadAttention"])
@pytest.mark.parametrize("method", [*ATTENTION, "attn-lrp", "cp-lrp", "grad-cam", "recipro-cam"])
def test_transformers(method: str, kind: type[nn.Module], there: Engine) -> None:
    model = tiny_vit(kind=kind)
    compared(model, random_inputs(2, model.input_shape, dtype=torch.float64), method, there)


# What a fill is made of is the same code for all three; noise and the input's own pixels are made per variant.
@pytest.mark.parametrize(
    ("method", "fill"),
    [
        *(("occlusion", fill) for fill in Fill),
        *((method, fill) for method in ("feature-ablation", "rise") for fill in (Fill.NOISE, Fill.INPAINT)),
    ],
)
def test_fills_and_boxes(method: str, fill: Fill, there: Engine) -> None:
    options = (
        {"patch": 5, "stride": 4} if method == "occlusion" else {"regions": 9} if method != "rise" else {"samples": 24}
    )
    compared(
        small_model(torch.float64), random_inputs(1, dtype=torch.float64), method, there, fill=fill.value, **options
    )


def test_scores_in_half_the_bits(there: Engine) -> None:
    model, inputs = small_model(), random_inputs(1)
    exact, mixed = (
        ex.explain(model, inputs, "rise", 2, engine=there, samples=128, precision=p) for p in ("float32", "mixed")
    )
    assert mixed.cost.half >= 8
    assert float(torch.corrcoef(torch.stack([exact.values.flatten(), mixed.values.flatten()]))[0, 1]) > 0.99


@pytest.mark.parametrize("target", [None, ex.ClassTarget((1, 3)), ex.ContrastTarget(3, 4), "conv2:3"])
def test_targets(target: Any, there: Engine) -> None:
    model, inputs = small_model(torch.float64), random_inputs(2, dtype=torch.float64)
    expected = ex.explain(model, inputs, "gradient", target, engine=engine_for("cpu"))
    assert_close(ex.explain(model, inputs, "gradient", target, engine=there).values, expected.values, 1e-6)


def test_layers_are_found_and_maps_refined_and_priced(there: Engine) -> None:
    model, input = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    assert [layer.name for layer in ex.layers(model, engine=there)] == [layer.name for layer in ex.layers(model)]
    *_, last = ex.refine(model, input, "rise", 2, engine=there, samples=40)
    assert_close(last.values, ex.explain(model, input, "rise", 2, samples=40).values, 1e-6)
    for method in ("rise", "occlusion", "integrated-gradients"):
        assert ex.estimate(model, input, method, engine=there).seconds > 0
    assert torch.equal(ex.predict(model, input, engine=there).probabilities, ex.predict(model, input).probabilities)


def test_heads_of_a_transformer(there: Engine) -> None:
    model = tiny_vit()
    image = random_inputs(1, model.input_shape, dtype=torch.float64)
    heads, expected = (ex.attention_heads(model, image, engine=engine) for engine in (there, engine_for("cpu")))
    for maps, expected_maps in zip(heads.maps, expected.maps, strict=True):
        assert_close(maps, expected_maps, 1e-6)


def test_every_check_of_a_map(there: Engine) -> None:
    model, input = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    verdicts = []
    for engine in (engine_for("cpu"), there):
        maps = [ex.explain(model, input, name, 2, engine=engine, **quick(name)) for name in ("rise", "gradient")]
        given = {"truth": (2, 2, 9, 9), "others": maps[1:], "engine": engine, **FEW_ROUNDS}
        verdicts.append(ex.verify(model, input, maps[0], "all", **given))
    expected, verdict = verdicts
    assert len(verdict.findings) == len(checks(model, maps[0]))
    assert [f.check for f in verdict.findings] == [f.check for f in expected.findings]
    for finding, other in zip(verdict.findings, expected.findings, strict=True):
        assert finding.value == pytest.approx(other.value, rel=1e-6, abs=1e-9)


def test_questions_asked_together(there: Engine) -> None:
    model, input = small_model(torch.float64), random_inputs(1, dtype=torch.float64)
    questions = [
        ex.Question(model, input, m, 2, {"layer": n}) for m in ("grad-cam", "layer-cam") for n in ("norm1", "norm2")
    ]
    expected = ex.explain_all(questions)
    for attribution, other in zip(ex.explain_all(questions, engine=there), expected, strict=True):
        assert_close(attribution.values, other.values, 1e-6)


def test_a_network_that_lives_there_already(there: Engine) -> None:
    network = small_cnn(torch.float64).to(THERE)
    model = Model("there", network, (3, 16, 16), labels=small_model().labels)
    inputs = random_inputs(2, dtype=torch.float64)
    for given in (inputs, inputs.to(THERE)):
        attribution = ex.explain(model, given, "grad-cam", engine=there)
        assert_close(attribution.values, ex.explain(small_model(torch.float64), inputs, "grad-cam").values, 1e-6)
    assert len(ex.weight_stats(model)) == len(ex.weight_stats(small_model(torch.float64)))
    assert_close(ex.explain(model, inputs, "gradient", engine=engine_for("cpu")).values,
                 ex.explain(model, inputs, "gradient", engine=there).values, 1e-6)  # fmt: skip


def told_to(name: str) -> list[dict[str, Any]]:
    """The options that a method has beside its steps: to stop when it is sure enough, and to score in half the bits."""
    fields = find_method(name).options.model_fields
    ways = ({"reliability": 0.9}, {"precision": "mixed"})
    return [{}, *(way for way in ways if fields.keys() >= way.keys())]


SCORED = [
    m for m in METHODS if find_method(m).family == "perturbation" or m == "xrai"
]  # what computes beside the passes


@pytest.mark.parametrize(
    "method", [*SCORED, *(pytest.param(m, marks=pytest.mark.slow) for m in METHODS if m not in SCORED)]
)
def test_every_method_without_float64(method: str, plain: Engine) -> None:
    model, input = small_model(), random_inputs(1)
    for way in told_to(method):
        options = (
            FEW.get(method, alike(method)) | ({"samples": 128} if way and method in ("rise", "lime") else {}) | way
        )
        attribution = ex.explain(model, input, method, 2, engine=plain, **options)
        assert bool(attribution.values.isfinite().all())


def test_every_check_without_float64(plain: Engine) -> None:
    model, input = small_model(), random_inputs(1)
    verdicts = []
    for engine in (engine_for("cpu"), plain):
        maps = [ex.explain(model, input, name, 2, engine=engine, **quick(name)) for name in ("rise", "gradient")]
        given = {"truth": (2, 2, 9, 9), "others": maps[1:], "engine": engine, **FEW_ROUNDS}
        verdicts += [ex.verify(model, input, attribution, "all", **given) for attribution in maps]
    for expected, verdict in zip(verdicts[:2], verdicts[2:], strict=True):
        assert len(verdict.findings) >= 12
        for finding, other in zip(verdict.findings, expected.findings, strict=True):
            assert finding.value == pytest.approx(other.value, rel=1e-3, abs=1e-4), other.check


@pytest.mark.parametrize("method", ["lrp-epsilon-plus", "attn-lrp"])
def test_conservation_without_float64(method: str, plain: Engine) -> None:
    model = small_model() if method != "attn-lrp" else tiny_vit(dtype=torch.float32)
    input = random_inputs(1, model.input_shape)
    expected, flow = (
        ex.relevance_flow(model, input, 1, method, engine=engine) for engine in (engine_for("cpu"), plain)
    )
    columns = expected.select_dtypes("number").columns
    assert flow[columns].to_numpy() == pytest.approx(expected[columns].to_numpy(), rel=1e-3, abs=1e-4)
