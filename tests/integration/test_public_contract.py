"""The public contract: what users and other tests rely on, called as a user would."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import explainers as ex

SCENES = ["scene:1000050", "scene:1000051", "scene:1000052"]


@pytest.fixture(scope="module")
def model() -> ex.Model:
    return ex.load_model("demo:signs-cnn")


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [ex.sample(name).load() for name in SCENES]


SHAPES = {
    "saliency": (2, 3, 96, 96),
    "relevance": (2, 3, 96, 96),
    "cam": (2, 12, 12),
    "attention": (2, 12, 12),
    "perturbation": (2, 96, 96),
}

OTHERWISE = dict.fromkeys(("fullgrad", "xrai", "sess"), (2, 96, 96)) | dict.fromkeys(
    (
        "layer-gradient-x-activation",
        "internal-influence",
        "layer-integrated-gradients",
        "layer-conductance",
        "layer-deeplift",
        "layer-deeplift-shap",
        "layer-gradient-shap",
    ),
    (2, 64, 12, 12),
)


@pytest.mark.parametrize("method", [m.name for m in ex.methods()])
def test_shapes_and_score_of_every_method(model: ex.Model, pictures: list[Image.Image], method: str) -> None:
    if not ex.find_method(method).fits(model):
        model = ex.load_model("demo:signs-vit")
    a = ex.explain(model, pictures[:2], method=method)
    assert a.values.dtype == torch.float32
    assert a.values.shape == OTHERWISE.get(method, SHAPES[ex.find_method(method).family])
    assert a.heatmap((224, 200)).shape == (2, 224, 200)
    assert a.values.isfinite().all()
    answer = ex.predict(model, pictures[:2])
    torch.testing.assert_close(a.score, answer.outputs.amax(1), rtol=1e-4, atol=1e-5)
    assert a.cost.forward >= 2


def test_image_list_and_tensor_are_the_same_question(model: ex.Model, pictures: list[Image.Image]) -> None:
    assert model.preprocess is not None
    several = ex.explain(model, pictures, "grad-cam").values
    tensor = ex.explain(model, model.preprocess(pictures), "grad-cam").values
    torch.testing.assert_close(several, tensor)
    for row, picture in enumerate(pictures):
        torch.testing.assert_close(ex.explain(model, picture).values[0], several[row], rtol=1e-4, atol=1e-6)


def test_a_label_an_index_and_a_target_are_the_same(model: ex.Model, pictures: list[Image.Image]) -> None:
    index = ex.class_index("stop", model)
    maps = [
        ex.explain(model, pictures[0], "gradient", target).values for target in ("Stop", index, ex.ClassTarget(index))
    ]
    assert torch.equal(maps[0], maps[1])
    assert torch.equal(maps[0], maps[2])


def test_prediction(model: ex.Model, pictures: list[Image.Image]) -> None:
    answer = ex.predict(model, pictures)
    assert answer.probabilities.shape == (3, 12)
    torch.testing.assert_close(answer.probabilities.sum(1), torch.ones(3))
    label, index, probability = answer.top(1)[0]
    assert model.label(index) == label
    assert probability == pytest.approx(float(answer.probabilities[0].max()))


def test_a_network_that_answers_in_probabilities_is_not_normalised_twice() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Softmax(1))
    inputs = torch.randn(4, 3, 2, 2)
    answer = ex.predict(ex.wrap(network, input_shape=(3, 2, 2)), inputs)
    torch.testing.assert_close(answer.probabilities, network(inputs).detach())


def test_several_methods_and_layers_share_one_capture(model: ex.Model, pictures: list[Image.Image]) -> None:
    names, layers = ["grad-cam", "layer-cam"], ["layer2", "layer4"]
    maps = ex.explain(model, pictures[0], names, layer=layers)
    assert [(a.method, a.layer) for a in maps] == [(n, layer) for n in names for layer in layers]
    assert sum(a.cost.forward for a in maps) == 1
    assert sum(a.cost.backward for a in maps) == 1
    for a in maps:
        alone = ex.explain(model, pictures[0], a.method, layer=a.layer)
        torch.testing.assert_close(a.values, alone.values, rtol=1e-4, atol=1e-6)


def test_vectors_get_vectors() -> None:
    model = ex.load_model("demo:diabetes-mlp")
    inputs = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    a = ex.explain(model, inputs, "integrated-gradients", steps=200)
    assert a.values.shape == (5, 10)
    assert a.completeness is not None
    assert float(a.completeness.gap.abs().max()) < 0.05 * float(a.completeness.expected.abs().max()) + 0.02
    with pytest.raises(ex.VitrineError, match="images"):
        ex.explain(model, inputs, "grad-cam")


def test_calls_from_several_threads_give_the_answers_of_one(model: ex.Model, pictures: list[Image.Image]) -> None:
    methods = ["grad-cam", "guided-backprop", "gradient", "deeplift", "smoothgrad", "layer-cam"]
    alone = {m: ex.explain(model, pictures[0], m).values for m in methods}
    maps: dict[tuple[str, int], torch.Tensor] = {}

    def work(method: str, turn: int) -> None:
        maps[method, turn] = ex.explain(model, pictures[0], method).values

    threads = [threading.Thread(target=work, args=(m, turn)) for turn in range(3) for m in methods]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(maps) == len(threads)
    for (method, _), values in maps.items():
        torch.testing.assert_close(values, alone[method], rtol=1e-4, atol=1e-6)


def test_the_public_names_exist_and_nothing_else_is_promised() -> None:
    for name in ex.__all__:
        assert getattr(ex, name) is not None
    assert {"load_model", "wrap", "read_image", "explain", "methods", "predict", "weight_stats"} <= set(ex.__all__)


def test_weight_stats_is_a_function_of_the_library_and_a_package_to_import_from() -> None:
    from explainers.weight_stats import health, weight_stats

    assert ex.weight_stats is weight_stats
    assert ex.health is health
    assert health(weight_stats(ex.load_model("demo:diabetes-mlp"))) == []


def test_no_other_module_is_hidden_by_a_function_of_its_name() -> None:
    hidden = set()
    for package in (ex, importlib.import_module("pages")):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            room, _, name = module.name.rpartition(".")
            if room == "pages":  # a page is a script: it runs when it is imported
                continue
            importlib.import_module(module.name)
            if not isinstance(getattr(importlib.import_module(room), name), ModuleType):
                hidden.add(module.name)
    assert hidden == {"explainers.weight_stats"}


def test_heatmap_of_a_hot_cell_is_where_the_cell_is(model: ex.Model, pictures: list[Image.Image]) -> None:
    a = ex.explain(model, pictures[0])
    big = a.heatmap((96, 96))[0].numpy()
    row, column = np.unravel_index(big.argmax(), big.shape)
    cell = np.unravel_index(a.values[0].numpy().argmax(), (12, 12))
    assert abs(row / 8 - cell[0] - 0.5) <= 1
    assert abs(column / 8 - cell[1] - 0.5) <= 1


@pytest.mark.parametrize("method", [m.name for m in ex.methods() if not m.anytime])
def test_what_a_map_highlights_names_the_target_if_the_map_depends_on_it(model: ex.Model, method: str) -> None:
    description = ex.find_method(method)
    fitting_model = model if description.fits(model) else ex.load_model("demo:signs-vit")
    picture = ex.sample("photo:chelsea").load()
    first, second = (ex.explain(fitting_model, picture, method, target).values for target in (0, 5))
    assert torch.equal(first, second) == ("{target}" not in description.highlights)
