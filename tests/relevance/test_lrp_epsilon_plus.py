"""EpsilonPlus, also with a flat first layer, against the slow version."""

from __future__ import annotations

import pytest

from tests.support.slow_lrp import Dense, assert_slow_version, by_kind


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_the_slow_version(epsilon: float) -> None:
    composite = by_kind(lambda d, r: d.alpha_beta(r, 1), lambda d, r: d.epsilon(r, epsilon))
    assert_slow_version("lrp-epsilon-plus", composite, epsilon=epsilon)


def test_the_slow_version_with_a_flat_first_layer() -> None:
    assert_slow_version("lrp-epsilon-plus-flat", by_kind(lambda d, r: d.alpha_beta(r, 1), first=Dense.flat))
