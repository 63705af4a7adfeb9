"""Options of methods: one pydantic model each, from which forms, flags and reports are made."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explainers.core.errors import VitrineError


class Options(BaseModel):
    """What can be chosen about a method. Frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, method: str, given: dict[str, Any]) -> Self:
        """Validate what a caller gave.

        Raises:
            VitrineError: an option does not exist or its value is out of range.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problem = error.errors()[0]
            name = ".".join(map(str, problem["loc"]))
            if problem["type"] == "extra_forbidden":
                known = ", ".join(cls.model_fields) or "none"
                raise VitrineError(f"{method} has no option {name!r}; its options are: {known}.") from error
            raise VitrineError(f"{method} cannot take {name}={problem['input']!r}: {problem['msg']}.") from error


class NoOptions(Options):
    """The method has nothing to choose."""


class LayerOptions(Options):
    layer: str | None = Field(
        None,
        description="The layer to look at; by default the last one with a map over the image.",
        json_schema_extra={"choices": "layers"},
    )
