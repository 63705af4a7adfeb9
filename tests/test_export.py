"""Results on disk: their names, and JSON that any reader takes. What a manifest says is in test_main."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

import explainers as ex
from explainers.export import differing_options, json_text, provenance, save_result

SCENE = "scene:1000050"


@pytest.fixture(scope="module")
def explained() -> tuple[ex.Model, ex.Attribution]:
    model = ex.load_model("demo:signs-cnn")
    return model, ex.explain(model, ex.sample(SCENE).load(), "grad-cam")


def test_numbers_that_json_does_not_know_are_null_or_words() -> None:
    completeness = {"nan": math.nan, "inf": [math.inf, -math.inf], "cost": ex.Cost(3, 2)}
    data = json.loads(json_text(completeness), parse_constant=pytest.fail)
    assert data["nan"] is None
    assert data["inf"] == ["inf", "-inf"]
    assert (data["cost"]["forward"], data["cost"]["backward"]) == (3, 2)


def test_pictures_of_one_name_in_different_folders_do_not_overwrite_each_other(
    explained: tuple[ex.Model, ex.Attribution], tmp_path: Path
) -> None:
    model, attribution = explained
    image = ex.sample(SCENE).load()
    manifests = [
        save_result(tmp_path, source, model, image, attribution) for source in ("a/cat.jpg", "b/cat.jpg", "a/cat.jpg")
    ]
    names = [manifest["values"] for manifest in manifests]
    assert names[0] == names[2] != names[1]
    assert all(name.startswith("cat-grad-cam-") for name in names)
    assert len(list(tmp_path.iterdir())) == 2 * 3


def test_a_folder_that_cannot_be_written_is_said(explained: tuple[ex.Model, ex.Attribution], tmp_path: Path) -> None:
    model, attribution = explained
    (tmp_path / "taken").write_text("")
    with pytest.raises(ex.VitrineError, match=r"cannot be written to .*taken.*choose another --out"):
        save_result(tmp_path / "taken", SCENE, model, ex.sample(SCENE).load(), attribution)


def test_the_picture_says_what_it_is_and_the_manifest_agrees(
    explained: tuple[ex.Model, ex.Attribution], tmp_path: Path
) -> None:
    model, attribution = explained
    image, verdict = ex.sample(SCENE).load(), {"sentence": "Supported."}
    manifest = save_result(tmp_path, "streets/stop.jpg", model, image, attribution, verdict)
    with Image.open(tmp_path / manifest["overlay"]) as picture:
        words = picture.text
    assert words["Title"] == "Grad-CAM at layer4"
    assert (words["Model"], words["Picture"], words["Verdict"]) == ("demo:signs-cnn", "stop.jpg", "Supported.")
    assert words["Target"] == manifest["target"]
    assert words["Creation Time"] == manifest["date"]
    assert manifest["title"] == "Grad-CAM"
    assert manifest["largest"] == manifest["scale"][1], "a map of few cells is not clipped"


def test_only_options_that_differ_from_their_defaults_are_named(explained: tuple[ex.Model, ex.Attribution]) -> None:
    model, attribution = explained
    assert differing_options(attribution) == {}
    other = ex.explain(model, ex.sample(SCENE).load(), "integrated-gradients", steps=7)
    assert differing_options(other) == {"steps": 7}
    day = date(2026, 11, 27)
    assert provenance(model, other, "stop.jpg", link="http://x", day=day).lines()[1:] == [
        "Method: Integrated gradients (steps=7).", "2026-11-27", "http://x",
    ]  # fmt: skip
