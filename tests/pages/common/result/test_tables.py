"""Tables on a page: of a map's values, and of shapes as people write them."""

from __future__ import annotations

import numpy as np

from pages.common.result.tables import strongest


def test_strongest_cells_come_first_whatever_their_sign() -> None:
    table = strongest(np.array([[0.0, -5.0], [3.0, 1.0]]), 3)
    assert table.to_dict("list") == {"row": [0, 1, 1], "column": [1, 0, 1], "value": [-5.0, 3.0, 1.0]}
