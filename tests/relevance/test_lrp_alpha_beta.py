"""LRP-αβ against the slow version."""

from __future__ import annotations

import pytest

from tests.support.slow_lrp import assert_slow_version, single_rule


@pytest.mark.parametrize("alpha", [1.0, 2.0, 3.4])
def test_the_slow_version(alpha: float) -> None:
    assert_slow_version("lrp-alpha-beta", single_rule(lambda d, r: d.alpha_beta(r, alpha)), alpha=alpha)
