"""Work left over, against a server simulated event by event."""

import numpy as np
import pytest

from mec_gym import Scenario, episodes, policies, system

simpy = pytest.importorskip("simpy")


def simulated(arrivals, rates, slot_s, num_slots):
    """When tasks are done on a server, seconds after their slots begin.

    Work is done in the order of slots; tasks of one slot share the server by weights sqrt(C)
    among those that are there and not yet done.

    Args:
        arrivals: (slot, seconds after it begins, cycles) of each task.
        rates: cycles/s of each slot; the last goes on.
    """
    env, done = simpy.Environment(), {}
    left = [cycles for _, _, cycles in arrivals]
    came = [slot * slot_s + after for slot, after, _ in arrivals]
    changes = sorted({*came, *(k * slot_s for k in range(num_slots))})

    def server():
        while len(done) < len(arrivals):
            here = [i for i in range(len(left)) if left[i] > 0 and came[i] <= env.now + 1e-12]
            later = [at for at in changes if at > env.now + 1e-12]
            until = later[0] - env.now if later else np.inf
            if not here:
                yield env.timeout(until)
                continue
            first = min(arrivals[i][0] for i in here)
            sharing = [i for i in here if arrivals[i][0] == first]
            hz = rates[min(int((env.now + 1e-9) / slot_s), len(rates) - 1)]
            weights = np.array([np.sqrt(arrivals[i][2]) for i in sharing])
            speeds = hz * weights / weights.sum()
            step = min(
                until, min(left[i] / speed for i, speed in zip(sharing, speeds, strict=True))
            )
            yield env.timeout(step)
            for i, speed in zip(sharing, speeds, strict=True):
                left[i] -= speed * step
                if left[i] <= 1e-6 * arrivals[i][2]:
                    left[i] = 0.0
                    done[i] = env.now - arrivals[i][0] * slot_s

    env.process(server())
    env.run()
    return [done[i] for i in range(len(arrivals))]


def delays(scenario, count, seed=0):
    """Delays of the tasks of episodes by the model, and event by event."""
    drawn = scenario.sample_episodes(count, seed)
    policy = policies.get("local-search")
    played = episodes.play(drawn, lambda slots, _: policy(slots, 0))
    by_model, by_events = [], []
    for row, episode in enumerate(drawn):
        for server in range(3):
            served = np.argwhere(played.assignment[row] == server)
            if not len(served):
                continue
            arrivals = [
                (k, episode.slots.tx_delay[k, m, server], episode.slots.task_cycles[k, m])
                for k, m in served.tolist()
            ]
            rates = episode.slots.server_hz[:, server]
            by_events += simulated(arrivals, rates, scenario.slot_s, scenario.slots)
            by_model += [played.delay[row, k, m] for k, m in served.tolist()]
    return np.array(by_model), np.array(by_events)


QUEUE = Scenario.preset("queues", slots=12, task_bits=1.0)
"""Tasks are sent in no time, so that all of a slot begin together."""


def test_where_nothing_is_left_over_a_task_alone_takes_what_the_model_says():
    scenario = QUEUE.replace(slot_s=5.0, arrivals={"probability": 0.05})
    drawn = scenario.sample_episodes(20, 0)
    played = episodes.play(drawn, lambda slots, _: np.zeros(slots.task_cycles.shape, int))
    for row, episode in enumerate(drawn):
        for k in range(12):
            (devices,) = np.nonzero(episode.present[k])
            if len(devices) != 1:
                continue
            task = [(k, 0.0, episode.slots.task_cycles[k, devices[0]])]
            (alone,) = simulated(task, episode.slots.server_hz[:, 0], 5.0, 12)
            assert played.delay[row, k, devices[0]] == pytest.approx(alone, rel=1e-5)


def test_as_much_is_left_over_as_an_event_by_event_server_has_not_done():
    scenario = QUEUE.replace(slot_s=0.4)
    drawn = scenario.sample_episodes(5, 0)
    policy = policies.get("local-search")
    played = episodes.play(drawn, lambda slots, _: policy(slots, 0))
    for row, episode in enumerate(drawn):
        for server in range(3):
            served = np.argwhere(played.assignment[row] == server).tolist()
            arrivals = [(k, 0.0, episode.slots.task_cycles[k, m]) for k, m in served]
            hz = episode.slots.server_hz[0, server]
            done = simulated(arrivals, [hz], 0.4, 12)
            busy_until = max(k * 0.4 + at for (k, _, _), at in zip(arrivals, done, strict=True))
            left = played.backlog_cycles[row, -1, server]
            last = max(k for k, _, _ in arrivals)
            if last == 11 and left > 0:
                assert left / hz == pytest.approx(busy_until - 12 * 0.4, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("load", "most"), [(0.5, 0.25), (0.8, 0.25), (1.1, 0.15)])
def test_tasks_wait_about_as_long_as_event_by_event_and_never_less_on_average(load, most):
    scenario = Scenario.preset("queues", slots=15)
    model, events = delays(scenario.replace(slot_s=scenario.slot_s * 0.8 / load), 6)
    above = model.mean() / events.mean() - 1
    assert 0 <= above < most


def test_the_wait_is_the_same_for_all_that_join():
    scenario = QUEUE.replace(slot_s=0.2)
    slots = []
    episodes.play(
        scenario.sample_episodes(1, 0),
        lambda s, _: slots.append(s) or policies.get("least-delay")(s, 0),
    )
    met = slots[-1][0]
    assert met.backlog_cycles.min() > 0
    assignment = np.arange(met.num_devices) % 3
    wait = met.backlog_cycles / met.server_hz
    alone = met.server_hz * 0.0
    without = type(met)(**met.arrays() | {"backlog_cycles": alone})
    longer = system.task_delays(met, assignment) - system.task_delays(without, assignment)
    assert longer == pytest.approx(wait[assignment])
