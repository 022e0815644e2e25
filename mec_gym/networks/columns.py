"""The columns that a table may have: what each holds, and cells turned into arrays and checked."""

import difflib
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.io.messages import closest, quoted

Cells = Sequence[Any]
"""The cells of a column: texts of a file, or values given in Python."""

_MOST_SHOWN = 3
_MOST_COUNTED = 1000
_SHOWN_LENGTH = 40
_LONGEST_NAME = 64
_MOST_NUMBERS = 1000
_NUMBERS = re.compile(r"(\d{1,9}([\s;]+|$))*", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_SPOKEN = {"nan", "inf", "infinity", "none", "null", "n/a", "na", "-", "?"}
_TYPO = 0.8
"""How alike a name must be to be a typo of one of ours where columns of other names may stay."""


@dataclass(frozen=True)
class Column:
    """What a column is called and holds.

    Attributes:
        name: in the header, in any case.
        unit: of its values, for messages; empty for a text.
        also: other names of it.
        low: values must be above it, or also equal to it where `closed`.
        high: the greatest value.
        closed: whether `low` itself may occur.
        kind: a number, a whole number, a name, or numbers separated by spaces or semicolons.
        needed: whether every table has it, or `without` in its place.
        beside: the column without which it means nothing; empty: none.
        without: the column that says the same otherwise; empty: none.
        aside: what is asked where a value is too low or too high.
    """

    name: str
    unit: str = ""
    also: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1e18
    closed: bool = False
    kind: str = "number"
    needed: bool = False
    beside: str = ""
    without: str = ""
    aside: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.kind in ("name", "numbers")

    @property
    def dtype(self) -> type[np.generic]:
        """What its arrays hold."""
        if self.is_text:
            return np.str_
        return np.int64 if self.kind == "whole" else np.float64

    @property
    def least(self) -> str:
        """What is said of values that are too low."""
        return f"{self.low:g} or more" if self.closed else f"above {self.low:g}"

    def holds(self, values: NDArray[Any]) -> bool:
        """Return whether all of an array may stand in it."""
        if self.is_text or values.dtype.kind not in "iuf":
            return self.is_text and values.dtype.kind == "U"
        inside = (values >= self.low) if self.closed else (values > self.low)
        whole = self.kind != "whole" or bool((values == np.floor(values)).all())
        return whole and bool((inside & (values <= self.high)).all())  # not so for NaN


class Wrong:
    """Wrong rows: the first of them as they are to be told, and how many there are."""

    def __init__(self, where: str) -> None:
        self._where, self._said, self._count = where, list[str](), 0

    def add(self, found: Iterable[tuple[int, str]]) -> None:
        """Add rows, by number and what is wrong; they come in order.

        Raises:
            ValueError: they are too many to go on counting.
        """
        for number, said in found:
            self._count += 1
            if len(self._said) < _MOST_SHOWN:
                self._said.append(f"{self._where} {number}: {said}")
            if self._count == _MOST_COUNTED:
                self.refuse()

    def refuse(self) -> None:
        """Raise what is told.

        Raises:
            ValueError: some row is wrong.
        """
        if self._count:
            more = self._count - len(self._said)
            least = "at least " if self._count == _MOST_COUNTED else ""
            rows = f"; rows that are wrong beside these: {least}{more}" if more else ""
            raise ValueError("; ".join(self._said) + rows)


def plain(name: str) -> str:
    """Return a name as names are compared: without case, with one kind of space."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def placed(
    names: Sequence[str], columns: Sequence[Column], extra: Iterable[str], others: bool = False
) -> list[str]:
    """Return which column each name of a header is; empty for one that is not looked at.

    Args:
        names: of the header.
        columns: those that there may be.
        extra: names that are not looked at.
        others: whether any other name is not looked at either, unless it is a column's mistyped.

    Raises:
        ValueError: one is missing, twice there, or none that there is.
    """
    known = {plain(each): column.name for column in columns for each in (column.name, *column.also)}
    extra = set(extra) - set(known)
    found = ["" if plain(name) in extra else known.get(plain(name), name) for name in names]
    ours = {column.name for column in columns}
    if others:
        there = set(found)
        found = [name if name in ours or _mistyped(name, known, there) else "" for name in found]
    there_are = ", ".join(column.name for column in columns)
    strange = [name for name in found if name and name not in ours]
    for column in columns:
        if column.needed and column.name not in found and column.without not in found:
            meant = closest(column.name, names if others else strange)
            guess = f" (is {quoted(meant, _SHOWN_LENGTH)} meant?)" if meant else ""
            either = f", or {column.without!r} in its place" if column.without else ""
            header = ", ".join(names)
            raise ValueError(
                f"column {column.name!r} is missing{guess}{either}; the header is"
                f" {quoted(header, 2 * _SHOWN_LENGTH)}, there are: {there_are}"
            )
    may_stay = "" if others else f" ({', '.join(sorted(extra))} may stay)"
    for name in found:
        if name and name not in ours:
            meant = closest(name, known)
            guess = f" (did you mean {known[meant]!r}?)" if meant else ""
            raise ValueError(
                f"column {quoted(name, _SHOWN_LENGTH)}: there is no such{guess}; there are:"
                f" {there_are}; rename it or take it out{may_stay}"
            )
        if name and found.count(name) > 1:
            raise ValueError(f"column {name!r} is there twice; take one out")
    for column in columns:
        if column.name in found and column.beside and column.beside not in found:
            raise ValueError(f"column {column.name!r} needs {column.beside!r} beside it")
        if column.without and {column.name, column.without} <= set(found):
            raise ValueError(
                f"columns {column.without!r} and {column.name!r} say the same; take one out"
            )
    return found


def _mistyped(name: str, known: Mapping[str, str], there: Collection[str]) -> bool:
    """Return whether a name is nearly that of a column that is not there."""
    written = plain(name)
    return any(
        abs(len(each) - len(written)) <= 1
        and len(each) > 3  # shorter ones are near to anything
        and difflib.SequenceMatcher(None, each, written).ratio() >= _TYPO
        for each, column in known.items()
        if column not in there
    )


def converted(column: Column, cells: Cells) -> NDArray[Any] | None:
    """Return the values of cells, or None where one of them is wrong: `problem` says which."""
    if column.is_text:
        read = _name if column.kind == "name" else _numbers
        try:
            distinct = {cell: read(cell) for cell in set(cells) if not problem(column, cell)}
            return np.array([distinct[cell] for cell in cells], dtype=np.str_)
        except (KeyError, TypeError):  # wrong, or a list
            if any(problem(column, cell) for cell in cells):
                return None
            return np.array([read(cell) for cell in cells], dtype=np.str_)
    if all(type(cell) is str for cell in cells):
        text = "".join(cells)
        if "_" in text or not text.isascii():
            return None
    elif any(isinstance(cell, bool | str) or not isinstance(cell, Real) for cell in cells):
        return None
    try:
        values = np.array([float(cell) for cell in cells])
    except (ValueError, OverflowError):
        return None
    if not column.holds(values):
        return None
    return values.astype(column.dtype)


def problem(column: Column, cell: Any) -> str:
    """Return what is wrong with a cell and what would do; empty where nothing is."""
    if column.kind == "numbers":
        said = _said_of_numbers(cell)
    else:
        said = _said_of_name(cell) if column.kind == "name" else _said_of_number(column, cell)
    if isinstance(cell, str) and cell.strip()[:1] in ("=", "@", "#"):
        said = "is a formula or its error; export the sheet's values instead"
    empty = isinstance(cell, str) and not cell.strip() and column.kind != "numbers"
    if cell is None or empty:
        return f"{column.name}: it is empty; give it in each row, or take the column out"
    return f"{column.name}: {quoted(cell, _SHOWN_LENGTH)} {said}" if said else ""


def _said_of_number(column: Column, cell: Any) -> str:
    number = _number(cell)
    what = "a whole number" if column.kind == "whole" else "a number"
    wanted = f"{what}, {column.unit}" if column.unit else what
    if number is None:
        return f"is not a number; {_remedy_of_comma(cell) or f'give {wanted}'}"
    if not math.isfinite(number):
        return f"is not finite; give {wanted}"
    aside = f" ({column.aside})" if column.aside else ""
    if number < column.low or (number == column.low and not column.closed):
        return f"is too low; it must be {column.least} {column.unit}".rstrip() + aside
    if number > column.high:
        most = f"check its unit, it may be at most {column.high:g} {column.unit}".rstrip()
        return f"is too high; {most}{aside}"
    if column.kind == "whole" and number != math.floor(number):
        return f"is not whole; give {wanted}"
    return ""


def _remedy_of_comma(cell: Any) -> str:
    """Return what to write for a number with commas, which part thousands or decimals."""
    text = cell.strip() if isinstance(cell, str) else ""
    if _GROUPED.fullmatch(text):
        return "leave out commas between thousands; where one is a decimal comma write a point"
    decimal = _NUMBER.fullmatch(text.replace(",", ".", 1))
    return "write a point for the decimal comma" if decimal else ""


def _number(cell: Any) -> float | None:
    if isinstance(cell, str):
        text = cell.strip()
        spoken = text.lower().lstrip("+-") in _SPOKEN
        return math.nan if spoken else float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(cell, bool) or not isinstance(cell, Real):
        return None
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def _said_of_name(cell: Any) -> str:
    if isinstance(cell, bool | float) or not isinstance(cell, str | int):
        return "is not a name; give a text or a whole number"
    if len(str(cell)) > _LONGEST_NAME or not str(cell).isprintable():
        return f"is not a name; give {_LONGEST_NAME} printable characters at most"
    return ""


def _name(cell: Any) -> str:
    return str(cell).strip()


def _said_of_numbers(cell: Any) -> str:
    listed = cell if isinstance(cell, list | tuple) else [cell]
    if any(isinstance(each, bool) or not isinstance(each, str | int) for each in listed) or not (
        _NUMBERS.fullmatch(_numbers(cell))
    ):
        return "are not whole numbers, 0 or more, separated by spaces or semicolons"
    if len(_numbers(cell).split()) > _MOST_NUMBERS:
        return f"are too many numbers; give {_MOST_NUMBERS} at most"
    return ""


def _numbers(cell: Any) -> str:
    listed = cell if isinstance(cell, list | tuple) else [cell]
    return " ".join(str(each).replace(";", " ") for each in listed).strip()
