"""Rows of a table as read-only arrays: what tables of tasks, sites and users have in common."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from os import PathLike, fspath
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym.io.messages import quoted
from mec_gym.networks import tables
from mec_gym.networks.columns import Column, placed
from mec_gym.networks.tables import Rules


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows, R of them, with an array (R,) for each column there is; `of` makes them of anything.

    A kind of table is a subclass, whose attributes are its columns, None where there is none. Two
    are equal where all that they hold is.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    RULES: ClassVar[Rules] = Rules()

    def __post_init__(self) -> None:
        arrays = {name: np.asarray(array) for name, array in self.arrays().items()}
        placed(list(arrays), self.COLUMNS, ())
        kinds = {column.name: column for column in self.COLUMNS}
        shapes = {array.shape for array in arrays.values()}
        if (
            len(shapes) > 1
            or any(len(shape) != 1 or 0 in shape for shape in shapes)
            or not all(kinds[name].holds(array) for name, array in arrays.items())
            or self._wrong(arrays)
        ):
            arrays = tables.from_columns(arrays, self.COLUMNS, self.RULES)  # says what is wrong
        self.__setstate__(
            {name: np.array(array, kinds[name].dtype) for name, array in arrays.items()}
        )

    def __setstate__(self, arrays: dict[str, Any]) -> None:
        for array in arrays.values():
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        self.__dict__.update(arrays)

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return what is given in any way: as a CSV file's path, rows, columns, or as itself.

        Raises:
            ValueError: it is none of these, or some rows are wrong; see `tables.read_csv`.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str | PathLike):
            return cls(**tables.read_csv(fspath(given), cls.COLUMNS, cls.RULES))
        if isinstance(given, Mapping):
            return cls(**tables.from_columns(given, cls.COLUMNS, cls.RULES))
        if isinstance(given, list | tuple):
            return cls(**tables.from_rows(given, cls.COLUMNS, cls.RULES))
        raise ValueError(
            f"{quoted(given)} is neither a CSV file's path nor a table of columns nor a list of"
            " rows"
        )

    def _wrong(self, arrays: dict[str, NDArray[Any]]) -> bool:
        """Return whether a row is wrong although each cell is right."""
        if self.RULES.wrong is None:
            return False
        numbers = np.arange(1, len(next(iter(arrays.values()))) + 1)
        return any(True for _ in self.RULES.wrong(arrays, numbers, "row"))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the columns that there are, by name."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in columns.items() if array is not None}

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns that there are as lists; `of` makes the same of them."""
        return {name: array.tolist() for name, array in self.arrays().items()}

    def __len__(self) -> int:
        return len(next(iter(self.arrays().values())))

    def __getitem__(self, rows: Any) -> Self:
        """Return some of the rows (by a slice, mask or array of numbers)."""
        return type(self)(**{name: array[rows] for name, array in self.arrays().items()})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Rows) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} rows of {', '.join(self.arrays())})"

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all that they are, in hexadecimal."""
        found = hashlib.sha256()
        for name, array in self.arrays().items():
            part = "\n".join(array).encode() if array.dtype.kind == "U" else array.tobytes()
            found.update(f"{name} {len(part)} ".encode() + part)
        return found.hexdigest()
