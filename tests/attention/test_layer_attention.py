"""Attention of one layer against the slow version, and which layers and heads there are."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

import explainers as ex
from explainers.core.errors import VitrineError
from tests.support.attention_maps import assert_slow_version, doubles, every_kind_and_prefix
from tests.support.models.transformers import tiny_vit


@every_kind_and_prefix
def test_the_slow_version(prefix: int, kind: type[nn.Module]) -> None:
    assert_slow_version("attention", lambda weights, gradients: np.mean(weights[-1], axis=0), prefix, kind)


def test_layers_and_heads_that_do_not_exist_are_sentences() -> None:
    with pytest.raises(VitrineError, match="tiny-vit has 3 attention layers, from 0; there is no number 3"):
        ex.explain(tiny_vit(), doubles(1), "attention", block=3)
    with pytest.raises(VitrineError, match=r"tiny-vit has 2 heads in blocks.2.attn, from 0; there is no number 7"):
        ex.explain(tiny_vit(), doubles(1), "attention", head=7)
