"""Tables as fields of a channel: given as a path or as columns, written as columns."""

import os
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import PlainSerializer, PlainValidator

from mec_gym.io.files import located
from mec_gym.networks.places import Places, Users
from mec_gym.networks.sites import Sites

MOST_PLACES = 100_000
"""Rows of a table that a channel holds: its files have them all."""

T = TypeVar("T", bound=Places)


def _reader(kind: type[T]) -> Callable[[Any], T | None]:
    def read(value: Any) -> T | None:
        if value is None:
            return None
        table = kind.of(located(value) if isinstance(value, str | os.PathLike) else value)
        if len(table) > MOST_PLACES:
            raise ValueError(
                f"{len(table):,} rows; a channel holds {MOST_PLACES:,} at most, so give a sample of"
                " them"
            )
        return table

    return read


_AS_COLUMNS = PlainSerializer(lambda table: table and table.columns())

SiteTable = Annotated[Sites | None, PlainValidator(_reader(Sites)), _AS_COLUMNS]
"""Sites as `Sites.of` takes them; files hold their columns."""

UserTable = Annotated[Users | None, PlainValidator(_reader(Users)), _AS_COLUMNS]
"""Users as `Users.of` takes them; files hold their columns."""
