"""The command line, as a shell sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import explainers as ex
from explainers.__main__ import main
from explainers.demo.scenes import draw_scene

SCENE = "scene:1000050"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    output = capsys.readouterr()
    return status, output.out, output.err


def test_methods_are_those_of_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "methods", "--json")
    assert status == 0
    assert [m["name"] for m in json.loads(out)] == [m.name for m in ex.methods()]
    _, out, _ = run(capsys, "methods", "--model", "demo:diabetes-mlp")
    assert "integrated-gradients" in out
    assert "grad-cam" not in out


def test_predict_says_what_python_says(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "predict", "--model", "demo:signs-cnn", SCENE, "--json")
    assert status == 0
    top = json.loads(out)[0]["top"]
    expected = ex.predict(ex.load_model("demo:signs-cnn"), ex.sample(SCENE).load()).top(5)
    assert [(t["label"], t["index"], t["probability"]) for t in top] == expected


def test_explain_writes_overlay_array_and_manifest(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture = tmp_path / "my photo.png"
    ex.sample("photo:rocket").load().save(picture)
    arguments = ["explain", "--model", "demo:signs-cnn", "--method", "integrated-gradients", "--option", "steps=7"]
    status, out, _ = run(capsys, *arguments, "--target", "stop", str(picture), "--out", str(tmp_path / "out"), "--json")
    assert status == 0
    manifest = json.loads(out)[0]
    values = np.load(tmp_path / "out" / manifest["values"])
    model = ex.load_model("demo:signs-cnn")
    expected = ex.explain(model, ex.read_image(picture), "integrated-gradients", "stop", steps=7)
    np.testing.assert_allclose(values, expected.values.numpy(), rtol=1e-4, atol=1e-6)
    assert manifest["options"]["steps"] == 7
    assert manifest["target"] == "stop"
    assert manifest["completeness_gap"] == pytest.approx(float(expected.completeness.gap[0]), abs=1e-4)
    assert Image.open(tmp_path / "out" / manifest["overlay"]).width > 600
    stored = json.loads((tmp_path / "out" / manifest["overlay"]).with_suffix(".json").read_text())
    assert stored == manifest


def test_why_this_rather_than_that(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["explain", "--model", "demo:signs-cnn", "--target", "stop", "--against", "give way", "--json"]
    status, out, _ = run(capsys, *arguments, SCENE, "--out", str(tmp_path))
    assert status == 0
    manifest = json.loads(out)[0]
    assert manifest["target"] == "stop rather than give way"
    model = ex.load_model("demo:signs-cnn")
    target = ex.ContrastTarget(ex.class_index("stop", model), ex.class_index("give way", model))
    expected = ex.explain(model, ex.sample(SCENE).load(), "grad-cam", target)
    np.testing.assert_allclose(np.load(tmp_path / manifest["values"]), expected.values.numpy(), rtol=1e-4, atol=1e-6)


def test_a_channel_of_a_layer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["explain", "--model", "demo:signs-cnn", "--method", "integrated-gradients", "--option", "steps=5"]
    status, out, _ = run(capsys, *arguments, "--target", "layer2.0:17:3,4", SCENE, "--out", str(tmp_path), "--json")
    assert status == 0
    manifest = json.loads(out)[0]
    assert manifest["target"] == "channel 17 of layer2.0 at (3, 4)"
    model, target = ex.load_model("demo:signs-cnn"), ex.ChannelTarget("layer2.0", 17, (3, 4))
    expected = ex.explain(model, ex.sample(SCENE).load(), "integrated-gradients", target, steps=5)
    np.testing.assert_allclose(np.load(tmp_path / manifest["values"]), expected.values.numpy(), rtol=1e-4, atol=1e-6)
    assert manifest["score"] == pytest.approx(float(expected.score[0]), rel=1e-4)


def test_a_verdict_goes_into_the_manifest_and_its_sentence_on_the_screen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scene = draw_scene(1000050)
    picture, mask = tmp_path / "scene.png", tmp_path / "mask.png"
    scene.image.save(picture)
    Image.fromarray(scene.signs[0].mask).save(mask)
    arguments = [
        "explain",
        "--model",
        "demo:signs-cnn",
        str(picture),
        "--out",
        str(tmp_path / "out"),
        "--truth",
        str(mask),
    ]
    status, out, _ = run(capsys, *arguments, "--verify", "pointing-game,energy-inside,deletion", "--json")
    assert status == 0
    recorded = json.loads(out)[0]["verdict"]
    assert [check["check"] for check in recorded["checks"]] == ["pointing-game", "energy-inside", "deletion"]
    model = ex.load_model("demo:signs-cnn")
    verdict = ex.verify(model, scene.image, ex.explain(model, scene.image), "all", truth=scene.signs[0].mask)
    for check in recorded["checks"]:
        assert check["value"] == pytest.approx(verdict[check["check"]].value, abs=1e-6)
    status, out, _ = run(capsys, *arguments, "--verify")
    assert status == 0
    quick = ex.verify(model, scene.image, ex.explain(model, scene.image), truth=scene.signs[0].mask)
    assert quick.sentence in out
    status, out, err = run(capsys, *arguments, "--verify", "beauty")
    assert (status, out) == (2, "")
    assert "no check 'beauty'" in err


def test_the_ground_of_an_answer_goes_into_the_manifest_and_on_the_screen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    model, photo = ex.load_model("demo:signs-cnn"), "photo:chelsea"
    expected = ex.answer_ground(model, ex.sample(photo).load())
    status, out, _ = run(capsys, "predict", "--model", "demo:signs-cnn", photo, "--ground")
    assert status == 0
    assert f"Safe ground: not supported. {expected.reason}" in out
    assert expected.limit in out
    status, out, _ = run(
        capsys, "explain", "--model", "demo:signs-cnn", photo, "--ground", "--out", str(tmp_path), "--json"
    )
    assert status == 0
    manifest = json.loads(out)[0]
    assert manifest["ground"]["grade"] == "not supported"
    assert [f["finding"] for f in manifest["ground"]["findings"]] == ["sure", "stable", "familiar"]
    written = json.loads((tmp_path / manifest["overlay"]).with_suffix(".json").read_text())
    assert written["ground"]["reason"] == expected.reason


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "--model", "demo:nothing", "x.png"], "no demo model 'nothing'"),
        (["predict", "--model", "demo:signs-cnn", "nowhere.png"], "nowhere.png"),
        (["explain", "--model", "demo:signs-cnn", "--method", "gradcam", SCENE, "--out", "OUT"], "grad-cam"),
        (["explain", "--model", "demo:signs-cnn", "--option", "layer=layer9", SCENE, "--out", "OUT"], "layer9"),
        (["explain", "--model", "demo:signs-cnn", "--option", "nonsense", SCENE, "--out", "OUT"], "NAME=VALUE"),
        (["explain", "--model", "demo:signs-cnn", "--target", "stopp", SCENE, "--out", "OUT"], "did you mean: stop"),
        (["explain", "--model", "demo:signs-cnn", "--against", "stop", SCENE, "--out", "OUT"], "--target"),
        (["explain", "--model", "demo:signs-cnn", "--truth", "mask.png", SCENE, "--out", "OUT"], "--verify"),
        (["explain", "--model", "demo:signs-cnn", "--target", "77", SCENE, "--out", "OUT"], "77"),
        (["explain", "--model", "demo:signs-cnn", "--target", "layer9:1", SCENE, "--out", "OUT"], "mean one of: layer"),
        (["explain", "--model", "demo:signs-cnn", "--target", "layer2:99", SCENE, "--out", "OUT"], "no channel 99"),
        (["explain", "--model", "demo:signs-cnn", "--target", "fc:3:1", SCENE, "--out", "OUT"], "has 0 numbers, not 1"),
        (["explain", "--model", "demo:diabetes-mlp", SCENE, "--out", "OUT"], "images"),
        (["explain", "--model", "demo:signs-cnn", "--target", "²", SCENE, "--out", "OUT"], "no class '²'"),
        (["inspect", "nowhere.pt"], "nowhere.pt"),
        (["inspect", "~no-such-user/nowhere.pt"], "no file ~no-such-user/nowhere.pt"),
        (["weights", "--model", "torchvision:resnet5"], "resnet50"),
    ],
)
def test_bad_input_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], words: str
) -> None:
    status, out, err = run(capsys, *[str(tmp_path) if a == "OUT" else a for a in arguments])
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_inspect_lists_what_a_refused_file_wanted_to_run(
    capsys: pytest.CaptureFixture[str], shared_fixtures: Path
) -> None:
    path = shared_fixtures / "lightning" / "uvadl_cifar10_autoencoder64_UNSAFE_HPARAMS.ckpt"
    status, out, _ = run(capsys, "inspect", str(path))
    assert status == 0
    assert "pytorch_lightning.utilities.parsing.AttributeDict" in out
    assert "refused" in out


def test_weights_and_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "weights", "--model", "demo:signs-cnn", "--json")
    assert status == 0
    tensors = json.loads(out)["tensors"]
    network = ex.load_model("demo:signs-cnn").network
    assert [t["tensor"] for t in tensors] == [name for name, _ in network.named_parameters()]
    assert tensors[0]["mean"] == pytest.approx(float(next(network.parameters()).mean()), rel=1e-4)
    shortcut = Path(ex.__file__).parent / "demo" / "weights" / "signs-shortcut.safetensors"
    status, out, _ = run(capsys, "weights", "--model", "demo:signs-cnn", "--against", str(shortcut), "--json")
    assert status == 0
    assert {row["status"] for row in json.loads(out)} == {"changed"}


def test_json_keeps_small_numbers_and_is_json_where_they_are_not_finite(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = ex.load_model("demo:diabetes-mlp").network.state_dict()
    state["fc1.weight"] = state["fc1.weight"] * 1e-13
    state["fc2.bias"] = state["fc2.bias"] * float("nan")
    torch.save(state, tmp_path / "small.pt")
    _, out, _ = run(
        capsys, "weights", "--model", "demo:diabetes-mlp", "--weights", str(tmp_path / "small.pt"), "--json"
    )
    rows = {row["tensor"]: row for row in json.loads(out, parse_constant=pytest.fail)["tensors"]}
    assert rows["fc1.weight"]["std"] == pytest.approx(float(state["fc1.weight"].std(correction=0)), rel=0.02)
    assert rows["fc2.bias"]["mean"] is None


def test_it_runs_as_a_module_and_ends_quietly_in_a_pipe() -> None:
    done = subprocess.run(
        f"{sys.executable} -m explainers models | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("demo:signs-cnn")
    assert done.stderr == ""
