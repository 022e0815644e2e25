"""What a decision earns, by name, before the penalty for a server that is already full.

A reward takes a slot before the decision (see `mec_gym.mdp.Slot`), the device and the server chosen
for it, and returns seconds, more for a better choice. It is called with a slot in plain Python
numbers, and compiled: links are indexed `slot.tx_delay[device][server]`.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import bounds, equations
from mec_gym.bounds import above_prices
from mec_gym.bounds.relaxation import prices_where_feasible
from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted
from mec_gym.kernels import kernel
from mec_gym.mdp import Prepare, Slot, State, copy_of, is_open, nothing
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

Reward = Callable[[Slot, int, int], float]
"""`reward(slot, device, server)`, seconds."""


@kernel
def paper(slot: Slot, device: int, server: int) -> float:
    """Return minus the delay of the task on equal CPU shares, the bracket of Eq. (13).

    It knows neither weights nor energy.
    """
    delay: float = equations.equal_share_delay(
        slot.tx_delay[device][server],
        slot.task_cycles[device],
        slot.server_hz[server],
        slot.load[server],
    )
    return -delay


@kernel
def delay(slot: Slot, device: int, server: int) -> float:
    """Return minus the rise in the total cost under Eq. (20); over a slot it sums to minus that.

    That is -M D where nothing is weighted.
    """
    rise: float = equations.delay_rise(
        slot.link_cost[device][server],
        slot.sqrt_cycles[device],
        slot.server_hz[server],
        slot.sqrt_load[server],
    )
    return -rise


@kernel
def regret(slot: Slot, device: int, server: int) -> float:
    """Return minus the rise in a lower bound on the total cost of any completion.

    The bound B fills what remains to compute up to the water level, capacity ignored, and sends
    each task still to come on its cheapest link to a server that is open to it. Over a slot its
    rise sums to M D - B_0; it is at least 0 where the server is open. Where a column shares no CPU
    the level is 0: B is then far below the optimum, and says less.
    """
    num_devices = len(slot.task_cycles)
    remaining = 0.0
    for later in range(device + 1, num_devices):
        remaining += slot.sqrt_cycles[later]
    joining = slot.sqrt_cycles[device]
    rise: float = slot.link_cost[device][server] - least_link_cost(slot, device, -1)
    level = bounds.water_level(slot.server_hz, slot.sqrt_load, joining + remaining)
    rise += bounds.rise_at_level(slot.server_hz, slot.sqrt_load, remaining, server, joining, level)
    if slot.load[server] + 1 == slot.capacity[server]:  # those to come cannot be sent there
        for later in range(device + 1, num_devices):
            rise += least_link_cost(slot, later, server) - least_link_cost(slot, later, -1)
    return -rise


@kernel
def least_link_cost(slot: Slot, device: int, closed: int) -> float:
    """Return the least that a task's link costs to a server open to it but `closed`, seconds.

    -1 closes none. Where no server is open it is 0.
    """
    least = math.inf
    for server in range(len(slot.server_hz)):
        if server != closed and is_open(slot, device, server):
            least = min(least, slot.link_cost[device][server])
    return least if least < math.inf else 0.0


def prepared_by(prepare: Prepare) -> Callable[[Reward], Reward]:
    """Let a reward find in `slot.for_reward` what a function has worked out of the slot."""

    def mark(reward: Reward) -> Reward:
        reward.prepare = prepare  # type: ignore[attr-defined]
        return reward

    return mark


def preparation(reward: Reward) -> Prepare:
    """Return what works out what a reward knows of slots."""
    return getattr(reward, "prepare", nothing)


def prices(slots: Slot) -> NDArray[np.float64]:
    """Return the prices p and charges k of the relaxation of slots, (B, 2, N).

    They are 0 where a slot has no feasible assignment.
    """
    cost, places = slots.link_cost, np.minimum(slots.capacity, slots.task_cycles.shape[-1])
    if slots.allowed.size:
        cost = np.where(slots.allowed, cost, np.inf)
    return prices_where_feasible(Problem(cost, slots.sqrt_cycles, slots.server_hz, places))


@prepared_by(prices)
@kernel
def regret_prices(slot: Slot, device: int, server: int) -> float:
    """Return minus the rise in a lower bound on the total cost that begins at the relaxation's.

    It is that of `mec_gym.bounds.above_prices` at the relaxation's prices: what the tasks have paid
    in all, those to come at least on a server open to them, how far the loads are from the planned
    ones at least, and what free places are left at least. Over a slot its rise sums to the cost
    less the bound of `mec_gym.bounds.relax`; it is at least 0 where the server is open.
    """
    num_devices = len(slot.task_cycles)
    price, charge = slot.for_reward[0], slot.for_reward[1]
    remaining = 0.0
    for later in range(device + 1, num_devices):
        remaining += slot.sqrt_cycles[later]
    rise: float = at_prices(slot, device, server) - least_at_prices(slot, device, -1)
    rise += above_prices.rise_of_loads(
        slot.server_hz, price, slot.sqrt_load, remaining, server, slot.sqrt_cycles[device]
    )
    rise += above_prices.rise_of_places(
        charge, slot.load, slot.capacity, num_devices - device, server
    )
    if slot.load[server] + 1 == slot.capacity[server]:  # those to come cannot be sent there
        for later in range(device + 1, num_devices):
            rise += least_at_prices(slot, later, server) - least_at_prices(slot, later, -1)
    return -rise


def prices_and_unit(slots: Slot) -> NDArray[np.float64]:
    """Return prices, charges and u of slots, (B, 3, N).

    u = (mean q)^2 / (mean F of servers that share their CPU) is what one task alone on one server
    takes, seconds.
    """
    shared = np.isfinite(slots.server_hz)
    hz = np.where(shared, slots.server_hz, 0.0).sum(axis=-1) / shared.sum(axis=-1)
    unit = np.broadcast_to((slots.sqrt_cycles.mean(axis=-1) ** 2 / hz)[:, None], shared.shape)
    return np.concatenate([prices(slots), unit[:, None]], axis=1)


@prepared_by(prices_and_unit)
@kernel
def regret_units(slot: Slot, device: int, server: int) -> float:
    """Return `regret_prices` in units of one task alone on one server of the slot, u.

    So a decision weighs the same in networks whose delays differ by orders of magnitude.
    """
    earned: float = regret_prices(slot, device, server) / slot.for_reward[2][0]
    return earned


@kernel
def at_prices(slot: Slot, device: int, server: int) -> float:
    """Return what a task pays for a server, a + p q + k, seconds."""
    price, charge = slot.for_reward[0][server], slot.for_reward[1][server]
    paid: float = slot.link_cost[device][server] + price * slot.sqrt_cycles[device] + charge
    return paid


@kernel
def least_at_prices(slot: Slot, device: int, closed: int) -> float:
    """Return the least that a task pays for a server open to it but `closed`; 0 if none is."""
    least = math.inf
    for server in range(len(slot.server_hz)):
        if server != closed and is_open(slot, device, server):
            least = min(least, at_prices(slot, device, server))
    return least if least < math.inf else 0.0


REWARDS: dict[str, Reward] = {
    "paper": paper,
    "delay": delay,
    "regret": regret,
    "regret-prices": regret_prices,
    "regret-units": regret_units,
}
"""The rewards by name; a new one is a function and an entry here."""


@kernel
def penalised(
    reward: float, slot: Slot, device: int, server: int, overload_penalty: float
) -> float:
    """Return a reward less lambda where the server is already full, or not allowed; Eq. (13)."""
    closed = slot.load[server] >= slot.capacity[server]
    if len(slot.allowed):  # not by `is_open`: a call takes long in plain Python
        closed = closed or not slot.allowed[device][server]
    paid: float = reward - overload_penalty * closed
    return paid


def of_decision(reward: Reward, state: State, server: int, overload_penalty: float) -> float:
    """Return what giving the current device to a server earns, seconds; nothing is assigned."""
    slot, device = state.slot, state.device
    earned = reward(slot, device, server)
    return float(penalised(earned, slot, device, server, overload_penalty))


def find(reward: str | Reward, scenario: Scenario) -> Reward:
    """Return a reward by its name, your own as "module:name"; a function is returned as it is.

    One of your own is tried on a slot of the scenario.

    Raises:
        ValueError: no such reward, or one of your own that returns no finite number.
    """
    found: Any = reward if callable(reward) else names.find(REWARDS, reward, "reward")
    if found in REWARDS.values():  # these are tested
        return found  # type: ignore[no-any-return]
    if not inspect.isfunction(found) or len(inspect.signature(found).parameters) != 3:
        raise ValueError(f"reward: {quoted(found)} is not a function of slot, device and server")
    _check(found, scenario)
    return found


_TRIED = 12
"""So many devices and servers at most are tried of a slot."""


def _check(reward: Reward, scenario: Scenario) -> None:
    """Try a user's own reward on a slot, servers that are full or overloaded included.

    Raises:
        ValueError: it fails, returns no finite number, or changes the slot.
    """
    name, (slot,) = f"{reward.__module__}:{reward.__qualname__}", scenario.sample(1, 0)
    servers = sorted({*range(min(slot.num_actions, _TRIED)), slot.num_actions - 1})
    devices = {*range(min(slot.num_devices, _TRIED)), slot.num_devices - 1}
    for feasibly in (True, False):
        state = State(slot, preparation(reward))
        while not state.done:
            tried = servers if state.device in devices else []
            before = copy_of(state.slot) if tried else state.slot
            for server in tried:
                where = f"device {state.device} and server {server}"
                try:
                    value = reward(state.slot, state.device, server)
                    is_number = math.isfinite(value)
                except Exception as error:  # whatever a user's own code raises
                    raise ValueError(
                        f"reward: {name} failed for {where}, of load"
                        f" {state.slot.load[server]}: {one_line(repr(error))}"
                    ) from error
                if not is_number:
                    raise ValueError(
                        f"reward: {name} returned {value} for {where}; it must be finite, also for"
                        " a server that is full or above its capacity"
                    )
            if state.slot != before:
                raise ValueError(f"reward: {name} changes the slot, which it only may read")
            state.assign(int(state.free.argmax()) if feasibly else slot.num_actions - 1)
