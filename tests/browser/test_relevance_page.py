"""The relevance page in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

import explainers as ex
from pages.common.result.options_form import option_key
from tests.support.browser.driving import App, differ, query

pytestmark = pytest.mark.browser


def test_relevance_controls(app: App) -> None:
    app.open("relevance")
    picture, seen = app.images()
    assert differ(picture, seen) > 1
    expect(app.page.get_by_text("of the score arrives at the input")).to_be_attached()
    expect(app.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)  # hidden halves, and the flow
    text = app.text()
    for title, method, option in (
        ("LRP-γ", "lrp-gamma", "gamma"),
        ("LRP-αβ", "lrp-alpha-beta", "alpha"),
        ("LRP-ε", "lrp-epsilon", "epsilon"),
    ):
        app.choose("relevance_method", title)
        expect(app.page.get_by_text(f"What {title} shows, and what it does not")).to_be_attached()
        before = app.images()[1]
        app.slide(option_key("relevance", method, option), 20)
        assert differ(app.images()[1], before) > 0.01, option
        assert app.text() != text
        text = app.text()
    assert {"relevance_method", option_key("relevance", "lrp-epsilon", "epsilon")} <= set(query(app.page))
    # The map's own table is in its menu.
    app.page.get_by_role("tab", name="Numbers").click()
    name, content = app.download("CSV")
    assert name == "vitrine-relevance-flow-lrp-epsilon.csv"
    flow = ex.relevance_flow(ex.load_model("demo:signs-cnn"), ex.sample(ex.samples()[0].id).load(), None, "lrp-epsilon")
    assert len(content.decode().splitlines()) == 1 + len(flow)
    app.choose("model", "demo:signs-vit")
    expect(app.page.get_by_text("for which AttnLRP and CP-LRP have rules")).to_be_visible()
    expect(app.page.get_by_text("What AttnLRP shows, and what it does not")).to_be_attached()
    for title in ("CP-LRP", "AttnLRP"):
        app.choose("relevance_method_of_attention", title)
        expect(app.page.get_by_text(f"What {title} shows, and what it does not")).to_be_attached()
        expect(app.page.get_by_text("of the score arrives at the input")).to_be_attached()
        assert app.text() != text
        text = app.text()
    before = app.images()[1]
    app.slide(option_key("relevance", "attn-lrp", "patch_gamma"), 20)
    assert differ(app.images()[1], before) > 0.01


def test_a_transformer_begins_with_rules_for_attention(app: App) -> None:
    app.open("relevance?model=demo:signs-vit")
    expect(app.page.get_by_text("What AttnLRP shows, and what it does not")).to_be_attached()
    expect(app.page.get_by_text("for which AttnLRP and CP-LRP have rules")).to_be_visible()
    expect(app.page.get_by_test_id("stVegaLiteChart")).to_have_count(2)  # hidden halves, and the flow
