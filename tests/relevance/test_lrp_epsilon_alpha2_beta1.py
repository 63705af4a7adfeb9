"""EpsilonAlpha2Beta1, also with a flat first layer, against the slow version."""

from __future__ import annotations

from tests.support.slow_lrp import Dense, assert_slow_version, by_kind


def test_the_slow_version() -> None:
    assert_slow_version("lrp-epsilon-alpha2-beta1", by_kind(lambda d, r: d.alpha_beta(r, 2)))


def test_the_slow_version_with_a_flat_first_layer() -> None:
    assert_slow_version("lrp-epsilon-alpha2-beta1-flat", by_kind(lambda d, r: d.alpha_beta(r, 2), first=Dense.flat))
