"""The canonical problem of a slot: all that bounds, solvers and prices see of it.

Minimise the sum over m, n of a_mn x_mn, plus the sum over n of (sum over m of q_m x_mn)^2 / F_n:
every device on one server, at most M_n^max devices on a server, allowed links only. The paper's
objective (6) under Eq. (20) is M D with a_mn = T_mn and q_m = sqrt(C_m). `mec_gym.links` has them
where delays are weighted, energy counts, or tasks may stay, go to the cloud or be dropped: each of
these is one more server that shares nothing, F_n = inf.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mec_gym import links
from mec_gym.instance import Instance, require_places

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Problem:
    """The problems of one slot, or of a batch along leading dimensions, of M devices, N servers.

    Attributes:
        link_cost: a_mn, (..., M, N), seconds; inf where a link is not allowed.
        size: q_m, (..., M), sqrt(cycles).
        server_hz: F_n, (..., N), cycles/s; inf where tasks do not share the CPU, so that only their
            links cost anything.
        capacity: places M_n^max, (..., N).
    """

    link_cost: FloatArray
    size: FloatArray
    server_hz: FloatArray
    capacity: IntArray

    @classmethod
    def of(cls, given: "Instance | Problem") -> "Problem":
        """Return the problems of slots; those that are given as such, as they are."""
        if isinstance(given, Problem):
            return given
        actions = links.of(given)
        bars = actions.allowed.shape[-1] > 0
        return cls(
            np.where(actions.allowed, actions.cost, np.inf) if bars else actions.cost,
            links.size(given),
            links.server_hz(given),
            np.minimum(links.capacity(given), given.num_devices),
        )

    @property
    def num_devices(self) -> int:
        """How many devices a slot has, M."""
        return int(self.link_cost.shape[-2])

    @property
    def num_servers(self) -> int:
        """How many servers a slot has, N."""
        return int(self.link_cost.shape[-1])

    @property
    def num_actions(self) -> int:
        """Among how many a device chooses: N."""
        return self.num_servers

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading dimensions; empty for one slot."""
        return self.link_cost.shape[:-2]

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Whether a device may be given to a server, places left aside, (..., M, N)."""
        return np.isfinite(self.link_cost)

    def __getitem__(self, index: Any) -> Self:
        """Return the problems at `index` of the first leading dimension."""
        return self._derive(lambda array: array[index])

    def flatten(self) -> Self:
        """Return the same problems along one leading dimension."""
        core = len(self.batch_shape)
        return self if core == 1 else self._derive(lambda a: a.reshape(-1, *a.shape[core:]))

    def _derive(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        return type(self)(
            change(self.link_cost), change(self.size), change(self.server_hz), change(self.capacity)
        )

    def numbers(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """Return the arrays of a batch for compiled loops, copied: they are made for one layout."""
        return (
            np.array(self.link_cost, order="C"),
            np.array(self.size, order="C"),
            np.array(self.server_hz, order="C"),
            np.array(self.capacity, order="C"),
        )

    def cost(self, assignment: ArrayLike) -> FloatArray:
        """Return what an assignment costs in all, (...), seconds; inf if a link is not allowed.

        Args:
            assignment: server of each device, (..., M); places are not looked at.
        """
        servers = np.asarray(assignment)
        chosen = servers[..., None] == np.arange(self.num_servers)
        links = np.where(chosen, self.link_cost, 0.0).sum(axis=(-2, -1))
        load = (chosen * self.size[..., None]).sum(axis=-2)
        return np.asarray(links + (load**2 / self.server_hz).sum(axis=-1))

    def is_feasible(self, assignment: ArrayLike) -> NDArray[np.bool_]:
        """Return whether an assignment keeps to places and allowed links, (...)."""
        chosen = np.asarray(assignment)[..., None] == np.arange(self.num_servers)
        within = (chosen.sum(axis=-2) <= self.capacity).all(axis=-1)
        return np.asarray(within & (~chosen | self.allowed).all(axis=(-2, -1)))

    def require_feasible(self) -> None:
        """Check that each slot has an assignment within its places and allowed links.

        Raises:
            ValueError: one has none; the message names it.
        """
        require_places(self.capacity, self.num_devices)
        slots = self.flatten()
        for slot in np.flatnonzero(~slots.allowed.all(axis=(-2, -1))):
            _require_matching(slots.allowed[slot], slots.capacity[slot], int(slot))


def _require_matching(allowed: NDArray[np.bool_], capacity: IntArray, slot: int) -> None:
    """Check that the devices of a slot fit on the servers allowed, by bipartite matching.

    Raises:
        ValueError: they do not; the message names the slot and a device.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    open_links = allowed & (capacity > 0)
    cut_off = np.flatnonzero(~open_links.any(axis=1))
    if len(cut_off):
        raise ValueError(
            f"allowed: device {cut_off[0]} of slot {slot} may be given to no server that has a"
            " place; allow it one more"
        )
    needed = np.minimum(capacity, open_links.sum(axis=0))
    places = csr_array(np.repeat(open_links, needed, axis=1))
    matched = maximum_bipartite_matching(places, perm_type="column")
    if (matched < 0).any():
        raise ValueError(
            f"allowed: device {np.flatnonzero(matched < 0)[0]} of slot {slot} finds no place:"
            " too many devices may use the same servers only; allow more links or raise capacity"
        )
