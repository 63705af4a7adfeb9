"""The app in a real Chromium: what a visitor does, and what must come of it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

import explainers as ex
from tests.support.browser.driving import App, a_visitor, differ, query
from tests.support.browser.server import ROOT, serve

pytestmark = pytest.mark.browser


def photo(side: int = 300) -> bytes:
    """A real photograph, re-encoded so that it is not the gallery's own file."""
    buffer = io.BytesIO()
    ex.sample("photo:coffee").load().resize((side, side)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def test_opening_page_explains_without_a_click(app: App) -> None:
    app.open()
    picture, heat = app.images()
    assert picture.size == heat.size
    assert differ(picture, heat) > 5
    assert "stop" in app.text()
    expect(app.page.get_by_role("table").get_by_role("row")).to_have_count(5)
    expect(app.page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_photograph_is_uploaded_and_the_link_reopens_it(app: App, browser: Browser) -> None:
    app.open()
    before = app.images()[0]
    dialog = app.upload("upload", "coffee cup.jpg", photo())
    expect(dialog).to_have_count(0)
    shown = app.images()
    assert differ(before, shown[0]) > 5
    expect(app.page.get_by_text("coffee cup.jpg · 300 × 300 px")).to_be_visible()
    file = f"coffee cup.jpg · {sha256(photo()).hexdigest()[:12]}"
    assert (query(app.page)["input"], query(app.page)["files"]) == (["coffee cup.jpg"], [file])
    app.go("Grad-CAM")
    assert (query(app.page)["input"], query(app.page)["files"]) == (["coffee cup.jpg"], [file])
    assert file[-12:] not in app.page.locator("body").inner_text()

    with a_visitor(browser, app.address) as other:
        other.visit(app.page.url)
        assert differ(other.images()[0], shown[0]) == 0


def test_gallery_camera_and_other_models(app: App) -> None:
    app.open()
    app.take_picture("A tabby cat")
    assert query(app.page)["input"] == ["photo:chelsea"]
    app.choose("model", "demo:signs-vit")
    assert query(app.page)["model"] == ["demo:signs-vit"]
    assert "demo:signs-vit" in app.text()
    app.choose("model", "torchvision:squeezenet1_1")
    app.choose("weights", "random")
    assert "untrained" in app.text()
    app.go("Saliency")
    assert "untrained" in app.text()
    app.choose("model", "demo:diabetes-mlp")
    assert "takes 10 numbers" in app.text()
    app.choose("model", "demo:signs-cnn")
    app.dialog("camera")
    shutter = app.page.get_by_role("button", name="Take Photo")
    expect(shutter).to_be_enabled()
    app.page.wait_for_function("document.querySelector('video').videoHeight > 0")  # before, there is nothing to take
    shutter.click()
    expect(app.page).to_have_url(re.compile(r"input=camera.*jpg"))
    app.wait()


def test_a_failed_download_is_one_sentence_and_the_app_stays_usable(app: App) -> None:
    app.open(model="torchvision:shufflenet_v2_x0_5")
    alert = app.page.get_by_test_id("stSidebar").get_by_test_id("stAlert")
    expect(alert).to_have_count(1)
    assert "failed" in alert.inner_text()
    assert "torchvision:shufflenet_v2_x0_5@random" in alert.inner_text()
    app.choose("model", "demo:signs-cnn")
    expect(alert).to_have_count(0)
    assert len(app.images()) == 2


def test_weights_from_a_file(app: App, shared_fixtures: Path) -> None:
    app.open(model="torchvision:mobilenet_v2", weights="random", input="photo:chelsea")
    file = shared_fixtures / "weights/imagenet/mobilenet_v2_imagenet1k.safetensors"
    app.upload("weights", file.name, file.read_bytes())
    expect(app.page.get_by_text("Egyptian cat").first).to_be_visible()
    assert query(app.page)["weights"] == [file.name]
    assert query(app.page)["files"][0].startswith(f"torchvision:mobilenet_v2 · {file.name} · ")
    assert "untrained" not in app.text()


def test_saliency_controls(app: App) -> None:
    app.open("saliency")
    seen = [app.images()[1]]

    def changed(what: str) -> None:
        now = app.images()[1]
        assert all(now.size != old.size or differ(now, old) > 0.01 for old in seen[-1:]), what
        seen.append(now)

    expect(app.page.get_by_text("Does it add up?")).to_be_attached()
    app.slide("saliency_integrated_gradients_steps", -45)
    changed("fewer steps")
    app.choose("saliency_integrated_gradients_baseline", "blur")
    changed("baseline")
    app.page.get_by_role("radio", name="absolute").or_(app.page.get_by_role("button", name="absolute")).first.click()
    app.wait()
    changed("absolute view")
    app.choose("saliency_fold", "largest absolute")
    changed("channels")
    app.choose("saliency_sequential_colours", "magma")
    changed("colours")
    app.slide("saliency_opacity", -6)
    changed("opacity")
    app.toggle("saliency_fixed")
    assert differ(app.images()[1], seen[-1]) < 0.1, "it begins with the map's own scale"
    assert "saliency_limit" in query(app.page)
    app.fill("saliency_limit", "0.25")
    changed("largest value")
    for title in ("Gradient", "Input × gradient", "SmoothGrad", "Gradient SHAP", "Guided backpropagation", "DeepLift"):
        app.choose("saliency_method", title)
        changed(title)
        expect(app.page.get_by_text(f"What {title} shows, and what it does not")).to_be_attached()
    app.choose("saliency_method", "SmoothGrad")
    app.slide("saliency_smoothgrad_samples", -10)
    changed("samples")
    app.slide("saliency_smoothgrad_noise", 20)
    changed("noise")
    assert {"saliency_method", "saliency_smoothgrad_noise", "saliency_view", "saliency_limit"} <= set(query(app.page))


def test_saliency_at_layers_against_references_and_in_regions(app: App) -> None:
    app.open("saliency", saliency_method="Layer conductance", saliency_layer_conductance_steps=4)
    before = app.images()[1]
    app.choose("saliency_layer", "layer2")
    assert differ(app.images()[1], before) > 0.5
    assert "at layer2" in app.text()
    assert query(app.page)["saliency_layer"] == ["layer2"]
    app.choose("saliency_method", "Guided Grad-CAM")
    assert "at layer2" in app.text(), "the layer stays when the method changes"
    app.choose("saliency_method", "DeepLift SHAP")
    before = app.images()[1]
    app.choose("saliency_deeplift_shap_references", "noise")
    assert differ(app.images()[1], before) > 0.1
    for title in ("SmoothGrad squared", "VarGrad", "Blur integrated gradients", "Guided integrated gradients", "XRAI"):
        app.choose("saliency_method", title)
        expect(app.page.get_by_text(f"What {title} shows, and what it does not")).to_be_attached()
    app.slide("saliency_xrai_grow", 3)
    assert query(app.page)["saliency_xrai_grow"] == ["5"]


def test_grad_cam_controls(app: App) -> None:
    app.open("grad_cam")
    images = app.images()
    stages = ex.stages(ex.layers(ex.load_model("demo:signs-cnn")))
    assert len(images) == 2 + len(stages) + 1, "the panel, a strip of stages, and these fused"
    app.page.get_by_role("radio", name="max").or_(app.page.get_by_role("button", name="max")).first.click()
    app.wait()
    assert differ(app.images()[-1], images[-1]) > 0.5
    app.page.get_by_text("The code that makes the strip").click()
    expect(app.page.get_by_test_id("stCode").last).to_contain_text('ex.fuse(maps, how="max")')
    assert "layer4" in app.text()
    before = images[1]
    app.choose("cam_layer", "layer2")
    assert differ(app.images()[1], before) > 0.5
    assert "layer2" in app.text()
    app.choose("cam_layer", "layer4")
    for title in ("Grad-CAM++", "HiResCAM", "XGrad-CAM", "LayerCAM", "Eigen-CAM"):
        app.choose("cam_method", title)
        expect(app.page.get_by_text(f"What {title} shows, and what it does not")).to_be_attached()
        assert differ(app.images()[1], app.images()[0]) > 1
    app.choose("cam_method", "Score-CAM")
    assert len(app.images()) == 2, "many passes for every layer: none is looked at unasked"
    app.choose("cam_method", "Grad-CAM")
    smooth = app.images()[1]
    app.toggle("cam_grad_cam_aug_smooth")
    assert differ(app.images()[1], smooth) > 0.1
    app.choose("against", "give way")
    assert "stop rather than give way" in app.text()
    app.choose("against", "nothing else")
    app.choose("target", "give way")
    assert "the score of give way" in app.text()
    app.choose("cam_sequential_colours", "cividis")
    app.slide("cam_opacity", 4)
    app.toggle("cam_fixed")
    app.widget("cam_strip").get_by_role("button", name="Clear all").click()
    app.wait()
    assert len(app.images()) == 2


def test_weight_statistics_controls(app: App) -> None:
    app.open("weight_stats")
    assert "Health" in app.text()
    charts = app.page.get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(3)
    app.choose("weights_metric", "stable rank")
    app.choose("weights_tensor", "layer2.0.conv1.weight")
    assert "layer2.0.conv1.weight" in query(app.page)["weights_tensor"]
    name, content = app.download("CSV")
    assert name.endswith(".csv")
    assert len(content.decode().splitlines()) == 1 + len(ex.weight_stats(ex.load_model("demo:signs-cnn")))
    app.choose("weights_other", "demo:signs-shortcut")
    expect(charts).to_have_count(4)
    assert len(app.images()) == 1


def test_a_copied_link_reopens_the_same_view(app: App, browser: Browser) -> None:
    app.open("saliency", model="demo:signs-shortcut", input="scene:1000007+sticker")
    app.choose("saliency_method", "SmoothGrad")
    app.slide("saliency_smoothgrad_samples", -13)
    app.choose("target", "stop")
    app.choose("saliency_diverging_colours", "purple-green")
    with a_visitor(browser, app.address) as other:
        other.visit(app.page.url)
        mine, theirs = app.images(), other.images()
        assert [differ(a, b) for a, b in zip(mine, theirs, strict=True)] == [0.0] * len(mine)
        assert query(other.page) == query(app.page)


@pytest.mark.parametrize("path", ["saliency", "grad_cam"])
def test_downloads_and_the_code_give_the_same_array(app: App, path: str, tmp_path: Path) -> None:
    app.open(path, target="stop")
    name, content = app.download("NPY")
    array = np.load(io.BytesIO(content))
    assert name.endswith(".npy")
    _, picture = app.download("Picture, map and words")
    assert Image.open(io.BytesIO(picture)).width > 600
    _, table = app.download("Table (CSV)")
    assert len(table.decode().splitlines()) == 1 + array.shape[-2]

    script = tmp_path / "code.py"
    script.write_text(app.code() + "\nimport numpy; numpy.save('out.npy', values.numpy())\n")
    subprocess.run([sys.executable, script], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), array, rtol=1e-4, atol=1e-6 * np.abs(array).max())


def test_moving_a_control_abandons_the_old_work(app: App) -> None:
    """Had it been finished, its map would be in the cache, and there at once on return."""
    app.open("saliency", model="torchvision:resnet50", weights="random", saliency_method="Gradient")
    app.page.goto(
        app.page.url.replace("saliency_method=Gradient", "saliency_method=SmoothGrad&saliency_smoothgrad_samples=500")
    )
    working, start = app.page.get_by_test_id("stProgress"), app.page.get_by_role("button", name="Start")
    expect(working.or_(start).first).to_be_visible()
    if start.count():  # on a slow machine the work is predicted to be long
        start.click()
    expect(working).to_be_visible()
    app.choose("saliency_method", "Gradient")
    expect(app.page.get_by_text("What Gradient shows")).to_be_attached()
    app.pick("saliency_method", "SmoothGrad")
    expect(working).to_be_visible()
    app.choose("saliency_method", "Gradient")


@pytest.mark.parametrize(
    "path",
    [
        "", "story", "saliency", "grad_cam", "perturbation", "attention?model=demo:signs-vit", "relevance", "compare",
        "weight_stats",
    ],
)  # fmt: skip
def test_both_themes_on_every_page(browser: Browser, address: str, path: str) -> None:
    context = browser.new_context(viewport={"width": 800, "height": 900})
    app = App(context.new_page(), address)
    for scheme in ("light", "dark"):
        app.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        app.open(path)
        ground = app.page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        red = int(ground.removeprefix("rgb(").split(",")[0])
        assert red > 200 if scheme == "light" else red < 60
        wide = app.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "nothing runs out of a narrow window"
        unnamed = app.page.locator("[data-testid=stMain] img:not([alt]), [data-testid=stMain] img[alt='']").count()
        layers = app.page.locator("[data-testid=stMain] [role=img][aria-label] img").count()  # named together
        assert unnamed == layers, "every picture is described"
    assert app.complaints == []
    context.close()


def test_an_unexpected_error_is_a_sentence_with_a_reference(browser: Browser, tmp_path: Path) -> None:
    """A fault of ours, made by breaking the bundled table of methods in a copy of the process."""
    fault = tmp_path / "sitecustomize.py"
    fault.write_text("import explainers.api, explainers\nexplainers.explain = lambda *a, **k: 1 / 0\n")
    log = tmp_path / "log"
    process, address = serve(log, {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"})
    try:
        with a_visitor(browser, address) as app:
            app.open()
            alert = app.page.get_by_test_id("stMain").get_by_test_id("stAlert")
            expect(alert).to_have_count(1)
            reference = alert.inner_text().split("under ")[1].rstrip(".\n ")
            assert "ZeroDivisionError" not in app.text()
        assert reference in log.read_text()
        assert "ZeroDivisionError" in log.read_text()
    finally:
        process.terminate()
        process.wait(10)
