"""The four grades that answer a question about a map or an answer."""

from __future__ import annotations

import enum


class Grade(enum.StrEnum):
    """What was measured for or against a statement.

    Example:
        >>> import explainers as ex
        >>> [str(grade) for grade in ex.Grade]
        ['supported', 'mixed', 'not supported', 'not checked']
    """

    SUPPORTED = "supported"
    MIXED = "mixed"
    NOT_SUPPORTED = "not supported"
    NOT_CHECKED = "not checked"
