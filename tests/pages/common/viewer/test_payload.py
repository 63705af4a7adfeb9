"""What travels to the browser can be read there."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from pages.common.viewer.payload import Seen, payload


def unpacked(message: bytes) -> tuple[dict, list[bytes]]:
    (length,) = struct.unpack_from("<I", message)
    header, start, parts = json.loads(message[4 : 4 + length]), 4 + length, []
    for size in header["sizes"]:
        parts.append(message[start : start + size])
        start += size
    assert start == len(message)
    return header, parts


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e30])
def test_values_keep_three_digits_whatever_their_unit(unit: float) -> None:
    values = np.random.default_rng(0).normal(size=(7, 5)) * unit
    header, (picture, drawn, numbers) = unpacked(payload(Seen("a", b"one", b"other", (56, 40), values, "units")))
    assert (picture, drawn) == (b"one", b"other")
    assert (header["rows"], header["columns"], header["width"], header["height"]) == (7, 5, 56, 40)
    read = np.frombuffer(numbers, "<f2").astype(float).reshape(7, 5) * header["largest"]
    large = np.abs(values) > 1e-4 * unit  # half precision has eleven bits above, fewer near zero
    assert np.allclose(read[large], values[large], rtol=2**-11)
    assert np.abs(read - values).max() < 2**-11 * np.abs(values).max()


def test_values_that_are_not_finite_and_maps_of_nothing_travel_too() -> None:
    header, parts = unpacked(payload(Seen("a", values=np.array([[np.nan, np.inf, 2.0, 0.0]]))))
    assert header["largest"] == 2.0
    read = np.frombuffer(parts[2], "<f2")
    assert np.isnan(read[0])
    assert np.isinf(read[1])
    assert read[2:].tolist() == [1, 0]
    assert unpacked(payload(Seen("a", values=np.zeros((2, 2)))))[0]["largest"] == 1
    header, parts = unpacked(payload(Seen("a", b"picture")))
    assert header["rows"] == 0
    assert parts == [b"picture", b"", b""]


def test_the_revision_tells_whether_anything_has_to_be_drawn_anew() -> None:
    same, other = (unpacked(payload(Seen("words", picture)))[0]["revision"] for picture in (b"a", b"b"))
    assert same != other
    assert unpacked(payload(Seen("other words", b"a")))[0]["revision"] == same
