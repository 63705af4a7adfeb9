"""LRP-γ against the slow version."""

from __future__ import annotations

import pytest

from tests.support.slow_lrp import assert_slow_version, single_rule


@pytest.mark.parametrize("gamma", [0.25, 1.0])
def test_the_slow_version(gamma: float) -> None:
    assert_slow_version("lrp-gamma", single_rule(lambda d, r: d.gamma(r, gamma)), gamma=gamma)
