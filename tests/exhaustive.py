"""Small slots of every awkward kind, and optima and bounds by plain enumeration."""

import itertools

import numpy as np

from mec_gym import Instance, average_delay, is_feasible


def make(rng, count, num_devices, num_servers, **changes):
    """Random slots; `changes` replace fields."""
    fields = {
        "gain": rng.uniform(0.5, 2.0, (count, num_devices, num_servers)),
        "task_bits": rng.uniform(2e5, 5e5, (count, num_devices)),
        "task_cycles": rng.uniform(5e8, 2e9, (count, num_devices)),
        "server_hz": rng.uniform(5e9, 9e9, (count, num_servers)),
        "capacity": np.full(num_servers, num_devices),
        "bandwidth_hz": np.array(1e6),
        "tx_power_w": np.array(0.1),
        "noise_w": np.array(1e-3),
    }
    return Instance(**(fields | changes))


def decades(rng, low, high, shape):
    return 10 ** rng.uniform(low, high, shape)


def kinds(rng, count):
    """Slots by kind: plain ones, and those where a bound or a search is likely to trip."""
    return {
        "slack": make(rng, count, 6, 3),
        "capacity exactly M/N": make(rng, count, 6, 3, capacity=np.full(3, 2)),
        "capacities differ": make(rng, count, 6, 3, capacity=np.array([4, 2, 1])),
        # The optimum may leave free a place that the relaxation charges for.
        "one place to spare": make(
            rng,
            count,
            5,
            3,
            gain=decades(rng, -0.5, 0.5, (count, 5, 3)),
            task_cycles=decades(rng, 7, 11, (count, 5)),
            server_hz=np.full(3, 6e9),
            capacity=np.full(3, 2),
        ),
        "a server without places": make(rng, count, 5, 3, capacity=np.array([0, 3, 2])),
        "two servers without places": make(rng, count, 3, 4, capacity=np.array([0, 2, 0, 2])),
        "capacity far beyond M": make(rng, count, 5, 3, capacity=np.array([10**9, 10**15, 10**9])),
        "one server": make(rng, count, 5, 1),
        "one device": make(rng, count, 1, 4, capacity=np.ones(4, int)),
        "one device, one server": make(rng, count, 1, 1),
        "more servers than devices": make(rng, count, 3, 6, capacity=np.ones(6, int)),
        "equal servers": make(rng, count, 5, 3, server_hz=np.full(3, 5e9)),
        "all alike": make(
            rng,
            count,
            6,
            3,
            gain=np.ones((count, 6, 3)),
            task_bits=np.array(3e5),
            task_cycles=np.array(1e9),
            server_hz=np.array(7e9),
            capacity=np.full(3, 2),
        ),
        "very unequal work": make(rng, count, 6, 3, task_cycles=decades(rng, 3, 12, (count, 6))),
        "very unequal servers": make(rng, count, 6, 3, server_hz=decades(rng, 5, 12, (count, 3))),
        "very unequal links": make(
            rng, count, 6, 3, gain=decades(rng, -9, 3, (count, 6, 3)), capacity=np.full(3, 2)
        ),
        "tiny magnitudes": make(
            rng,
            count,
            5,
            3,
            task_bits=decades(rng, -30, -28, (count, 5)),
            task_cycles=decades(rng, -30, -28, (count, 5)),
        ),
        "huge magnitudes": make(
            rng,
            count,
            5,
            3,
            task_bits=decades(rng, 40, 44, (count, 5)),
            task_cycles=decades(rng, 40, 44, (count, 5)),
        ),
        "everything unequal": make(
            rng,
            count,
            5,
            3,
            gain=decades(rng, -9, 3, (count, 5, 3)),
            task_bits=decades(rng, 0, 9, (count, 5)),
            task_cycles=decades(rng, 0, 12, (count, 5)),
            server_hz=decades(rng, 6, 12, (count, 3)),
            capacity=np.full(3, 2),
        ),
    }


KINDS = tuple(kinds(np.random.default_rng(0), 1))


def optimum(slots):
    """The least average delay of each slot of a batch, over every feasible assignment."""
    every = itertools.product(range(slots.num_servers), repeat=slots.num_devices)
    assignments = np.array(list(every))[:, None, :]
    delay = average_delay(slots, assignments)
    return np.where(is_feasible(slots, assignments), delay, np.inf).min(axis=0)


def least_computing(hz, load, remaining):
    """The least computation delay of a split of work: of all sets of servers filled to one level.

    The best split is one of them, and none of those tried is better than the best.
    """
    least = np.inf
    servers = range(len(hz))
    for chosen in (list(c) for size in servers for c in itertools.combinations(servers, size + 1)):
        level = (remaining + load[chosen].sum()) / hz[chosen].sum()
        poured = np.zeros(len(hz))
        poured[chosen] = remaining if len(chosen) == 1 else level * hz[chosen] - load[chosen]
        if (poured >= 0).all():
            least = min(least, ((load + poured) ** 2 / hz).sum())
    return least


def least_beyond(hz, load, remaining):
    """The least sum of load^2 / hz, of servers that share, over splits of the work to come.

    Loads may be below 0. A server of hz inf takes any of the work for nothing.
    """
    shared = np.isfinite(hz)
    hz, load = hz[shared], load[shared]
    least = (load**2 / hz).sum() if remaining <= 0 or not shared.all() else np.inf
    servers = range(len(hz))
    for chosen in (list(c) for size in servers for c in itertools.combinations(servers, size + 1)):
        level = (remaining + load[chosen].sum()) / hz[chosen].sum()
        if not shared.all():  # no more than would be right if all could be left out
            level = min(level, 0.0)
        poured = np.zeros(len(hz))
        poured[chosen] = level * hz[chosen] - load[chosen]
        if (poured >= -1e-9 * (abs(load) + 1e-300)).all():
            least = min(least, ((load + poured) ** 2 / hz).sum())
    return least
