"""The words that findings share."""

from __future__ import annotations

import pytest

from explainers.trust.finding import no_finite_scores, percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.004, "less than 1 %"), (0.01, "1 %"), (0.126, "13 %"), (0.995, "more than 99 %"), (1, "100 %")],
)
def test_a_share_that_is_not_nothing_is_not_called_nothing(share: float, words: str) -> None:
    assert percent(share) == words


def test_scores_that_are_not_finite_leave_no_value() -> None:
    finding = no_finite_scores("road")
    assert (finding.check, finding.value, finding.good, finding.clause) == ("road", None, None, "")
