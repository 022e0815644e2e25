"""The bound on what no policy can undercut that sees only the present."""

import itertools
from functools import cache

import numpy as np
import pytest

from mec_gym import Scenario, policies
from mec_gym.bounds import online_bound, online_lower_bound
from mec_gym.bounds.online import why_unavailable
from mec_gym.problem import Problem

HZ = (5e9, 9e9)
TWO_TASKS = {"bits": [2e5, 1e6], "cycles": [2e9, 4e8]}
SMALL = Scenario(
    num_devices=4,
    num_servers=2,
    capacity=3,
    tasks=TWO_TASKS,
    server_hz=HZ,
    servers="listed",
    channel={"kind": "uniform", "gain": 1.0},
    lookahead=0,
)
"""A device's task is one of two, equally likely, and no gain is random."""

DRAWN = Scenario(
    num_devices=4, num_servers=2, capacity=2, server_hz=(5e9, 9e9), servers="per-slot", lookahead=0
)


def best_on_average():
    """The least mean cost of SMALL without seeing the future, by expectation over all tasks."""
    bits, cycles = TWO_TASKS["bits"], TWO_TASKS["cycles"]
    rate = 1e6 * np.log2(1 + 0.1 / (1e-9 * 1e6))

    @cache
    def to_go(device, held):  # how many tasks of each kind each server has
        if device == 4:
            return 0.0
        return sum(chosen(device, held, kind) for kind in (0, 1)) / 2

    def chosen(device, held, kind):
        costs = []
        for server, hz in enumerate(HZ):
            if sum(held[server]) < 3:
                before = sum(n * np.sqrt(c) for n, c in zip(held[server], cycles, strict=True))
                rise = ((before + np.sqrt(cycles[kind])) ** 2 - before**2) / hz
                after = [list(each) for each in held]
                after[server][kind] += 1
                more = to_go(device + 1, tuple(map(tuple, after)))
                costs.append(bits[kind] / rate + rise + more)
        return min(costs)

    return to_go(0, ((0, 0), (0, 0))) / 4


def test_the_bound_lies_below_the_best_policy_found_by_expectation_over_all_futures():
    found, best = online_lower_bound(SMALL, 1000, seed=3), best_on_average()
    assert best == pytest.approx(found.mean, abs=2 * found.ci95)
    assert found.ci95 < 0.02 * best


@pytest.mark.slow
def test_the_bound_comes_close_to_a_policy_much_closer_than_hindsight_does():
    scenario = Scenario.preset("online")
    slots = scenario.sample(40, seed=4)
    chosen = policies.get("dynamic-programming", scenario)(slots, 0)
    cost, found = Problem.of(slots).cost(chosen), online_bound(slots, scenario, chosen[None])
    above = (cost + found.penalty[0] - found.total_cost) / cost.mean()
    hindsight = 1 - Problem.of(slots).cost(policies.get("optimal")(slots, 0)).mean() / cost.mean()
    assert (above > -1e-12).all()
    assert above.mean() < hindsight / 4


def test_dynamic_programming_costs_what_the_best_policy_does():
    slots = SMALL.sample(4000, seed=5)
    chosen = policies.get("dynamic-programming", SMALL)(slots, 0)
    cost = Problem.of(slots).cost(chosen) / 4
    error = cost.std() / np.sqrt(len(cost))
    assert cost.mean() == pytest.approx(best_on_average(), abs=4 * error)


@pytest.mark.parametrize(
    "scenario",
    [
        DRAWN,
        DRAWN.replace(lookahead=None, channel={"kind": "uniform", "correlation": 0.0}),
        DRAWN.replace(local_hz=(1e9, 2e9), energy_weight=0.1, drop_penalty_s=1.0),
        DRAWN.replace(deadline_s=(0.2, 1.2), drop_penalty_s=1.5),
    ],
    ids=["tasks hidden", "gains hidden", "local and drop", "deadlines"],
)
def test_the_bound_is_the_least_cost_and_penalty_over_all_assignments(scenario):
    slots = scenario.sample(3, seed=6)
    problem, actions = Problem.of(slots), scenario.num_actions
    every = np.array(list(itertools.product(range(actions), repeat=4)))
    for slot in range(3):
        one = problem[slot : slot + 1]
        feasible = every[one.is_feasible(every[:, None])[:, 0]][:, None]
        found = online_bound(slots[slot : slot + 1], scenario, feasible, seed=7)
        least = (one.cost(feasible) + found.penalty).min()
        # The last device's own best choice is in the bound, whatever it is.
        assert found.total_cost[0] == pytest.approx(least, rel=1e-9)


@pytest.mark.slow
def test_a_penalty_is_nothing_on_average_for_a_policy_that_sees_only_the_present():
    slots = DRAWN.sample(800, seed=8)
    chosen = policies.get("least-delay")(slots, 0)
    penalty = online_bound(slots, DRAWN, chosen[None], seed=9).penalty[0]
    assert abs(penalty.mean()) < 4 * penalty.std() / np.sqrt(800)
    hindsight = policies.get("optimal")(slots, 0)
    ahead = policies.get("dynamic-programming", DRAWN)(slots, 0)
    used, unused = online_bound(slots, DRAWN, np.stack([hindsight, ahead]), seed=9).penalty
    more = used - unused
    assert more.mean() > 4 * more.std() / np.sqrt(800)  # it pays for what it saw


def test_the_same_seed_gives_the_same_bound_and_another_one_another():
    slots = DRAWN.sample(3, seed=1)
    one, same, other = (online_bound(slots, DRAWN, None, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.total_cost, same.total_cost)
    assert (one.total_cost != other.total_cost).all()


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (Scenario(), "nothing of a slot is hidden"),
        (Scenario(lookahead=2), "see their own task alone"),
        (Scenario(channel={"kind": "uniform", "correlation": 0.5}), "independent from step"),
        (Scenario.preset("city", lookahead=0), "different numbers of tasks"),
        (Scenario(num_devices=30, num_servers=2, capacity=30, lookahead=0), "are too many"),
    ],
)
def test_where_there_is_no_such_bound_the_reason_is_said(scenario, said):
    assert said in why_unavailable(scenario)
    with pytest.raises(ValueError, match=rf"^scenario: .*{said}"):
        online_lower_bound(scenario, 5)


def test_an_assignment_that_is_not_feasible_is_refused():
    with pytest.raises(ValueError, match=r"^assignments: some are not feasible"):
        online_bound(DRAWN.sample(2, seed=1), DRAWN, np.zeros((1, 2, 4), int))


def test_one_slot_is_refused_as_it_has_no_interval():
    with pytest.raises(ValueError, match=r"^n: 1; an interval needs"):
        online_lower_bound(DRAWN, 1)
