"""Compare in a real browser: the grid, the pin, the difference, the downloads, and the address of it all."""

from __future__ import annotations

import io
from hashlib import sha256

import pandas as pd
import pytest
import torch
import torchvision
from PIL import Image
from playwright.sync_api import Browser, expect

import explainers as ex
from tests.support.app import CAMS
from tests.support.browser.driving import App, query

pytestmark = pytest.mark.browser

SCENE = "scene:1000050"


def test_grid_pin_difference_and_downloads(app: App) -> None:
    app.open("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    pictures = app.images(10)
    assert len(pictures) == 10  # nine cells and the difference
    app.press("compare_pin_1_1", app.widget("compare_pin_1_1").get_by_role("button").is_disabled)
    app.choose("compare_b", "hires-cam · layer4")
    assert "each map was divided by its largest absolute value first" in app.text()
    assert app.images()[-1].tobytes() != pictures[-1].tobytes()
    name, content = app.download("CSV")
    table = pd.read_csv(io.BytesIO(content))
    assert name == "vitrine-compare.csv"
    assert len(table) == 9
    assert table["rank correlation with reference"][4] == pytest.approx(1)
    name, content = app.download("PNG")
    assert name == "vitrine-compare.png"
    assert Image.open(io.BytesIO(content)).width > 3 * 220
    address = app.page.url
    assert "compare_reference" in address
    app.press("compare_check", lambda: app.page.get_by_text("Check all maps").count() == 0)
    expect(app.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    app.visit(address)
    expect(app.widget("compare_pin_1_1").get_by_role("button")).to_be_disabled()


def test_options_of_a_method_change_its_cells_and_stand_in_the_address(app: App) -> None:
    app.open("compare", model="demo:signs-cnn", input=SCENE, **CAMS)
    before = [picture.tobytes() for picture in app.images(10)[:9]]
    app.page.get_by_text("Options of the methods").click()
    app.toggle("compare_layer_cam_eigen_smooth")
    after = [picture.tobytes() for picture in app.images(10)[:9]]
    assert [old != new for old, new in zip(before, after, strict=True)] == [False] * 3 + [True] * 3 + [False] * 3
    assert "'eigen_smooth': True" in app.code()
    address = app.page.url
    assert "compare_layer_cam_eigen_smooth" in address
    app.visit(address)
    assert [picture.tobytes() for picture in app.images(10)[:9]] == after


def take(app: App, key: str, option: str) -> None:
    """One more value of an axis; the list of its options stays open until it is closed."""
    app.choose(key, option)
    app.page.keyboard.press("Escape")
    app.wait()


def weights(name: str, seed: int) -> bytes:
    buffer = io.BytesIO()
    torch.manual_seed(seed)
    torch.save(getattr(torchvision.models, name)().state_dict(), buffer)
    return buffer.getvalue()


def drawing(colour: str) -> bytes:
    buffer = io.BytesIO()
    image = ex.sample(SCENE).load()
    image.paste(colour, (0, 0, 20, 20))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_uploads_stand_on_both_axes_and_one_that_does_not_fit_says_so(app: App) -> None:
    spec = "torchvision:squeezenet1_1"
    app.open(
        "compare", model=spec, weights="random", input=SCENE, compare_rows="models", compare_columns_beside_models="inputs",
        compare_models="the sidebar's", compare_inputs="the sidebar's",
    )  # fmt: skip
    pictures = ["red.png", "blue.png"]
    for name in ("red", "blue"):
        app.upload("upload", f"{name}.png", drawing(name))
    app.upload("weights", "mine.pt", weights("squeezenet1_1", 1))
    for picture in pictures:
        take(app, "compare_inputs", picture)
    take(app, "compare_models", f"{spec} · mine.pt")
    main = app.text()
    for row in (f"{spec} · mine.pt (in the sidebar)", f"{spec} · mine.pt"):  # what was uploaded last is chosen there
        for column in ("blue.png (in the sidebar)", "red.png", "blue.png"):
            assert f"{row} · {column}" in main
    assert len(app.images()) == 7  # three cells of two models, and the difference
    assert "weights='mine.pt'" in app.code()
    strange = weights("shufflenet_v2_x0_5", 1)
    expect(app.upload("weights", "other.pt", strange).get_by_test_id("stAlert")).to_contain_text(
        "other.pt does not fit"
    )
    files = query(app.page)["files"]
    rows = ["the sidebar's", f"{spec} · mine.pt", f"{spec} · other.pt · {sha256(strange).hexdigest()[:12]}"]
    app.open(  # a link, and so another session
        "compare", model=spec, weights="random", input=SCENE, compare_rows="models", compare_columns_beside_models="inputs",
        compare_models=rows, compare_inputs=["the sidebar's", *pictures],
        files=files,
    )  # fmt: skip
    assert len(app.images()) == 7
    assert f"{spec} · mine.pt · blue.png" in app.text()
    assert app.text().count("other.pt does not fit") == 3


def test_an_upload_that_is_chosen_stands_in_the_address(app: App) -> None:
    app.open(
        "compare", model="demo:signs-cnn", input=SCENE, compare_rows="inputs", compare_columns_beside_inputs="layers"
    )
    app.upload("upload", "red.png", drawing("red"))
    take(app, "compare_inputs", "red.png")
    address = app.page.url
    assert sha256(drawing("red")).hexdigest()[:12] in address
    app.visit(address)
    assert "red.png · layer4" in app.text()


def test_two_cells_stand_beside_one_another_on_a_phone(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    app = App(context.new_page(), address)
    app.open("compare", model="demo:signs-cnn", input=SCENE)
    cells = app.page.locator("[data-testid=stMain] [role=img][aria-label^='Heat map']")
    first, second = (cells.nth(cell).bounding_box() for cell in range(2))
    assert first is not None
    assert second is not None
    assert abs(first["y"] - second["y"]) < 5
    assert first["x"] + first["width"] <= second["x"] < second["x"] + second["width"] <= 390
    context.close()
