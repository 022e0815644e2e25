"""What the tasks of a scenario ask of its servers, in the long run: the load of each slot."""

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mec_gym.ranges import low_high

if TYPE_CHECKING:
    from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]

_LEAST = 1.005
"""A load that is said to be too much: a little less can hardly be told from 1."""

_MOST_SPANS = 4
"""Up to so many spans of slots are named."""


def loads(scenario: "Scenario") -> FloatArray:
    """Return the mean work that arrives in each slot over what the servers can do in one, (K,).

    What others have of their CPUs is taken off. Whether tasks may go elsewhere does not matter.
    """
    arriving, doable = _cycles(scenario)
    return arriving / doable


def mean_load(scenario: "Scenario") -> float:
    """Return the mean work of an episode over what the servers can do in one."""
    arriving, doable = _cycles(scenario)
    return float(arriving.sum() / doable.sum())


def beyond(scenario: "Scenario") -> str:
    """Return in which slots more work arrives than the servers can do, and what comes of it.

    Empty where there is no such slot; where work left over does not wait; and where tasks may be
    done elsewhere, or dropped, so that a policy can do something about it.

    Source: in each slot the work on all servers together rises by at least what arrives less what
    they can do, as no server does more than its F tau.
    """
    slot_s = scenario.slot_s
    if slot_s is None or scenario.left_over != "waits" or scenario.columns:
        return ""
    load = loads(scenario)
    over = load > _LEAST
    if not over.any():
        return ""
    more = float((load[over] - 1).mean() * slot_s)
    grows = f"what is left over grows by about {more:.3g} s a slot"
    if over.all():
        return (
            f"load {mean_load(scenario):.2f}: the servers cannot do this work; {grows}, whatever"
            " the policy"
        )
    return (
        f"{_spans(over)} of {len(load)}, load up to {load.max():.2f}: the servers cannot do this"
        f" work there; {grows}, whatever the policy"
    )


def _spans(over: NDArray[np.bool_]) -> str:
    """Return which slots are meant, such as "slots 3-5, 9"; they are counted from 0."""
    spans, at = [], 0
    for is_over, group in itertools.groupby(over.tolist()):
        size = len(list(group))
        if is_over:
            spans.append(f"{at}" if size == 1 else f"{at}-{at + size - 1}")
        at += size
    if len(spans) > _MOST_SPANS:
        return f"{int(over.sum())} slots"
    word = "slot" if over.sum() == 1 else "slots"
    return f"{word} {', '.join(spans)}"


def _cycles(scenario: "Scenario") -> tuple[FloatArray, FloatArray]:
    """Return the mean work that arrives in each slot, and that the servers can do, (K,), cycles."""
    num_slots = scenario.slots
    if scenario.slot_s is None:
        raise ValueError("slot_s: needed where slots follow one another; give their length, s")
    hz = scenario.deployment_hz
    if hz is None:
        hz = np.full(scenario.num_servers, np.mean(scenario.server_hz))
    left = np.ones((num_slots, scenario.num_servers))
    if scenario.background is not None:
        left = 1 - scenario.background.mean_share(num_slots, scenario.num_servers)
    return _arriving(scenario), left @ hz * scenario.slot_s


def _arriving(scenario: "Scenario") -> FloatArray:
    """Return the mean work that arrives in each slot, (K,), cycles."""
    num_slots, num_devices = scenario.slots, scenario.num_devices
    if scenario.timetable is not None:
        assert scenario.tasks is not None  # whose tasks it has
        return scenario.timetable.mean_sum(scenario.tasks.cycles)
    tasks = np.full(num_slots, float(num_devices))
    if scenario.arrivals is not None:
        tasks = scenario.arrivals.mean_tasks(num_slots, num_devices)
    return tasks * _mean_cycles(scenario)


def _mean_cycles(scenario: "Scenario") -> float:
    """Return the mean work of a task, cycles."""
    if scenario.tasks is not None:
        return float(scenario.tasks.cycles.mean())
    if scenario.task_cycles is not None:
        return sum(low_high(scenario.task_cycles)) / 2
    assert scenario.task_bits is not None  # one of the two is given
    assert scenario.cycles_per_bit is not None
    return sum(low_high(scenario.task_bits)) * sum(low_high(scenario.cycles_per_bit)) / 4
