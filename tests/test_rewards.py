"""Rewards: Eq. (13) by hand and in plain loops; `delay` sums to -M D, `regret` to B_0 - M D."""

import exhaustive
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slots import slot_by_hand
from strategies import assigned_slots

from mec_gym import average_delay, rewards
from mec_gym.mdp import State
from mec_gym.rewards import REWARDS


def paid(name, state, server, penalty):
    """The reward of a decision, the penalty off."""
    reward = REWARDS[name](state.slot, state.device, server)
    return float(rewards.penalised(reward, state.slot, state.device, server, penalty))


def begun(name, slot):
    """The state of a slot before the first decision, with what the reward knows of it."""
    return State(slot, rewards.preparation(REWARDS[name]))


def rewards_of(name, slot, assignment, penalty=10.0):
    state, earned = begun(name, slot), []
    for server in assignment:
        earned.append(paid(name, state, server, penalty))
        state.assign(server)
    return earned


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        # 0.04 + 4e8/4e9 | 0.06 + 9e8/8e9 | 0.21 + 16e8/(8e9/2)
        ([0, 1, 1], [-0.14, -0.1725, -0.61]),
        # | full server 0: 0.10 + 9e8/(4e9/2), and 10 | 0.21 + 16e8/8e9
        ([0, 0, 1], [-0.14, -10.55, -0.41]),
        # 0.06 + 4e8/8e9 | 0.06 + 9e8/(8e9/2) | full server 1: 0.21 + 16e8/(8e9/3), and 10
        ([1, 1, 1], [-0.11, -0.285, -10.81]),
        # | | overloaded server 0: 0.06 + 16e8/(4e9/3), and 10 again
        ([0, 0, 0], [-0.14, -10.55, -11.26]),
    ],
)
def test_eq_13_step_by_step_by_hand(assignment, expected):
    assert rewards_of("paper", slot_by_hand(), assignment) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        # Server 1: 0.06 + 9e8/8e9; then 0.21 + ((3e4 + 4e4)^2 - 9e8)/8e9 = 0.21 + 0.5
        ([0, 1, 1], [-0.14, -0.1725, -0.71]),
        # Server 0: 0.10 + ((2e4 + 3e4)^2 - 4e8)/4e9 = 0.10 + 0.525, and 10
        ([0, 0, 1], [-0.14, -10.625, -0.41]),
    ],
)
def test_rise_in_total_delay_step_by_step_by_hand(assignment, expected):
    assert rewards_of("delay", slot_by_hand(), assignment) == pytest.approx(expected, rel=1e-12)


@given(assigned_slots(), st.floats(0, 100))
def test_reward_paper_is_eq_13_in_plain_loops(case, penalty):
    _, slot, assignment = case
    assert rewards_of("paper", slot, assignment, penalty) == pytest.approx(
        oracle.rewards_of_eq_13(slot, assignment, penalty), rel=1e-10
    )


@given(assigned_slots())
def test_reward_delay_sums_to_minus_m_times_the_average_delay(case):
    _, slot, assignment = case
    total = sum(rewards_of("delay", slot, assignment, penalty=0.0))
    assert total == pytest.approx(-slot.num_devices * oracle.objective(slot, assignment), rel=1e-10)
    assert total == pytest.approx(
        -slot.num_devices * float(average_delay(slot, assignment)), rel=1e-12
    )


@given(assigned_slots(), st.floats(0, 100))
def test_the_penalty_is_paid_once_for_each_task_above_capacity_whatever_the_reward(case, penalty):
    _, slot, assignment = case
    for name in REWARDS:
        free = sum(rewards_of(name, slot, assignment, 0.0))
        paid = sum(rewards_of(name, slot, assignment, penalty))
        expected = penalty * oracle.tasks_above_capacity(slot, assignment)
        assert free - paid == pytest.approx(expected, rel=1e-9, abs=1e-9 * abs(free))


@given(assigned_slots())
def test_every_cost_is_above_zero_whatever_the_reward_paper_and_delay(case):
    _, slot, assignment = case
    for name in ("paper", "delay"):
        assert all(value < 0 for value in rewards_of(name, slot, assignment, 0.0))


