"""What a picture says of itself."""

from __future__ import annotations

from explainers.render.provenance import Provenance

WHOLE = Provenance(
    "demo:signs-cnn", "street.jpg", "stop", "Grad-CAM at layer4", "eigen_smooth=True", "12.300", "Supported.", "2026-11-27",
    "http://127.0.0.1:8501/grad_cam?input=street",
)  # fmt: skip


def test_the_words_under_a_picture_name_all_that_is_known() -> None:
    assert WHOLE.lines() == [
        "Model demo:signs-cnn on the picture street.jpg; target: stop, score 12.300.",
        "Method: Grad-CAM at layer4 (eigen_smooth=True).",
        "Verdict: Supported.",
        "2026-11-27",
        "http://127.0.0.1:8501/grad_cam?input=street",
    ]
    bare = Provenance("m", "p", "t", "Gradient")
    assert bare.lines() == ["Model m on the picture p; target: t.", "Method: Gradient."]


def test_the_file_says_the_same_by_keywords_that_png_allows() -> None:
    words = WHOLE.metadata()
    assert words["Title"] == "Grad-CAM at layer4"
    assert words["Source"] == "http://127.0.0.1:8501/grad_cam?input=street"
    assert words["Verdict"] == "Supported."
    assert all(line in words["Description"] for line in WHOLE.lines())
    assert all(1 <= len(keyword) <= 79 and keyword.isascii() for keyword in words)
    assert set(Provenance("m", "p", "t", "Gradient").metadata()) == {
        "Title", "Description", "Software", "Model", "Picture", "Target", "Method",
    }  # fmt: skip
