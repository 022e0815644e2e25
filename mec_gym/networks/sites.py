"""Sites of a table: where the servers of a network stand, and what each of them has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mec_gym.networks.columns import Column
from mec_gym.networks.places import FloatArray, Places, wrong_places
from mec_gym.networks.tables import Rules, Table


def _again(order: NDArray[np.int64], same: NDArray[np.bool_]) -> dict[int, int]:
    """Return the rows that say again what an earlier one says, with the first that does.

    Args:
        order: the rows, those that say the same side by side, rising.
        same: of each but the first in that order whether it says what the one before says.
    """
    again: dict[int, int] = {}
    for before, row in zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True):
        again[row] = again.get(before, before)
    return again


def _wrong_sites(table: Table, numbers: NDArray[np.int64], where: str) -> Iterator[tuple[int, str]]:
    """Return the rows that are a site twice, or too far from the others; see `Rules.wrong`."""
    said = dict(wrong_places(table, numbers, where))
    names = ("lat", "lon") if "lat" in table else ("x", "y")
    place = np.stack([table[name] for name in names])
    order = np.lexsort(place)
    same = (np.diff(place[:, order], axis=-1) == 0).all(axis=0)
    twice = {f"{', '.join(names)}: it is where": _again(order, same)}
    if "id" in table:
        order = np.argsort(table["id"], kind="stable")
        named = table["id"][order]
        twice["id: it is called as"] = _again(order, named[1:] == named[:-1])
    for words, rows in twice.items():
        for row, first in rows.items():
            number = int(numbers[row])
            said.setdefault(
                number, f"{words} the site of {where} {numbers[first]} is; take one out"
            )
    yield from sorted(said.items())


@dataclass(frozen=True, eq=False, repr=False)
class Sites(Places):
    """Sites, R of them: a server stands at each.

    Attributes:
        id: what each is called, (R,), texts.
        capacity: how many tasks its server takes at once, (R,).
        hz: CPU frequency of its server, (R,), cycles/s.
        ghz: the same in 10^9 cycles/s, (R,).
        services: the numbers of the services that it hosts, (R,), separated by spaces.

    Raises:
        ValueError: an array is not as said.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("id", kind="name", also=("site_id", "siteid", "site")),
        *Places.COLUMNS,
        Column("capacity", "tasks", kind="whole", high=2**31 - 1, closed=True),
        Column("hz", "cycles/s", also=("server_hz", "cpu_hz")),
        Column("ghz", "GHz", also=("server_ghz", "cpu_ghz"), high=1e9, without="hz"),
        Column("services", kind="numbers", also=("service",)),
    )
    RULES: ClassVar[Rules] = Rules(others=True, wrong=_wrong_sites)

    id: NDArray[np.str_] | None = None
    capacity: NDArray[np.int64] | None = None
    hz: FloatArray | None = None
    ghz: FloatArray | None = None
    services: NDArray[np.str_] | None = None

    @property
    def server_hz(self) -> FloatArray | None:
        """CPU frequency of each server, (R,), cycles/s; None: the table does not say."""
        return self.ghz * 1e9 if self.ghz is not None else self.hz

    @property
    def hosted(self) -> tuple[tuple[int, ...], ...] | None:
        """The numbers of the services that each hosts; None: the table does not say."""
        if self.services is None:
            return None
        return tuple(tuple(map(int, each.split())) for each in self.services.tolist())
