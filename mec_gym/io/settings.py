"""What every settings model shares: frozen, validated, one-line errors, TOML in and out."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from mec_gym.io.files import beside, read_file
from mec_gym.io.messages import closest, one_line, quoted
from mec_gym.io.names import no_imports

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MOST_BYTES = 1 << 25
"""A longer TOML file is refused before it is read; the tables in one take some megabytes."""


_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_type": "must be a whole number",
    "missing": "must be given",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_long": "must have {max_length} values at most",
    "too_short": "must have {min_length} or more values",
    "tuple_type": "must be a list",
}
"""By pydantic's name of a problem what to say of it, where its own words speak of its insides."""


def _one_line(error: ValidationError, fields: Iterable[str]) -> str:
    """Return what is wrong, problem by problem; `fields` are those that may be given."""
    return one_line("; ".join(_problem(each, fields) for each in error.errors()), 2000)


def _problem(problem: "ErrorDetails", fields: Iterable[str]) -> str:
    kind, given = problem["type"], problem["input"]
    field = ".".join(str(part) for part in problem["loc"])
    context = problem.get("ctx", {})
    if kind == "value_error":  # ours
        said = one_line(problem["msg"].removeprefix("Value error, "))
        return said if not field or said.startswith(f"{field}: ") else f"{field}: {said}"
    if kind == "extra_forbidden":
        meant = closest(field, fields)
        return f"{field}: no such field; " + (
            f"did you mean {meant}?" if meant else f"there are: {', '.join(sorted(fields))}"
        )
    if kind in ("dataclass_type", "dict_type", "is_instance_of", "model_type"):
        said = "must be a table of its fields"
    elif kind in _WORDS:
        said = _WORDS[kind].format(**context)
    else:
        said = one_line(problem["msg"]).replace("Input should be", "must be")
    meant = closest(given, _IN_QUOTES.findall(said)) if kind == "literal_error" else None
    guess = f"; did you mean {meant!r}?" if meant else ""
    return f"{field}: {said} (got {quoted(given)}{guess})"


_IN_QUOTES = re.compile(r"'([^']*)'")


def plain(value: Any) -> Any:
    """Return a value with Python's lists and numbers in place of NumPy's, also within it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {name: plain(each) for name, each in value.items()}
    return value


class Settings(BaseModel):
    """A frozen, validated block of settings that reads from and writes to TOML.

    NumPy's arrays and numbers may stand wherever lists and numbers may.

    Raises:
        ValueError: one line that names each field, its value and the remedy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**plain(fields))
        except ValidationError as error:
            raise ValueError(_one_line(error, type(self).model_fields)) from None

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
            fields = tomllib.loads(_text(read_file(Path(path), _MOST_BYTES)))
            with no_imports(), beside(Path(path)):
                return cls(**fields)
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or one_line(error)}") from None
        except (ValueError, RecursionError) as error:  # TOML's own is a ValueError
            raise ValueError(f"{path}: {one_line(error, 2000)}") from None

    def to_toml(self) -> str:
        """Return the settings as TOML, every field written out; fields that are None left out."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def _text(content: bytes) -> str:
    """Return a file's text; editors of Windows begin it with a mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise ValueError(f"line {line} is not UTF-8 (byte {byte:#04x}); save it as UTF-8") from None


def _positive(value: Any) -> float:
    return _finite(value, lambda number: number > 0, "above 0")


def not_negative(value: Any) -> float:
    """Return a finite number, 0 or more.

    Raises:
        ValueError: it is none.
    """
    return _finite(value, lambda number: number >= 0, "0 or more") + 0.0  # no -0


def _finite(value: Any, fits: Callable[[float], bool], least: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{quoted(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and fits(number)):
        raise ValueError(f"{quoted(value)} must be finite and {least}")
    return number


def _number_or_range(value: Any) -> float | tuple[float, float]:
    if not isinstance(value, list | tuple):
        return _positive(value)
    if len(value) != 2:
        raise ValueError(f"{quoted(value)} must be one number or a range [low, high]")
    low, high = (_positive(end) for end in value)
    if not low < high:
        raise ValueError(f"the range [{low:g}, {high:g}] is empty; low must be below high")
    return low, high


def _number_or_each(value: Any) -> float | tuple[float, ...]:
    if isinstance(value, list | tuple):
        return tuple(_positive(item) for item in value)
    return _positive(value)


def _several(number: Callable[[Any], float]) -> Callable[[Any], float | tuple[float, ...]]:
    def checked(value: Any) -> float | tuple[float, ...]:
        if not isinstance(value, list | tuple):
            return number(value)
        if not value:
            raise ValueError("[] must be a number, a range [low, high], or one number each")
        return tuple(number(item) for item in value)

    return checked


def _begin(value: Any) -> float | str:
    if isinstance(value, str) and value != "drawn":
        raise ValueError(f"{quoted(value)} is neither 'drawn' nor a number")
    return value if isinstance(value, str) else not_negative(value)


Positive = Annotated[float, BeforeValidator(_positive)]
"""A finite number above 0."""

RangeField = Annotated[float | tuple[float, float], BeforeValidator(_number_or_range)]
"""A constant, or the two ends (low, high) of a uniform distribution; finite and above 0."""

NotNegative = Annotated[float, BeforeValidator(not_negative)]
"""A finite number, 0 or more."""

Begin = Annotated[Literal["drawn"] | float, BeforeValidator(_begin)]
"""Where in a table an episode begins: a number, 0 or more, or drawn."""

RangeOrEach = Annotated[float | tuple[float, ...], BeforeValidator(_several(_positive))]
"""A constant, the ends [low, high] of a uniform distribution, or one each; above 0."""

RangeOrEachFrom0 = Annotated[float | tuple[float, ...], BeforeValidator(_several(not_negative))]
"""The same, 0 or more."""

NumberOrEach = Annotated[float | tuple[float, ...], BeforeValidator(_number_or_each)]
"""One number for all, or one each; finite and above 0."""