def bounds_on_the_way(slot, assignment):
    """The lower bound on M D before each decision and after the last; capacities below count."""
    num_devices, num_servers = slot.gain.shape
    tx_delay = np.array(
        [[oracle.tx_delay(slot, m, n) for n in range(num_servers)] for m in range(num_devices)]
    )
    roots = np.sqrt(slot.task_cycles)
    found = []
    for decided in range(num_devices + 1):
        chosen = np.array(assignment[:decided], dtype=int)
        tasks = np.bincount(chosen, minlength=num_servers)
        load = np.array([roots[:decided][chosen == n].sum() for n in range(num_servers)])
        sent = sum(tx_delay[m, n] for m, n in enumerate(chosen))
        to_send = tx_delay[decided:][:, tasks < slot.capacity]
        to_come = to_send.min(axis=1).sum() if decided < num_devices else 0.0
        computing = exhaustive.least_computing(slot.server_hz, load, roots[decided:].sum())
        found.append(sent + to_come + computing)
    return np.array(found)


def within_capacity(slot, assignment):
    """An assignment that is feasible: where a server is full, a free one in its place."""
    chosen = []
    for server in assignment:
        free = [n for n in range(slot.num_servers) if chosen.count(n) < slot.capacity[n]]
        chosen.append(server if server in free else free[server % len(free)])
    return chosen


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        # q = 2e4, 3e4, 4e4; the level is 9e4/12e9 = 7.5e-6 throughout, so computing 0.675 s.
        # Server 0 closes: tasks 1, 2 rise from 0.06, 0.06 to 0.06, 0.21 | 0 |
        # computing rises to 4e8/4e9 + 49e8/8e9 = 0.7125
        ([0, 1, 1], [-0.15, 0, -0.0375]),
        # 0.06 less 0.04 | server 1 closes, which task 2 does not want | to 16e8/4e9 + 25e8/8e9
        ([1, 1, 0], [-0.02, 0, -0.0375]),
        # as above | full server 0: 0.10 less 0.06, computing rises to 25e8/4e9 + 16e8/8e9 = 0.825,
        # and 10 | 0
        ([0, 0, 1], [-0.15, -10.19, 0]),
    ],
)
def test_regret_step_by_step_by_hand(assignment, expected):
    slot = slot_by_hand()
    assert rewards_of("regret", slot, assignment) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    # 0.04 + 0.06 + 0.06 sending and (9e4)^2/12e9 computing
    assert bounds_on_the_way(slot, assignment)[0] == pytest.approx(0.16 + 0.675, rel=1e-12)


@given(assigned_slots())
def test_regret_is_the_rise_in_a_bound_found_by_brute_force_step_by_step(case):
    _, slot, assignment = case
    bounds = bounds_on_the_way(slot, assignment)
    np.testing.assert_allclose(
        -np.array(rewards_of("regret", slot, assignment, 0.0)),
        np.diff(bounds),
        atol=1e-11 * abs(bounds).max(),
    )


@given(assigned_slots(), st.booleans())
def test_regret_sums_to_the_total_delay_less_the_bound_at_first(case, feasible):
    _, slot, assignment = case
    if feasible:
        assignment = within_capacity(slot, assignment)
    total = slot.num_devices * oracle.objective(slot, assignment)
    at_first = bounds_on_the_way(slot, assignment)[0]
    assert -sum(rewards_of("regret", slot, assignment, 0.0)) == pytest.approx(
        total - at_first, rel=1e-9, abs=1e-11 * total
    )


@given(assigned_slots(), st.booleans())
def test_regret_costs_at_least_0_wherever_the_server_chosen_is_free(case, feasible):
    _, slot, assignment = case
    if feasible:
        assignment = within_capacity(slot, assignment)
    for m, cost in enumerate(rewards_of("regret", slot, assignment, 0.0)):
        if assignment[:m].count(assignment[m]) < slot.capacity[assignment[m]]:
            assert cost <= 0  # a reward


@given(assigned_slots(max_devices=1))
def test_regret_of_the_only_device_is_what_the_best_server_would_have_saved(case):
    _, slot, (server,) = case
    free = [n for n in range(slot.num_servers) if slot.capacity[n] > 0]
    sending = min(oracle.tx_delay(slot, 0, n) for n in free)
    # The bound pours the one task over all servers.
    least = sending + float(slot.task_cycles[0]) / slot.server_hz.sum()
    own = oracle.objective(slot, [server])
    assert rewards_of("regret", slot, [server], 0.0) == pytest.approx(
        [least - own], abs=1e-11 * own
    )


def test_rewards_do_not_change_the_state():
    for name in REWARDS:
        state = begun(name, slot_by_hand())
        paid(name, state, 1, 10.0)
        assert state.device == 0
        assert state.load.tolist() == [0, 0]
        assert state.sqrt_load.tolist() == [0.0, 0.0]
