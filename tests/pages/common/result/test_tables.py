"""Tables on a page: of a map's values, and of shapes as people write them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pages.common.result.tables import readable, strongest


def test_strongest_cells_come_first_whatever_their_sign() -> None:
    table = strongest(np.array([[0.0, -5.0], [3.0, 1.0]]), 3)
    assert table.to_dict("list") == {"row": [0, 1, 1], "column": [1, 0, 1], "value": [-5.0, 3.0, 1.0]}


def test_shapes_are_written_as_people_write_them() -> None:
    table = readable(pd.DataFrame({"tensor": ["a", "b"], "shape": [(64, 3, 7, 7), ()]}))
    assert table["shape"].tolist() == ["64 × 3 × 7 × 7", "scalar"]
