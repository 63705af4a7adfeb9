"""The Python behind a view: whole scripts, letter by letter, of what the sidebar and the forms chose."""

from __future__ import annotations

import explainers as ex
from pages.common.app.selection import Selection
from pages.common.run.snippets import (
    call,
    explain_code,
    flow_code,
    heads_code,
    questions_code,
    script,
    verdict_code,
    weight_stats_code,
)
from pages.common.sections.story import scene


def selected(target_code: str = "") -> Selection:
    selection = scene("demo:signs-cnn", "scene:1000050")
    return Selection(
        selection.model, selection.image, None, selection.model_code, selection.image_code, target_code, selection.key
    )


SETUP = """import explainers as ex

model = ex.load_model("demo:signs-cnn")
image = ex.sample("scene:1000050").load()
"""


def test_a_call_leaves_out_what_is_empty_and_names_choices() -> None:
    fill = ex.find_method("occlusion").options.model_fields["fill"].default
    assert call("explain", "model", "", fill=fill, patch=8) == f"ex.explain(model, fill={fill.value!r}, patch=8)"
    assert script("print(1)") == "import explainers as ex\n\nprint(1)"


def test_a_map() -> None:
    method = ex.find_method("grad-cam")
    assert explain_code(selected(), method, {}) == (
        SETUP + 'a = ex.explain(model, image, method="grad-cam")\nvalues = a.values'
    )
    assert explain_code(selected("3"), method, {"layer": "layer2"}, "print(1)") == (
        SETUP
        + "a = ex.explain(model, image, method=\"grad-cam\", target=3, layer='layer2')\nvalues = a.values\nprint(1)"
    )


def test_the_maps_of_several_layers() -> None:
    assert explain_code(selected(), ex.find_method("grad-cam"), {"layer": ["layer1", "layer2"]}) == (
        SETUP + "maps = ex.explain(model, image, method=\"grad-cam\", layer=['layer1', 'layer2'])\n"
        "values = [a.values for a in maps]"
    )


def test_the_tables() -> None:
    assert heads_code(selected("3")) == (
        SETUP + "heads = ex.attention_heads(model, image, target=3)\ntable = heads.distances"
    )
    assert flow_code(selected(), ex.find_method("lrp-epsilon-plus"), {"epsilon": 0.2}) == (
        SETUP + 'flow = ex.relevance_flow(model, image, method="lrp-epsilon-plus", epsilon=0.2)'
    )
    assert weight_stats_code("model = 1") == "import explainers as ex\n\nmodel = 1\ntable = ex.weight_stats(model)"


def test_a_comparison() -> None:
    assert questions_code(["model = 1"], ["ex.Question(model),"]) == (
        "import explainers as ex\n\nmodel = 1\nquestions = [\n    ex.Question(model),\n]\nmaps = ex.explain_all(questions)"
    )


def test_a_verdict_goes_on_where_the_map_ends() -> None:
    assert verdict_code(None, {}, "") == (
        "verdicts = [\n    ex.verify(model, image, a),\n]\n"
        "verdict = ex.Verdict.joined(verdicts)\n"
        "print(verdict.grade, verdict.reason)\n"
        "ground = ex.answer_ground(model, image)\n"
        "print(ground.grade, ground.reason)"
    )
    assert verdict_code("(1, 2, 3, 4)", {"deletion": {"steps": 4}}, "3") == (
        "truth = (1, 2, 3, 4)\n"
        "verdicts = [\n"
        "    ex.verify(model, image, a, truth=truth),\n"
        "    ex.verify(model, image, a, 'deletion', steps=4),\n"
        "]\n"
        "verdict = ex.Verdict.joined(verdicts)\n"
        "print(verdict.grade, verdict.reason)\n"
        "ground = ex.answer_ground(model, image, target=3)\n"
        "print(ground.grade, ground.reason)"
    )
