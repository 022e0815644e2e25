"""What else the servers compute: a share of each CPU that is taken, slot by slot."""

import os
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, model_validator

from mec_gym import ranges
from mec_gym.io.files import located
from mec_gym.io.messages import quoted
from mec_gym.io.settings import Begin, Settings
from mec_gym.networks.loads import Loads

FloatArray = NDArray[np.float64]

MOST_LOADS = 100_000
"""Rows of a table that a scenario holds: its files have them all."""


def _taken(value: Any) -> Any:
    """Return shares as tuples; each must leave some of a CPU."""
    if isinstance(value, list | tuple):
        return tuple(_taken(each) for each in value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{value!r}: a share must be 0 or more, below 1")
    return float(value)


def _loads(value: Any) -> Loads | None:
    if value is None:
        return None
    loads = Loads.of(located(value) if isinstance(value, str | os.PathLike) else value)
    if len(loads) > MOST_LOADS:
        raise ValueError(
            f"{len(loads):,} rows; a scenario holds {MOST_LOADS:,} at most, so give a part of them"
        )
    return loads


LoadTable = Annotated[
    Loads | None,
    PlainValidator(_loads),
    PlainSerializer(lambda loads: loads and loads.columns()),
]
"""Loads as `Loads.of` takes them; files hold their columns."""

Shares = Annotated[tuple[float, ...], BeforeValidator(_taken)]
Table = Annotated[tuple[float | tuple[float, ...], ...], BeforeValidator(_taken)]


class Background(Settings):
    """The share b_n(t) of a server that others have: F_n(t) = F_n (1 - b_n(t)) is left, Eq. (13).

    Either each server goes its own way among `levels` from slot to slot, a Markov chain that
    begins in one as likely as in another, or `shares` says it all, or `table`, which is repeated
    where an episode is longer.
    """

    levels: Shares | None = Field(
        None,
        min_length=2,
        description="Shares that may be taken, below 1; none: shares, or table, say it.",
    )
    stay: float = Field(
        0.9,
        ge=0,
        le=1,
        description="Probability that a server's level stays from one slot to the next; else it is"
        " one of the others, as likely as any.",
    )
    shares: Table | None = Field(
        None,
        min_length=1,
        description="Share taken in each of K slots, a number for all servers or a list of N.",
    )
    table: LoadTable = Field(
        None,
        description="Share taken in each slot: a CSV file, beside the TOML file that names it, or"
        " columns slot, share, and server, from 0, or else it is that of all. After its last slot"
        " its first follows again.",
    )
    begin: Begin | None = Field(
        None,
        description="Slot of the table with which episodes begin, or drawn: any of them; none: its"
        " first.",
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        given = [self.levels is not None, self.shares is not None, self.table is not None]
        if sum(given) != 1:
            raise ValueError("levels, shares, table: give one of the three")
        if self.begin is not None and self.table is None:
            raise ValueError(f"begin: {quoted(self.begin)} is of a table; leave it out")
        return self

    @property
    def most(self) -> float:
        """The greatest share that is ever taken."""
        if self.table is not None:
            return float(self.table.share.max())
        return float(max(map(np.max, self.levels or self.shares or ())))

    def mean_share(self, num_slots: int, num_servers: int) -> FloatArray:
        """Return the mean share of each server that is taken in each slot, (K, N)."""
        if self.shares is not None:
            return self._table(num_servers)
        if self.table is None:
            return np.full((num_slots, num_servers), np.mean(self.levels or 0.0))
        if self.begin == "drawn":  # each slot of an episode is any of the table's
            of_servers = self.table.by_slot(num_servers).mean(axis=0)
            return np.broadcast_to(of_servers, (num_slots, num_servers))
        return self.draw(np.empty(0), num_slots, num_servers)

    def _table(self, num_servers: int) -> FloatArray:
        """Return `shares` of each server, (K, N)."""
        return np.array([np.broadcast_to(share, num_servers) for share in self.shares or ()])

    def check(self, num_slots: int, num_servers: int) -> None:
        """Check that shares are given for so many slots and servers.

        Raises:
            ValueError: they are not.
        """
        if self.table is not None:
            self._check_table(self.table, num_servers)
        if self.shares is None:
            return
        if len(self.shares) != num_slots:
            raise ValueError(f"shares: {len(self.shares)} values; needs {num_slots}, one a slot")
        for slot, share in enumerate(self.shares):
            if isinstance(share, tuple) and len(share) != num_servers:
                raise ValueError(
                    f"shares: {len(share)} values in slot {slot}; needs {num_servers}, one a"
                    " server, or a number for all"
                )

    def _check_table(self, table: Loads, num_servers: int) -> None:
        try:
            table.by_slot(num_servers)
        except ValueError as error:
            raise ValueError(f"table: {error}") from None
        first, last = int(table.slot.min()), int(table.slot.max())
        begin = first if self.begin is None or self.begin == "drawn" else self.begin
        if begin != int(begin) or not first <= begin <= last:
            raise ValueError(f"begin: {begin:g}; the table has slots {first} to {last}")

    def num_uniforms(self, num_slots: int, num_servers: int) -> int:
        """Return how many uniform numbers an episode takes."""
        if self.table is not None:
            return int(self.begin == "drawn")
        return 0 if self.levels is None else num_slots * num_servers

    def draw(self, unit: FloatArray, num_slots: int, num_servers: int) -> FloatArray:
        """Return the share taken, (..., K, N), of uniform numbers (..., num_uniforms)."""
        lead = unit.shape[:-1]
        if self.table is not None:
            return self._of_table(self.table, unit, num_slots, num_servers)
        if self.levels is None:
            return np.broadcast_to(self._table(num_servers), (*lead, num_slots, num_servers))
        unit = unit.reshape(*lead, num_slots, num_servers)
        count = len(self.levels)
        level = np.empty(unit.shape, np.int64)
        level[..., 0, :] = unit[..., 0, :] * count
        for slot in range(1, num_slots):
            beyond = unit[..., slot, :] - self.stay
            others = count - 1
            by = 1 + np.minimum(beyond * others / max(1 - self.stay, 1e-300), others - 1).astype(
                int
            )
            before = level[..., slot - 1, :]
            level[..., slot, :] = np.where(beyond < 0, before, (before + by) % count)
        return np.asarray(self.levels)[level]

    def _of_table(
        self, table: Loads, unit: FloatArray, num_slots: int, num_servers: int
    ) -> FloatArray:
        taken = table.by_slot(num_servers)
        start: NDArray[np.int64] = np.zeros(unit.shape[:-1], np.int64)
        if self.begin == "drawn":
            start = ranges.rows(unit[..., 0], len(taken))
        elif self.begin is not None:
            start = start + (int(self.begin) - int(table.slot.min()))
        return np.asarray(taken[(start[..., None] + np.arange(num_slots)) % len(taken)])
