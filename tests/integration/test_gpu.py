"""On a CUDA device: the same answers as on the CPU, back-off when memory is short, and nothing left behind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import explainers as ex
from explainers.api import explain
from explainers.core.errors import VitrineError
from explainers.core.model import Model
from explainers.engine.device import choose_device, describe_device
from explainers.engine.engine import Engine, engine_for
from explainers.engine.network_state import NetworkParts
from explainers.registry import methods
from tests.support.methods import METHODS, Traces, alike, quick
from tests.support.models.networks import FixedChunks, assert_close, random_inputs, small_cnn, small_model

pytestmark = pytest.mark.gpu

if not torch.cuda.is_available():
    pytest.skip("needs a CUDA device", allow_module_level=True)  # one line in the report, not two hundred


@pytest.fixture(autouse=True)
def plain_float32():
    """No TensorFloat-32, whose ten bits would be the largest difference."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@pytest.mark.parametrize(("dtype", "share"), [(torch.float64, 1e-6), (torch.float32, 1e-3)])
@pytest.mark.parametrize("method", METHODS)
def test_the_device_gives_the_cpus_answers(same_noise, method, dtype, share):
    model, inputs = small_model(dtype), random_inputs(5)
    on_cpu = explain(model, inputs, method, None, engine=engine_for("cpu"), **alike(method))
    on_device = explain(model, inputs, method, None, engine=engine_for("cuda"), **alike(method))
    assert on_device.target == on_cpu.target
    assert on_device.values.device.type == "cpu"
    assert_close(on_device.values, on_cpu.values, share)
    assert_close(on_device.score, on_cpu.score, share)


@pytest.mark.parametrize("method", ["smoothgrad", "gradient-shap"])
def test_the_devices_own_noise_does_not_depend_on_the_chunk(method):
    model, inputs = small_model(torch.float64), random_inputs(3)
    answers = []
    for chunk in (1, 4, 100):
        engine = Engine(torch.device("cuda", 0), lambda chunk=chunk: FixedChunks(chunk))
        answers.append(explain(model, inputs, method, 0, engine=engine, samples=7).values)
    assert_close(answers[1], answers[0], 1e-6)
    assert_close(answers[2], answers[0], 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_behind(method):
    model = small_model()
    traces, state = Traces(model.network), torch.cuda.get_rng_state()
    explain(model, random_inputs(2), method, None, engine=engine_for("cuda"), **quick(method))
    traces.assert_none()
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert all(parameter.device.type == "cpu" for parameter in model.network.parameters())


class Dicey(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = small_cnn()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.inner(inputs) + 0 * torch.rand(5, device=inputs.device)


def test_random_numbers_drawn_on_the_device_are_put_back():
    state = torch.cuda.get_rng_state()
    explain(Model("dicey", Dicey(), (3, 16, 16)), random_inputs(2), "gradient", 0, engine=engine_for("cuda"))
    assert torch.equal(torch.cuda.get_rng_state(), state)


def test_the_variable_chooses_the_device(monkeypatch):
    monkeypatch.setenv("VITRINE_DEVICE", "cuda")
    assert choose_device() == torch.device("cuda", 0)
    assert engine_for() is engine_for("cuda:0")
    assert describe_device(choose_device()) == f"CUDA: {torch.cuda.get_device_name(0)}"
    result = explain(small_model(), random_inputs(1), "gradient", 0)
    assert result.values.any()


def test_a_changed_weight_reaches_the_devices_copy():
    model, engine, inputs = small_model(), engine_for("cuda"), random_inputs(2)
    before = explain(model, inputs, "deeplift", 0, engine=engine).values
    with torch.no_grad():
        model.network.head.weight.mul_(2)
    assert_close(explain(model, inputs, "deeplift", 0, engine=engine).values, 2 * before, 1e-4)


class Hungry(nn.Module):
    """Asks for as much memory per row as the device has in all, divided by `rows`."""

    def __init__(self, rows: float) -> None:
        super().__init__()
        self.inner = small_cnn()
        self.rows = rows
        self.seen: list[int] = []

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen.append(len(inputs))
        total = torch.cuda.get_device_properties(0).total_memory
        scratch = torch.empty(int(total / self.rows) * len(inputs), dtype=torch.uint8, device=inputs.device)
        return self.inner(inputs) + 0 * scratch[:1]


def test_memory_that_runs_out_on_the_device_halves_the_chunk():
    model = Model("hungry", Hungry(rows=6), (3, 16, 16))
    engine = Engine(torch.device("cuda", 0))
    result = explain(model, random_inputs(12), "gradient", 0, engine=engine)
    seen = engine.place(NetworkParts.of(model.network)).network.seen
    assert seen[0] > 6
    assert max(seen[-3:]) < 6
    assert_close(
        result.values, explain(small_model(), random_inputs(12), "gradient", 0, engine=engine_for("cpu")).values, 1e-3
    )
    torch.cuda.empty_cache()


def test_one_input_that_does_not_fit_on_the_device_is_told_in_a_sentence():
    model = Model("hungry", Hungry(rows=0.5), (3, 16, 16))
    with pytest.raises(VitrineError, match="does not fit in the memory of cuda:0"):
        explain(model, random_inputs(3), "gradient", 0, engine=Engine(torch.device("cuda", 0)))
    torch.cuda.empty_cache()


def test_scores_in_half_the_bits_make_the_same_map():
    model, image = ex.load_model("torchvision:resnet18@random"), random_inputs(1, (3, 224, 224))
    given = {"samples": 500, "fill": "zero", "engine": engine_for("cuda")}
    exact, mixed = (ex.explain(model, image, "rise", 3, precision=p, **given) for p in ("float32", "mixed"))
    assert mixed.cost.half >= 16
    assert float(torch.corrcoef(torch.stack([exact.values.flatten(), mixed.values.flatten()]))[0, 1]) > 0.99


def test_every_method_is_tried_here():
    assert {m.name for m in methods()} >= set(METHODS)
