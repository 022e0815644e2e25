"""What each device of a slot sees as it decides, and sampled tasks for what it does not see."""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.instance import Instance
from mec_gym.kernels import kernel
from mec_gym.problem import Problem

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_STREAM = 3  # of random numbers; that of a seed alone may have drawn the slots


class Outlook(NamedTuple):
    """One slot of M devices and N servers as its devices see it, in numbers of `Problem`.

    Attributes:
        link_cost: a_mn as device m meets it, which it sees when it decides, (M, N), seconds.
        size: q_m, (M,), sqrt(cycles).
        shown_cost: the same as devices before m see it who see its task, (S, M, N): S = 1, or a
            sample each where gains change within the slot.
        hidden_cost: the same where its task is not seen, of K sampled slots, (K, M, N).
        hidden_size: their q, (K, M).
        lookahead: how many of the devices to come are seen.
        server_hz: F_n, (N,), cycles/s.
        capacity: places M_n^max, (N,).
    """

    link_cost: FloatArray
    size: FloatArray
    shown_cost: FloatArray
    hidden_cost: FloatArray
    hidden_size: FloatArray
    lookahead: int
    server_hz: FloatArray
    capacity: IntArray


_SAMPLES, _LINKS = (2, 32), 1 << 15
"""At least and at most so many sampled slots, and in between about so many links in all."""


def sample_count(scenario: "Scenario") -> int:
    """Return how many sampled slots mean prices are of."""
    least, most = _SAMPLES
    return min(max(_LINKS // scenario.num_gains * scenario.num_steps, least), most)


def required(scenario: "Scenario | None", policy: str) -> "Scenario":
    """Return the scenario that a policy plans with.

    Raises:
        ValueError: there is none.
    """
    if scenario is None:
        raise ValueError(
            f"scenario: {policy} plans with sampled slots of the scenario that it plays;"
            f" mec_gym.policies.get({policy!r}, scenario) gives it one"
        )
    return scenario


def assigned(
    instance: Instance,
    scenario: "Scenario",
    seed: int,
    samples: int,
    play: Callable[[Outlook, IntArray], None],
) -> IntArray:
    """Return the assignment of slots, (..., M), that `play` writes of the outlook of each.

    Raises:
        ValueError: as `outlooks`, or a slot has no feasible assignment.
    """
    Problem.of(instance).require_feasible()
    assignment = np.empty((math.prod(instance.batch_shape), instance.num_devices), np.int64)
    for slot, outlook in enumerate(outlooks(instance.flatten(), scenario, seed, samples)):
        play(outlook, assignment[slot])
    return assignment.reshape(instance.task_cycles.shape)


def outlooks(slots: Instance, scenario: "Scenario", seed: int, samples: int) -> Iterator[Outlook]:
    """Yield the outlook of each slot, with tasks sampled from a scenario; one where all is seen.

    Args:
        slots: with one leading dimension.
        scenario: whose slots they are.
        seed: of the samples; the same ones stand in for what is hidden of each slot.
        samples: how many, K.

    Raises:
        ValueError: the slots are of another size than the scenario's, or have other columns beside
            the servers than tasks that are sampled.
    """
    size, own = slots.gain.shape[-2:], (scenario.num_devices, scenario.num_servers)
    if size != own:
        raise ValueError(
            f"instance: {size[0]} devices x {size[1]} servers do not fit the scenario's"
            f" {own[0]} x {own[1]}; give the one whose slots they are, to a trained policy with"
            " for_scenario"
        )
    if scenario.hides_tasks and slots.columns != scenario.columns:
        raise ValueError(
            f"instance: beside the servers it has {_listed(slots.columns)}, the scenario, of which"
            f" hidden tasks are sampled, {_listed(scenario.columns)}; give the scenario the same"
        )
    changing = slots.step_gain is not None
    lookahead = slots.num_devices if scenario.lookahead is None else scenario.lookahead
    lookahead = min(lookahead, slots.num_devices)
    sampled: dict[str, NDArray[np.generic]] = {}
    if changing or scenario.hides_tasks:
        drawn = scenario.draw(samples, np.random.default_rng((seed, _STREAM)))
        sampled = drawn.arrays()
        sampled.pop("step_gain", None)
    for slot in slots:
        given = slot.arrays()
        given.pop("step_gain", None)
        problem = Problem.of(slot)
        shown = hidden = problem[None]
        if changing:
            shown = hidden = Problem.of(Instance.trusted(**given | {"gain": sampled["gain"]}))
        if scenario.hides_tasks:
            servers = {name: given[name] for name in ("server_hz", "capacity")}
            hidden = Problem.of(Instance.trusted(**sampled | servers))
        link_cost, sizes, server_hz, capacity = problem.numbers()
        hidden_cost, hidden_sizes, *_ = hidden.numbers()
        yield Outlook(
            link_cost,
            sizes,
            shown.numbers()[0],
            hidden_cost,
            hidden_sizes,
            lookahead,
            server_hz,
            capacity,
        )


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "nothing"


@kernel
def write_rest(
    outlook: Outlook,
    sample: int,
    device: int,
    first: int,
    load: FloatArray,
    left: IntArray,
    link_cost: FloatArray,
    size: FloatArray,
) -> int:
    """Write the problem of devices that are not assigned yet, and return how many they are.

    Beside the load that the servers have, a link costs 2 L_n q_m / F_n more. A task that no server
    with a place is allowed to take is left out.

    Args:
        outlook: of the slot.
        sample: the number of the sampled slot that stands in for what is hidden.
        device: the one that decides: what it sees counts.
        first: the first that is written, it or the next.
        load: L_n so far, (N,), sqrt(cycles).
        left: free places, (N,).
        link_cost: (M, N), whose first rows are written.
        size: (M,), likewise.
    """
    num_devices, num_servers = outlook.link_cost.shape
    written = 0
    for other in range(first, num_devices):
        if other == device:
            links, own = outlook.link_cost[other], outlook.size[other]
        elif other <= device + outlook.lookahead:
            links = outlook.shown_cost[sample % len(outlook.shown_cost), other]
            own = outlook.size[other]
        else:
            links, own = outlook.hidden_cost[sample, other], outlook.hidden_size[sample, other]
        some = False
        for server in range(num_servers):
            beside = 2 * load[server] * own / outlook.server_hz[server]
            link_cost[written, server] = links[server] + beside
            some = some or (left[server] > 0 and links[server] < np.inf)
        size[written] = own
        written += some
    return written


@kernel
def mean_to_come(outlook: Outlook, device: int) -> float:
    """Return the sum of q over the devices after one, as it sees them, mean over samples."""
    total, samples = 0.0, len(outlook.hidden_size)
    for other in range(device + 1, len(outlook.size)):
        if other <= device + outlook.lookahead:
            total += outlook.size[other]
        else:
            for sample in range(samples):
                total += outlook.hidden_size[sample, other] / samples
    return total
