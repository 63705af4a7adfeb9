"""Where an error stands: in the page, and there in the place of the picture; never beside something untrue."""

from __future__ import annotations

import pytest

import explainers as ex
from tests.support.app import opened

CHANNEL = {"target": "a channel of a layer", "target_layer": "layer2", "channel_place": "300, 2"}
UNFIT = {"model": "demo:signs-vit", "relevance_method_of_attention": "LRP-ε"}


@pytest.mark.parametrize("page", ["overview", "saliency", "grad_cam", "perturbation", "relevance", "compare"])
def test_what_the_sidebar_refuses_is_said_in_the_page_too(page: str) -> None:
    app = opened(page, target="stop", against="stop")
    (message,) = app.sidebar.error
    assert "choose another class than 'stop' in one of the two" in message.value
    assert [error.value for error in app.main.error] == [message.value]
    assert not app.info


def test_a_model_that_cannot_be_had_is_said_in_the_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: str, **_: object) -> None:
        raise ex.VitrineError(f"The download of {spec} failed.")

    monkeypatch.setattr(ex, "load_model", refuse)
    for page in ("overview", "weight_stats"):
        app = opened(page, model="torchvision:shufflenet_v2_x1_0")
        assert [error.value for error in app.main.error] == [app.sidebar.error[0].value]
        assert "failed" in app.sidebar.error[0].value
        assert not app.info


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("saliency", CHANNEL),
        ("grad_cam", CHANNEL),
        ("perturbation", CHANNEL),
        ("relevance", UNFIT),
        ("compare", CHANNEL | {"compare_columns_beside_methods": "layers"}),
    ],
)
def test_an_error_stands_in_the_place_of_the_picture(page: str, query: dict[str, str]) -> None:
    app = opened(page, **query)
    controls, shown = app.main.columns[:2]
    assert not controls.error
    assert [error.value for error in shown.error] == [error.value for error in app.error]
    assert len(shown.error) == 1
