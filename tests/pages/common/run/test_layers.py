"""The layers that a page can ask about."""

from __future__ import annotations

from dataclasses import replace

import explainers as ex
from pages.common.run.layers import layers_of
from pages.common.sections.story import scene


def test_layers_are_those_before_the_target() -> None:
    selection = scene("demo:signs-cnn", "scene:1000050")
    names = [layer.name for layer in layers_of(selection)]
    assert names == [layer.name for layer in ex.layers(selection.model)]
    target = ex.ChannelTarget("layer2", 3)
    of_a_channel = replace(selection, target=target, target_code='ex.ChannelTarget("layer2", 3)')
    before = [layer.name for layer in layers_of(of_a_channel)]
    assert before == [layer.name for layer in ex.layers(selection.model, target)]
    assert set(before) < set(names)
