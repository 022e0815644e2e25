"""A row of features an action made of the problem's own prices, for any size and any links."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.above_prices import (
    least_charge_taken,
    load_level,
    rise_of_loads_at_level,
)
from mec_gym.bounds.outlook import Outlook, outlooks, sample_count
from mec_gym.bounds.relaxation import prices_where_feasible
from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.mdp import Slot, is_open, write_mask
from mec_gym.observations import plans
from mec_gym.observations.base import Array, Observation
from mec_gym.observations.plans import OF_DEVICE, OF_SLOT
from mec_gym.observations.servers import squashed, within
from mec_gym.problem import Problem

_LIMIT = 10.0

_SEED = 0
"""Of the sampled slots that stand for what is hidden, the same for every slot."""


class PricesObservation(Observation):
    """What a server is worth to the current device at planned prices, a row an action: (N, 24).

    The relaxation (`mec_gym.bounds.relax`) has a price p_n for the work on a server and a charge
    k_n for a place there. They plan a load P = p F / 2 for it, and a task with link cost a pays
    c = a + p q + k. Sizes q are in units of their mean q-, costs and delays in units of
    u = q-^2 / (mean F): one task alone on one server. s(x) = x / (1 + |x| / 3) lies between -3 and
    3, and what lies beyond -10 and 10 is cut off: a link that nobody would use changes nothing that
    others are told, however bad it is. L, j, F are the server's sum of q and number of tasks so
    far and its CPU frequency, f its free places, Q the sum of f over servers, r' the devices to
    come, and g the number of open servers.

    What the plan expects of the devices to come, each on its best server at these prices, is worked
    out once a slot: D, the sum of their q on the server, and J, their number there. A decision
    takes time by N alone. Where tasks are hidden or gains change within the slot the prices are
    means over sampled slots of the scenario on the slot's servers, see
    `mec_gym.solvers.prices_online`, and the devices to come are as expected there.

    A column beside the servers is a row like theirs; it shares no CPU, so p, P and D do not count
    there, and F is 10. Where no server is open to the device, 0 shows the mask of
    `mec_gym.mdp.write_mask`, and all else is 0.

    | column | feature |
    |---|---|
    | 0 | 1 if the server is open to the device, else all of its row is 0 |
    | 1 | s of 10 (c less the least c of an open server) |
    | 2 | s of c less the least, with the rises of the excess: minus reward `regret-prices`, but for the places that close |
    | 3 | room in the plan, s(P - L) |
    | 4 | the same once the task has joined, s(P - L - q) |
    | 5 | s of k less the least charge that the devices to come have to pay |
    | 6 | F over the servers' mean |
    | 7 | free places over their mean, g f / Q |
    | 8 | 1 / f |
    | 9 | s of room for each free place, (P - L) / f |
    | 10 | s of room for each place then left, less the mean q to come; 0 where none is left |
    | 11 | pace: s of the share L / P of the plan that is used, less the share of devices gone |
    | 12 | q less 1 |
    | 13 | mean q of the devices to come, less 1 |
    | 14 | standard deviation of q over the devices to come |
    | 15 | share of the devices to come that have a larger q, those of the same half |
    | 16 | mean over the devices to come of s(10 (c less their least)), less its mean over open servers |
    | 17 | share of the free places that will stay empty, (Q - r' - 1) / Q |
    | 18 | few devices to come, 1 / (1 + r' / g) |
    | 19 | s of how many more want a place than there are, J - f |
    | 20 | s of what those J lose where it is full, 10 u at most each, for each free place |
    | 21 | s of the excess in the end without the task, E = L + D - P |
    | 22 | s of the excess with it, E + q |
    | 23 | s of the cost in the end, c + q (2 E + q) / F, less the least of an open server |
    """  # noqa: E501

    NUM_FEATURES = 24
    LIMIT = _LIMIT
    free_at = 0
    any_size = True

    @property
    def space(self) -> "gym.spaces.Box[np.float32]":
        """Rows of features."""
        shape = (self.scenario.num_actions, self.NUM_FEATURES)
        return gym.spaces.Box(-self.LIMIT, self.LIMIT, shape, np.float32)

    def prepare(self, instance: Instance) -> NDArray[Any]:
        """Return the plan of each slot, (..., `plans.shape`); see `plans.write_plan`.

        Raises:
            ValueError: something of the slots is hidden, and they are of another size than the
                scenario's, of which it would be sampled.
        """
        from mec_gym.observations.loops import planning  # numba is loaded when it is first needed

        scenario, write = self.scenario, planning()
        slots = instance.flatten()
        shape = plans.shape(slots.num_devices, slots.num_actions)
        made = np.zeros((len(slots), *shape))
        if self.plans_whole(slots):
            problem = Problem.of(slots)
            link_cost, size, server_hz, capacity = problem.numbers()
            prices = prices_where_feasible(problem)
            for slot, out in enumerate(made):
                known = link_cost[slot : slot + 1], size[slot]
                hidden = known[0], size[slot : slot + 1]
                here = server_hz[slot], capacity[slot], prices[slot]
                write(*known, *hidden, slots.num_devices, *here, out)
        else:
            samples = sample_count(scenario)
            for out, outlook in zip(made, outlooks(slots, scenario, _SEED, samples), strict=True):
                write(*_expected(outlook), out)
        return made.reshape(*instance.batch_shape, *shape)

    def plans_whole(self, instance: Instance) -> bool:
        """Return whether nothing of slots is hidden."""
        return instance.step_gain is None and not self.scenario.hides_tasks

    def priced(self, instance: Instance, prepared: NDArray[Any]) -> NDArray[np.float64]:
        """Return the relaxation's prices and the unit of delay, where nothing is hidden."""
        of_slot = np.ascontiguousarray(prepared[:, :OF_SLOT, : instance.num_actions])
        return of_slot if self.plans_whole(instance) else of_slot[:, :0]

    @staticmethod
    def write(
        slot: Slot,
        device: int,
        prepared: NDArray[Any],
        constants: tuple[NDArray[Any], ...],
        out: Array,
    ) -> None:
        """Write the features of each server; zeros after the last device."""
        if device == len(slot.task_cycles):
            out[:] = 0.0
            return
        write_rows(slot, device, prepared, OF_SLOT + OF_DEVICE * device, out)


@kernel
def write_rows(slot: Slot, device: int, plan: NDArray[Any], first: int, out: Array) -> None:
    """Write the features of each server for a device.

    Args:
        slot: the slot so far.
        device: the device to decide on.
        plan: what is planned: `OF_SLOT` rows of the slot, and those of the device.
        first: where the device's `OF_DEVICE` rows begin.
        out: a row a server, (N, 24).
    """
    num_devices, num_servers = len(slot.task_cycles), len(slot.server_hz)
    out[:] = 0.0
    price, charge, units = plan[0, :num_servers], plan[1, :num_servers], plan[2]
    unit_delay, unit_size, mean_hz = float(units[0]), float(units[1]), float(units[2])
    sizes, wished, count = plan[first], plan[first + 1], plan[first + 2]
    demand, lost = plan[first + 3], plan[first + 4]
    joining, to_come = slot.sqrt_cycles[device], num_devices - device - 1
    mean_to_come = float(sizes[0])
    places, num_open, least, least_in_end, mean_wished = 0, 0, math.inf, math.inf, 0.0
    for server in range(num_servers):
        if is_open(slot, device, server):
            places += slot.capacity[server] - slot.load[server]
            num_open += 1
            mean_wished += wished[server]
            hz = slot.server_hz[server]
            paid = slot.link_cost[device][server] + price[server] * joining + charge[server]
            least = min(least, paid)
            if hz < math.inf:
                excess = slot.sqrt_load[server] + demand[server] - price[server] * hz / 2
                paid += joining * (2 * excess + joining) / hz
            least_in_end = min(least_in_end, paid)
    if num_open == 0:
        write_mask(slot, device, out[:, 0])
        return
    mean_wished /= num_open
    remaining = to_come * mean_to_come
    level = load_level(slot.server_hz, price, slot.sqrt_load, joining + remaining)
    last_charge = least_charge_taken(charge, slot.load, slot.capacity, to_come + 1)
    # The same for every server.
    size = within(joining / unit_size - 1, _LIMIT)
    size_to_come = within(mean_to_come / unit_size - 1, _LIMIT)
    spread, larger = within(sizes[1] / unit_size, _LIMIT), sizes[2]
    empty = within((places - to_come - 1) / places, _LIMIT)
    few = within(1 / (1 + to_come / num_open), _LIMIT)
    for server in range(num_servers):
        if not is_open(slot, device, server):
            continue
        left = slot.capacity[server] - slot.load[server]
        hz, relative_hz = slot.server_hz[server], _LIMIT
        above = slot.link_cost[device][server] + price[server] * joining + charge[server]
        in_end = above - least_in_end
        above -= least
        rise = max(last_charge - charge[server], 0.0)
        room = excess = pace = 0.0
        if hz < math.inf:
            relative_hz = within(hz / mean_hz, _LIMIT)
            load, planned = slot.sqrt_load[server], price[server] * hz / 2
            room = planned - load
            excess = demand[server] - room
            in_end += joining * (2 * excess + joining) / hz
            if planned > 0:
                pace = load / planned - device / num_devices
        if hz == math.inf or joining - room > level * hz:  # else it stays below the level
            rise += rise_of_loads_at_level(
                slot.server_hz, price, slot.sqrt_load, remaining, server, joining, level
            )
        beside = (room - joining) / (left - 1) - mean_to_come if left > 1 else 0.0
        row = out[server]
        row[0] = 1.0
        row[1] = squashed(10 * above / unit_delay)
        row[2] = squashed((above + rise) / unit_delay)
        row[3] = squashed(room / unit_size)
        row[4] = squashed((room - joining) / unit_size)
        row[5] = squashed((charge[server] - last_charge) / unit_delay)
        row[6] = relative_hz
        row[7] = within(left * num_open / places, _LIMIT)
        row[8] = within(1 / left, _LIMIT)
        row[9] = squashed(room / left / unit_size)
        row[10] = squashed(beside / unit_size)
        row[11] = squashed(pace)
        row[12] = size
        row[13] = size_to_come
        row[14] = spread
        row[15] = larger
        row[16] = wished[server] / max(to_come, 1) - mean_wished / max(to_come, 1)
        row[17] = empty
        row[18] = few
        row[19] = squashed(count[server] - left)
        row[20] = squashed(lost[server] / left)
        row[21] = squashed(excess / unit_size)
        row[22] = squashed((excess + joining) / unit_size)
        row[23] = squashed(in_end / unit_delay)


def _expected(outlook: Outlook) -> tuple[Any, ...]:
    """Return the arguments of `plans.write_plan` of a slot of which something is hidden."""
    hides_tasks = outlook.lookahead < len(outlook.size) - 1
    link_cost, size = outlook.hidden_cost, outlook.hidden_size
    if not hides_tasks:  # but gains change: the tasks are known, their links are sampled
        link_cost = outlook.shown_cost
        size = np.repeat(outlook.size[None], len(link_cost), axis=0)
    here = np.broadcast_to(outlook.server_hz, (len(size), len(outlook.server_hz)))
    places = np.broadcast_to(outlook.capacity, here.shape)
    prices = prices_where_feasible(Problem(link_cost, size, here, places)).mean(axis=0)
    known = outlook.shown_cost, outlook.size
    hidden = link_cost, size
    return *known, *hidden, outlook.lookahead, outlook.server_hz, outlook.capacity, prices
