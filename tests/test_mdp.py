"""State and transition: a slot is assigned device by device, alone or in a batch."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assigned_slots

from mec_gym import Scenario
from mec_gym.mdp import State, assign_all


def play(state, assignment):
    for server in assignment:
        state.assign(server)
    return state


def test_a_new_state_has_nothing_assigned():
    state = State(Scenario().sample(1, 0)[0])
    assert (state.device, state.done) == (0, False)
    assert state.load.tolist() == [0, 0, 0]
    assert state.assignment.tolist() == [-1] * 9
    assert state.free.tolist() == [True] * 3


def test_assigning_counts_load_and_fills_places_by_hand():
    scenario = Scenario(num_devices=4, num_servers=2, capacity=(1, 3), task_cycles=4e8)
    state = State(scenario.sample(1, 0)[0])
    seen = []
    for server in (1, 0, 0, 1):
        state.assign(server)
        seen.append((state.device, state.load.tolist(), state.free.tolist(), state.done))
    assert seen == [
        (1, [0, 1], [True, True], False),
        (2, [1, 1], [False, True], False),
        (3, [2, 1], [False, True], False),  # above capacity: accepted, counted
        (4, [2, 2], [False, True], True),
    ]
    assert state.assignment.tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(state.sqrt_load, [4e4, 4e4], rtol=1e-12)


def test_a_server_without_places_is_never_free():
    state = State(Scenario(num_devices=2, num_servers=2, capacity=(0, 2)).sample(1, 0)[0])
    assert state.free.tolist() == [False, True]


@given(assigned_slots())
def test_a_played_state_sums_what_its_assignment_says(case):
    _, slot, assignment = case
    state = play(State(slot), assignment)
    assert state.done
    assert state.assignment.tolist() == assignment
    for n in range(slot.num_servers):
        on_it = [m for m, server in enumerate(assignment) if server == n]
        assert state.load[n] == len(on_it)
        assert state.sqrt_load[n] == pytest.approx(sum(slot.task_cycles[m] ** 0.5 for m in on_it))


def test_a_batch_plays_each_slot_as_if_alone():
    slots = Scenario.preset("paper-varied").sample(6, 0)
    choices = np.random.default_rng(0).integers(0, 3, (6, 9))
    batch = State(slots)
    for m in range(9):
        batch.assign(choices[:, m])
    for row in range(6):
        alone = play(State(slots[row]), choices[row])
        for name in ("load", "free", "assignment", "sqrt_load"):
            np.testing.assert_array_equal(getattr(batch, name)[row], getattr(alone, name))


@pytest.mark.slow
@given(assigned_slots())
def test_a_finished_state_has_the_cpu_of_eq_20_and_the_delays_of_eq_21(case):
    _, slot, assignment = case
    cpu_hz, delay = play(State(slot), assignment).allocate()
    expected = oracle.cpu(slot, assignment)
    np.testing.assert_allclose(cpu_hz, expected, rtol=1e-10)
    assert delay.mean() == pytest.approx(oracle.objective(slot, assignment), rel=1e-10)


@given(assigned_slots(), st.data())
def test_the_devices_so_far_share_the_servers_as_if_there_were_no_others(case, data):
    _, slot, assignment = case
    so_far = assignment[: data.draw(st.integers(0, slot.num_devices))]
    cpu_hz, delay = play(State(slot), so_far).allocate()
    assert cpu_hz.shape == delay.shape == (len(so_far),)
    expected = oracle.cpu(slot, so_far)
    np.testing.assert_allclose(cpu_hz, expected, rtol=1e-10)
    each = [
        oracle.tx_delay(slot, m, n) + slot.task_cycles[m] / expected[m]
        for m, n in enumerate(so_far)
    ]
    np.testing.assert_allclose(delay, each, rtol=1e-10)


def test_a_batch_is_allocated_as_each_slot_alone_at_every_step():
    slots = Scenario.preset("paper-varied").sample(4, 0)
    choices = np.random.default_rng(0).integers(0, 3, (4, 9))
    for decided in range(10):
        batch = play(State(slots), choices.T[:decided]).allocate()
        for row in range(4):
            alone = play(State(slots[row]), choices[row, :decided]).allocate()
            for together, own in zip(batch, alone, strict=True):
                np.testing.assert_allclose(together[row], own, rtol=1e-12)


def test_two_states_of_one_instance_do_not_share():
    slot = Scenario().sample(1, 0)[0]
    one, other = State(slot), State(slot)
    one.assign(2)
    assert other.device == 0
    assert other.load.tolist() == [0, 0, 0]


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_assign_all_asks_once_a_device_and_keeps_the_leading_dimensions(lead):
    scenario = Scenario(num_devices=3, num_servers=2, capacity=3)
    slots = scenario.sample(int(np.prod(lead, dtype=int)), 0)
    names = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
    names += ("bandwidth_hz", "tx_power_w", "noise_w")
    shaped = type(slots)(
        **{name: (a := getattr(slots, name)).reshape(*lead, *a.shape[1:]) for name in names}
    )
    asked = []

    def by_parity(state):
        asked.append(state.device)
        return np.full(len(slots), state.device % 2)

    assignment = assign_all(shaped, by_parity)
    assert asked == [0, 1, 2]
    assert assignment.shape == (*lead, 3)
    assert (assignment == [0, 1, 0]).all()
