"""Prices of work left over: what they charge, and that slots are solved at them."""

import itertools

import numpy as np
import pytest

from mec_gym import Scenario, episodes, system
from mec_gym.policies import get, why_not
from mec_gym.solvers.backlog_prices import backlog_prices, lyapunov
from mec_gym.solvers.two_searches import local_search_prices

SMALL = Scenario(num_devices=4, num_servers=2, capacity=4, slots=12, slot_s=0.25, server_seed=3)


def slots_met(scenario, seed=0, count=3):
    """Slots as they are met by who decides each by itself."""
    met = []

    def choose(slots, number):
        met.append(slots)
        return local_search_prices(slots)

    episodes.play(scenario.sample_episodes(count, seed), choose)
    return met


def charged(slot, assignment, v_s):
    """What drift plus penalty adds up: V times the cost, and backlog times work, in seconds."""
    cost = system.task_costs(slot, assignment).sum() * v_s
    for device, server in enumerate(assignment):
        wait = slot.backlog_cycles[server] / slot.server_hz[server]
        cost += wait * slot.task_cycles[device] / slot.server_hz[server]
    return cost


@pytest.mark.parametrize("v_s", [None, 0.02, 1.0])
def test_lyapunov_is_least_in_drift_plus_penalty_up_to_local_search(v_s):
    exact = total = 0
    for slots in slots_met(SMALL)[3:]:
        made = lyapunov(slots, 0, v_s)
        for slot, assignment in zip(slots, made, strict=True):
            weight = v_s or 0.25 * 2 / 4
            best = min(
                charged(slot, np.array(each), weight)
                for each in itertools.product(range(2), repeat=4)
            )
            assert charged(slot, assignment, weight) <= best * 1.01 + 1e-12
            exact += charged(slot, assignment, weight) <= best * (1 + 1e-9)
            total += 1
    assert exact > 0.9 * total


def test_without_work_left_over_both_are_local_search():
    scenario = SMALL.replace(slot_s=100.0)
    for slots in slots_met(scenario):
        alone = local_search_prices(slots)
        assert (lyapunov(slots) == alone).all()
        assert (backlog_prices(slots) == alone).all()


def test_prices_of_what_is_left_over_are_worth_their_charge():
    scenario = Scenario.preset("queues")
    drawn = scenario.sample_episodes(30, 5)

    def cost(policy):
        played = episodes.play(drawn, lambda slots, _: policy(slots, 0)).cost
        return played.sum(axis=(1, 2)) / drawn.present.sum(axis=(1, 2))

    alone, priced = cost(local_search_prices), cost(backlog_prices)
    gain = alone - priced
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def test_tasks_in_columns_leave_nothing_over():
    scenario = SMALL.replace(local_hz=2e9, delay_weight=2.0)
    for slots in slots_met(scenario):
        for policy in (lyapunov, backlog_prices):
            assert (policy(slots) < slots.num_actions).all()


@pytest.mark.parametrize("name", ["lyapunov", "backlog-prices"])
def test_slots_that_follow_no_others_are_refused(name):
    assert why_not(name, Scenario()).startswith("its slots leave no work over")
    assert why_not(name, SMALL) == ""
    with pytest.raises(ValueError, match="it has no backlog_cycles"):
        get(name)(Scenario().sample(2, 0), 0)


@pytest.mark.parametrize("v_s", [0.0, -1.0, np.inf, np.nan])
def test_a_weight_that_is_none_is_refused(v_s):
    with pytest.raises(ValueError, match="v_s"):
        lyapunov(slots_met(SMALL)[0], 0, v_s)
