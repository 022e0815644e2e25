"""Tables of load: what share of the servers' CPUs others have, slot by slot."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mec_gym.networks.columns import Column
from mec_gym.networks.rows import Rows
from mec_gym.networks.tables import Rules, Table
from mec_gym.networks.times import twice

FloatArray = NDArray[np.float64]

_LATEST = 1e9
_MOST_SERVERS = 10**6


def _wrong_loads(table: Table, numbers: NDArray[np.int64], where: str) -> Iterator[tuple[int, str]]:
    """Return the rows that leave nothing of a CPU, or say a slot's share twice; see `Rules.wrong`.

    A share is below 1, which columns cannot say.
    """
    said = {
        int(numbers[row]): "share: 1 leaves nothing of the CPU; give less than 1"
        for row in np.flatnonzero(table["share"] == 1)
    }
    servers = table.get("server", np.zeros(len(numbers), np.int64))
    for before, row in twice(table["slot"], servers):
        of = f" of server {servers[row]}" if "server" in table else ""
        said.setdefault(
            int(numbers[row]),
            f"slot: {where} {numbers[before]} says what share{of} is taken in slot"
            f" {table['slot'][row]} already; take one out",
        )
    yield from sorted(said.items())


@dataclass(frozen=True, eq=False, repr=False)
class Loads(Rows):
    """Shares of CPUs that are taken, R rows; `of` makes them of files, rows and columns.

    Attributes:
        slot: in which it is, (R,).
        share: of the CPU, (R,), 0 or more, below 1.
        server: whose CPU, (R,), from 0; None: all servers'.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("slot", kind="whole", high=_LATEST, closed=True, needed=True),
        Column(
            "share",
            high=1,
            closed=True,
            also=("load", "load_share"),
            needed=True,
            aside="a share of the CPU, not percent",
        ),
        Column("server", kind="whole", high=_MOST_SERVERS, closed=True),
    )
    RULES: ClassVar[Rules] = Rules(wrong=_wrong_loads)

    slot: NDArray[np.int64]
    share: FloatArray
    server: NDArray[np.int64] | None = None

    def by_slot(self, num_servers: int) -> FloatArray:
        """Return the share of each server from the table's first slot to its last, (T, N).

        Raises:
            ValueError: a server has no share in one of these slots, or there is no such server.
        """
        first = int(self.slot.min())
        length = int(self.slot.max()) + 1 - first
        if length > len(self):
            missing = first + int(np.argmin(np.isin(np.arange(len(self) + 1), self.slot - first)))
            raise ValueError(f"slot {missing} has no row{_REMEDY}")
        if self.server is None:
            found = np.full((length, 1), np.nan)
            found[self.slot - first, 0] = self.share
            return np.broadcast_to(found, (length, num_servers))
        if (strange := int(self.server.max())) >= num_servers:
            raise ValueError(
                f"row {int(self.server.argmax()) + 1}: server: {strange}; the servers are 0 to"
                f" {num_servers - 1}"
            )
        found = np.full((length, num_servers), np.nan)
        found[self.slot - first, self.server] = self.share
        if np.isnan(found).any():
            slot, server = np.argwhere(np.isnan(found))[0].tolist()
            raise ValueError(f"server {server} has no row in slot {first + slot}{_REMEDY}")
        return found


_REMEDY = "; give a row for each slot from the first to the last, of share 0 where nothing is taken"
