"""The canonical problem of an episode: all that bounds and searches over whole episodes see of it.

Minimise the sum over slots k of the slot's canonical cost, see `mec_gym.problem`, and of
w_m W_n^k / F_n^k for each task on a server, and w_m h_m for each that is on another server than its
device's last task on one: W_n^0 = 0 and W_n^(k+1) = max(0, W_n^k + sum of C - F_n^k tau).
"""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import equations, links
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance

FloatArray = NDArray[np.float64]


class EpisodeProblem(NamedTuple):
    """The numbers of one episode, or of B along a leading dimension.

    Attributes:
        link_cost: a_mn as if nothing came before, (..., K, M, A), seconds; inf where the action is
            not allowed even then, or the device has no task.
        limit: how long a task may wait and be moved within its deadline, (..., K, M, N), seconds.
        size: q_m = sqrt(w_m C_m), (..., K, M), sqrt(cycles).
        weight: w_m, what a second of waiting costs, (..., K, M).
        work: C_m, (..., K, M), cycles.
        moving: w_m h_m, (..., K, M), seconds; 0 where there is no handover.
        moving_s: h_m, (..., K, M), seconds.
        present: whether a device has a task, (..., K, M).
        server_hz: F_n, (..., K, N), cycles/s.
        capacity: places, (..., K, N), at most M.
        slot_s: tau, (...), seconds; inf where work left over is forgotten.
    """

    link_cost: FloatArray
    limit: FloatArray
    size: FloatArray
    weight: FloatArray
    work: FloatArray
    moving: FloatArray
    moving_s: FloatArray
    present: NDArray[np.bool_]
    server_hz: FloatArray
    capacity: NDArray[np.int64]
    slot_s: FloatArray

    @classmethod
    def of(cls, episodes: Episodes) -> Self:
        """Return the problems of episodes."""
        carried = ("backlog_cycles", "handover_s", "last_server")
        arrays = episodes.slots.arrays()
        moving = arrays.get("handover_s")
        slots = Instance.trusted(**{name: arrays[name] for name in arrays if name not in carried})
        actions, num_servers = links.of(slots), slots.num_servers
        allowed = episodes.present[..., None]
        if actions.allowed.shape[-1]:
            allowed = allowed & actions.allowed
        lead = slots.batch_shape
        weight, moving_s = np.ones((*lead, slots.num_devices)), np.zeros((*lead, slots.num_devices))
        if slots.delay_weight is not None:
            weight = slots.delay_weight
        if moving is not None:
            moving_s = moving
        limit = np.full((*lead, slots.num_devices, num_servers), np.inf)
        if slots.deadline_s is not None:
            alone = equations.computation_delay(
                slots.task_cycles[..., None], slots.server_hz[..., None, :]
            )
            # Rounded down: what is within it is within the deadline however it is added up.
            limit = slots.deadline_s[..., None] * (1 - 1e-12) - (
                actions.delay[..., :num_servers] + alone
            )
        return cls(
            np.where(allowed, actions.cost, np.inf),
            limit,
            links.size(slots),
            weight,
            slots.task_cycles,
            weight * moving_s,
            moving_s,
            episodes.present,
            slots.server_hz,
            np.minimum(slots.capacity, slots.num_devices),
            np.full(episodes.batch_shape, episodes.slot_s if episodes.waits else np.inf),
        )

    def episode(self, number: int) -> Self:
        """Return one of B episodes, its arrays contiguous."""
        return type(self)(*(np.array(each[number], order="C") for each in self))

    @property
    def moves(self) -> bool:
        """Whether moving a service costs anything."""
        return bool((self.moving > 0).any())
