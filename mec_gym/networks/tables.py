"""Tables: columns of a CSV file, or given in Python, read without trusting them."""

import csv
import itertools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from mec_gym.io.messages import one_line, quoted
from mec_gym.networks.columns import Column, Wrong, converted, placed, plain, problem

Table = dict[str, NDArray[Any]]
"""An array (R,) for each column that there is."""

MOST_ROWS = 10**6
_MOST_BYTES = 1 << 28
_ROWS_AT_ONCE = 1 << 13
_SEPARATORS = ",;\t|"
LABELS = ("comment", "id", "name")
"""Columns that are for the reader alone."""

WrongRows = Callable[[Table, NDArray[np.int64], str], Iterable[tuple[int, str]]]
"""From a table, its rows' numbers and what these count, which rows are wrong and why, rising."""


@dataclass(frozen=True)
class Rules:
    """What else holds for a kind of table.

    Attributes:
        others: whether columns of other names may stay, and are not read; else `LABELS` alone may.
        wrong: finds rows that are wrong although each cell is right.
    """

    others: bool = False
    wrong: WrongRows | None = None


_PLAIN = Rules()

_OTHER_FILES = {
    b"PK\x03\x04": "an Excel workbook or another zip",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PAR1": "Parquet",
    b"\x1f\x8b": "compressed",
}
_SAVE_AS = 'save it as CSV in UTF-8 (in Excel "CSV UTF-8")'


