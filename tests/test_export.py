"""Results on disk: their names, and JSON that any reader takes. What a manifest says is in test_main."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import explainers as ex
from explainers.export import json_text, save_result

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
