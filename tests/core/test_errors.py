"""The two exceptions a caller may meet."""

from __future__ import annotations

from explainers.core.errors import Cancelled, VitrineError


def test_who_shows_faults_of_the_user_does_not_show_that_work_was_stopped() -> None:
    assert not issubclass(Cancelled, VitrineError)
    assert not issubclass(VitrineError, Cancelled)


def test_the_message_is_what_is_shown() -> None:
    assert str(VitrineError("There is no method 'x'.")) == "There is no method 'x'."
