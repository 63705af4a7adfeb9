"""The thresholds of the grade of a map. All of them come from scenes and grids of photographs as
`python -m benchmarks reliability` draws them; it prints what they are worth on fresh ones. See docs/truth.md.
"""

from typing import Final

BEATEN: Final = 0.95
"""Share of moved copies that a map must fit the scores better than, for its place to matter; below `UNREMARKABLE` it does not."""

UNREMARKABLE: Final = 0.80

FITTING: Final = 0.3
"""Correlation of what is seen of a map with the scores from which on its place matters."""

MEASURABLE: Final = 0.25
"""Deviation of a class's score, as a share of that of all classes' scores, below which there is nothing to measure: networks that
learnt nothing hardly get there."""

OTHER_CLASS: Final = 0.85
"""Rank correlation with the map of another class from which on a map is not this class's own."""

REPRODUCED: Final = 0.6
"""Rank correlation with a second run below which a map is not one that the method makes of this model and picture."""

SECOND_RUN: Final = 0.05
"""By how much the map must be more like a second run of itself than like another class's."""

SAME_SIZES: Final = 0.7
"""Rank correlation of absolute values with those of a network that learnt nothing, from which on the map is an edge detector's."""