def read_csv(path: str | Path, columns: Sequence[Column], rules: Rules = _PLAIN) -> Table:
    """Read the table of a CSV file, whose first line names its columns.

    Columns are separated by what the header separates them by: a comma, semicolon, tab or bar.
    Lines without a cell are passed over; columns called `id`, `name` or `comment` are not read.

    Args:
        path: of the file.
        columns: those that there may be.
        rules: what else holds.

    Raises:
        ValueError: it cannot be read, is no such table, or has no row; or rows are wrong, of which
            the first are told, by line, column, value and remedy, and how many they are.
    """
    try:
        with open(path, "rb") as raw:
            found = os.fstat(raw.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("it is not a file")
            if found.st_size > _MOST_BYTES:
                raise ValueError(f"it is longer than {_MOST_BYTES:,} bytes; give a part of it")
            begins = raw.read(4)
        for mark, what in _OTHER_FILES.items():
            if begins.startswith(mark):
                raise ValueError(f"it is {what}; {_SAVE_AS}")
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read(file, columns, rules)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or one_line(error)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: {_not_utf8(path)}; {_SAVE_AS}") from None
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None


def from_columns(
    given: Mapping[Any, Any], columns: Sequence[Column], rules: Rules = _PLAIN
) -> Table:
    """Return the table of columns given by name, as lists or arrays of one length.

    Raises:
        ValueError: as `read_csv`, of rows by their number from 1.
    """
    cells: dict[str, Sequence[Any]] = {}
    for name, values in given.items():
        if not isinstance(name, str):
            raise ValueError(f"column {quoted(name)} is not called by a text")
        if isinstance(values, np.ndarray):
            values = values.tolist()
        if not isinstance(values, list | tuple):
            raise ValueError(f"column {name!r}: {quoted(values)} is not a list of values")
        cells[name] = values
    found = placed(list(cells), columns, LABELS, rules.others)
    lengths = {name: len(values) for name, values in cells.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns: their lengths differ, {lengths}; give a value for each row")
    numbered = enumerate(zip(*cells.values(), strict=True), 1)
    return _gathered(numbered, found, columns, "row", rules)


def from_rows(given: Sequence[Any], columns: Sequence[Column], rules: Rules = _PLAIN) -> Table:
    """Return the table of rows, each a dictionary of its values by name.

    Raises:
        ValueError: as `from_columns`.
    """
    if not given:
        raise ValueError("it has no row; give at least one")
    for number, row in enumerate(given, 1):
        if not isinstance(row, Mapping) or row.keys() != given[0].keys():
            wanted = "a table of values by name" if number == 1 else "called as the first row's"
            raise ValueError(f"row {number}: {quoted(row)} is not {wanted}")
    return from_columns({name: [row[name] for row in given] for name in given[0]}, columns, rules)


def _read(file: TextIO, columns: Sequence[Column], rules: Rules) -> Table:
    above, first = 1, ""
    for first in file:
        if first.strip():
            break
        above += 1
    if not first.strip():
        there_are = ", ".join(column.name for column in columns)
        raise ValueError(f"it is empty; its first line names the columns, of {there_are}")
    separator = _separator(first, columns)
    (names,) = csv.reader([first], delimiter=separator)
    while names and not names[-1].strip():
        names.pop()  # the line ends with a separator
    found = placed([name.strip() for name in names], columns, LABELS, rules.others)
    reader = csv.reader(file, delimiter=separator, strict=True)
    try:
        numbered = _numbered(reader, above, len(found))
        return _gathered(numbered, found, columns, "line", rules)
    except csv.Error as error:
        raise ValueError(
            f"line {above + reader.line_num}: {error}; a quote may be open there"
        ) from None


def _separator(header: str, columns: Sequence[Column]) -> str:
    """Return what separates the columns of a header: that by which most of its names are known."""
    known = {plain(name) for column in columns for name in (column.name, *column.also)}

    def names_known(separator: str) -> tuple[int, int]:
        cells = [plain(cell.strip().strip('"')) for cell in header.split(separator)]
        return len(known.intersection(cells)), len(cells)

    return max(_SEPARATORS, key=names_known)


def _numbered(reader: Any, above: int, size: int) -> Iterator[tuple[int, Sequence[str] | str]]:
    """Return the rows of a CSV reader that have cells, by line, or what is wrong with one."""
    for row in reader:
        if len(row) > size and not any(map(str.strip, row[size:])):
            row = row[:size]
        if any(row) and any(map(str.strip, row)):
            said = f"it has {len(row)} cells, the header {size}; give one for each column"
            yield above + reader.line_num, row if len(row) == size else said


def _gathered(
    rows: Iterable[tuple[int, Sequence[Any] | str]],
    found: Sequence[str],
    columns: Sequence[Column],
    where: str,
    rules: Rules,
) -> Table:
    """Return the table of numbered rows, a part of them at a time.

    Args:
        rows: the cells in the header's order, or what is wrong with them.
        found: which column each cell is of, empty for none.
        columns: those that there may be.
        where: what a row's number counts.
        rules: what else holds.

    Raises:
        ValueError: some are wrong, there are too many, or there is none.
    """
    kinds = {column.name: column for column in columns if column.name in found}
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in kinds}
    numbers: list[NDArray[np.int64]] = []
    wrong, count = Wrong(where), 0
    left = iter(rows)
    while some := list(itertools.islice(left, _ROWS_AT_ONCE)):
        count += len(some)
        if count > MOST_ROWS:
            raise ValueError(f"it has more than {MOST_ROWS:,} rows; give a part of them")
        if rules.wrong is not None:
            numbers.append(np.array([number for number, _ in some]))
        whole = [row for _, row in some if not isinstance(row, str)]
        cells = dict(zip(found, zip(*whole, strict=True), strict=False))
        arrays = {name: converted(column, cells.get(name, ())) for name, column in kinds.items()}
        if len(whole) == len(some) and all(array is not None for array in arrays.values()):
            for name, array in arrays.items():
                parts[name].append(array)  # type: ignore[arg-type]  # none is None
        else:
            wrong.add(_problems(some, found, kinds))
    wrong.refuse()
    if not count:
        raise ValueError(f"it has no row below the columns {', '.join(kinds)}; give at least one")
    table = {name: np.concatenate(each) for name, each in parts.items()}
    if rules.wrong is not None:
        wrong.add(rules.wrong(table, np.concatenate(numbers), where))
        wrong.refuse()
    return table


def _problems(
    rows: Iterable[tuple[int, Sequence[Any] | str]],
    found: Sequence[str],
    kinds: Mapping[str, Column],
) -> Iterator[tuple[int, str]]:
    """Return the wrong ones of numbered rows, with the first thing wrong in each."""
    for number, row in rows:
        if isinstance(row, str):
            yield number, row
            continue
        cells = ((kinds[name], cell) for name, cell in zip(found, row, strict=True) if name)
        said = next(filter(None, itertools.starmap(problem, cells)), None)
        if said:
            yield number, said


def _not_utf8(path: str | Path) -> str:
    """Return where a file is not UTF-8."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                return f"line {number} is not UTF-8 (byte {line[error.start]:#04x})"
    return "it is not UTF-8"
