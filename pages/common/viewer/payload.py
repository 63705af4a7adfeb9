"""What a viewer in the browser is given: one message of bytes, which travels once as long as nothing of it changes.

Four bytes with the length of the header (little-endian), the header as JSON, and then the parts whose sizes it names: the picture and
the map drawn over it as JPEG files, and the map's values as half-precision numbers at the map's own resolution.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seen:
    """What a viewer shows.

    Attributes:
        picture, drawn: JPEG files of one size; without a map `drawn` is empty.
        size: their width and height.
        values: (h, w), to be read under the cursor; None where there is nothing to read.
        unit: of the values.
        alt: what the picture is, for those who do not see it.
        small: one of many: without controls of its own, for it moves with the others.
        controls: the controls alone, of those that have none.
    """

    alt: str
    picture: bytes = b""
    drawn: bytes = b""
    size: tuple[int, int] = (1, 1)
    values: np.ndarray | None = None
    unit: str = ""
    small: bool = False
    controls: bool = False


def payload(seen: Seen) -> bytes:
    """The message: half-precision numbers have three digits, which is what is shown of them.

    They are divided by the largest first, for half precision ends at 65,504 and loses digits below 0.00006.
    """
    values = np.zeros((0, 0)) if seen.values is None else np.asarray(seen.values, np.float64)
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    parts = [seen.picture, seen.drawn, (values / largest).astype("<f2").tobytes()]
    header = {
        "alt": seen.alt, "width": seen.size[0], "height": seen.size[1], "rows": values.shape[0], "columns": values.shape[1],
        "largest": largest, "unit": seen.unit, "small": seen.small, "controls": seen.controls,
        "sizes": [len(part) for part in parts], "revision": hashlib.sha256(b"".join(parts)).hexdigest()[:12],
    }  # fmt: skip
    encoded = json.dumps(header).encode()
    return struct.pack("<I", len(encoded)) + encoded + b"".join(parts)
