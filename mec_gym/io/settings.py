"""What every settings model shares: frozen, validated, one-line errors, TOML in and out."""

import math
import tomllib
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mec_gym.io.files import read_file
from mec_gym.io.messages import one_line, quoted
from mec_gym.io.names import no_imports

_MOST_BYTES = 1 << 20
"""A longer TOML file is refused before it is read."""


def _one_line(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        message = one_line(problem["msg"].removeprefix("Value error, "))
        given = "" if problem["type"] == "value_error" else f" (got {quoted(problem['input'])})"
        if problem["type"] == "extra_forbidden":
            message, given = "no such field", ""
        named = not field or message.startswith(f"{field}: ")
        problems.append(message + given if named else f"{field}: {message}{given}")
    return one_line("; ".join(problems), 2000)


class Settings(BaseModel):
    """A frozen, validated block of settings that reads from and writes to TOML.

    Raises:
        ValueError: one line that names each field, its value and the remedy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(_one_line(error)) from None

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with some fields changed."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**{name: v for name, v in given.items() if v is not None} | changes)

    @classmethod
    def from_toml(cls, path: str | Path) -> Self:
        """Read the settings from a TOML file.

        Raises:
            ValueError: the file is missing, is not TOML, or holds a bad value; the message names
                the file.
        """
        try:
            fields = tomllib.loads(read_file(Path(path), _MOST_BYTES).decode())
            with no_imports():
                return cls(**fields)
        except (OSError, ValueError, RecursionError) as error:  # TOML's own is a ValueError
            raise ValueError(f"{path}: {one_line(error, 2000)}") from None

    def to_toml(self) -> str:
        """Return the settings as TOML, every field written out; fields that are None left out."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{value!r} must be finite and above 0")
    return number


def _number_or_range(value: Any) -> float | tuple[float, float]:
    if not isinstance(value, list | tuple):
        return _positive(value)
    if len(value) != 2:
        raise ValueError(f"{value!r} must be one number or a range [low, high]")
    low, high = (_positive(end) for end in value)
    if not low < high:
        raise ValueError(f"the range [{low:g}, {high:g}] is empty; low must be below high")
    return low, high


def _number_or_each(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, list | tuple):
        return tuple(_positive(item) for item in value)
    return _positive(value)


Positive = Annotated[float, BeforeValidator(_positive)]
"""A finite number above 0."""

Range = Annotated[float | tuple[float, float], BeforeValidator(_number_or_range)]
"""A constant, or the two ends (low, high) of a uniform distribution; finite and above 0."""

NumberOrEach = Annotated[float | tuple[float, ...], BeforeValidator(_number_or_each)]
"""One number for all, or one each; finite and above 0."""
