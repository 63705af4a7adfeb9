"""What all sessions share: made once, and bounded."""

from __future__ import annotations

import explainers as ex
from pages.common.app.caches import BoundedCache, size_of


def test_a_value_is_made_once_and_the_cache_is_bounded() -> None:
    calls: list[int] = []
    cache: BoundedCache[bytes] = BoundedCache(limit=10, size=len)

    def make() -> bytes:
        calls.append(1)
        return b"12345678"

    assert cache.get("a", make) is cache.get("a", make)
    assert len(calls) == 1
    cache.get("b", make)
    assert cache.find("a") is None
    assert cache.get("too large", lambda: b"x" * 11) == b"x" * 11
    assert cache.find("too large") is None
    cache.drop("b")
    assert cache.find("b") is None


def test_size_of_a_result_counts_its_array() -> None:
    attribution = ex.explain(ex.load_model("demo:signs-cnn"), ex.sample("scene:1000050").load(), "gradient")
    assert size_of(attribution) >= 2 * 4 * 3 * 96 * 96  # with the input, which it keeps
    assert size_of([attribution, attribution]) == 2 * size_of(attribution)
