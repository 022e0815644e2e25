"""Eqs. (4), (5), (16)-(21) against numbers worked by hand, a numeric optimiser, plain loops."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import exactly
from scipy.optimize import minimize
from slots import changed, slot_by_hand
from strategies import assigned_slots

import mec_gym
from mec_gym import Instance, system

# By hand: seconds from device to server.
TX = [[0.04, 0.06], [0.10, 0.06], [0.06, 0.21]]


def test_tx_delay_of_every_link_by_hand():
    np.testing.assert_allclose(slot_by_hand().tx_delay, TX, rtol=1e-12)


def test_eq_20_shares_go_with_the_root_of_the_work():
    # One 6 GHz server, sqrt(C) as 2 : 3 : 5.
    slot = slot_by_hand(
        gain=np.ones((3, 1)), task_cycles=[4e8, 9e8, 25e8], server_hz=[6e9], capacity=[3]
    )
    np.testing.assert_allclose(
        mec_gym.allocate_cpu(slot, [0, 0, 0]), [1.2e9, 1.8e9, 3.0e9], rtol=1e-12
    )
    compute = mec_gym.task_delays(slot, [0, 0, 0]) - slot.tx_delay[:, 0]
    np.testing.assert_allclose(compute, [1 / 3, 1 / 2, 5 / 6], rtol=1e-9)


def test_eqs_4_5_20_21_by_hand_on_two_servers():
    slot, assignment = slot_by_hand(), [0, 0, 1]
    # Server 0: 4 GHz as 2 : 3; server 1 all to one task.
    np.testing.assert_allclose(
        mec_gym.allocate_cpu(slot, assignment), [1.6e9, 2.4e9, 8e9], rtol=1e-12
    )
    np.testing.assert_allclose(
        mec_gym.task_delays(slot, assignment), [0.04 + 0.25, 0.10 + 0.375, 0.21 + 0.2], rtol=1e-12
    )
    assert mec_gym.average_delay(slot, assignment) == exactly(1.175 / 3)


def test_equal_shares_by_hand_are_slower():
    slot, assignment = slot_by_hand(), [0, 0, 1]
    shares = system.share_cpu_equally(slot, assignment)
    np.testing.assert_allclose(shares, [2e9, 2e9, 8e9], rtol=1e-12)
    # 0.04 + 0.2, 0.1 + 0.45, 0.21 + 0.2
    assert mec_gym.average_delay(slot, assignment, shares) == exactly(1.2 / 3)


@pytest.mark.parametrize(
    ("assignment", "load", "above"),
    [
        ([0, 1, 1], [1, 2], 0),
        ([1, 0, 1], [1, 2], 0),
        ([0, 0, 1], [2, 1], 1),
        ([0, 0, 0], [3, 0], 2),
        ([1, 1, 1], [0, 3], 1),
    ],
)
def test_eq_9_loads_overloads_and_feasibility_by_hand(assignment, load, above):
    slot = slot_by_hand()
    assert system.server_loads(slot, assignment).tolist() == load
    assert system.overloads(slot, assignment) == above
    assert mec_gym.is_feasible(slot, assignment) == (above == 0)


@given(assigned_slots())
def test_average_delay_is_objective_6_in_plain_loops(case):
    _, slot, assignment = case
    assert mec_gym.average_delay(slot, assignment) == pytest.approx(
        oracle.objective(slot, assignment), rel=1e-10
    )
    assert system.overloads(slot, assignment) == oracle.tasks_above_capacity(slot, assignment)


@given(assigned_slots())
def test_eq_18_shares_use_the_whole_server_and_marginal_delays_are_equal(case):
    _, slot, assignment = case
    cpu_hz = mec_gym.allocate_cpu(slot, assignment)
    assert (cpu_hz > 0).all()  # Eq. (19)
    for n in range(slot.num_servers):
        on_it = np.array(assignment) == n
        if on_it.any():
            assert cpu_hz[on_it].sum() == pytest.approx(slot.server_hz[n], rel=1e-12)
            marginal = slot.task_cycles[on_it] / cpu_hz[on_it] ** 2
            np.testing.assert_allclose(marginal, marginal[0], rtol=1e-10)


@given(cycles=st.lists(st.floats(1e8, 4e9), min_size=2, max_size=5), server_hz=st.floats(1e9, 1e10))
@settings(max_examples=20)
def test_eq_20_is_what_a_numeric_optimiser_finds(cycles, server_hz):
    num_devices = len(cycles)
    slot = slot_by_hand(
        gain=np.ones((num_devices, 1)),
        task_bits=1.0,
        task_cycles=cycles,
        server_hz=[server_hz],
        capacity=[num_devices],
    )
    work = np.array(cycles) / server_hz  # seconds on the whole server
    found = minimize(
        lambda share: (work / share).sum(),
        np.full(num_devices, 1 / num_devices),
        jac=lambda share: -work / share**2,
        method="SLSQP",
        bounds=[(1e-3, 1.0)] * num_devices,
        constraints={"type": "ineq", "fun": lambda share: 1 - share.sum()},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    ours = mec_gym.allocate_cpu(slot, [0] * num_devices) / server_hz
    np.testing.assert_allclose(ours, found.x, atol=2e-4)
    assert (work / ours).sum() <= found.fun * (1 + 1e-9)


@given(assigned_slots(), st.integers(0, 2**32))
def test_no_other_split_of_the_cpu_beats_eq_20(case, seed):
    _, slot, assignment = case
    weights = np.random.default_rng(seed).uniform(0.1, 1, slot.num_devices)
    per_server = np.bincount(assignment, weights, slot.num_servers)
    other = slot.server_hz[assignment] * weights / per_server[assignment]
    best = mec_gym.average_delay(slot, assignment)
    assert mec_gym.average_delay(slot, assignment, other) >= best * (1 - 1e-12)


def tx_and_compute(slot, assignment):
    tx = slot.tx_delay[np.arange(slot.num_devices), assignment]
    return tx, mec_gym.task_delays(slot, assignment) - tx


@given(assigned_slots(), st.floats(0.1, 10))
def test_scaling_work_and_frequency_alike_leaves_every_delay(case, factor):
    _, slot, assignment = case
    scaled = changed(slot, task_cycles=factor * slot.task_cycles, server_hz=factor * slot.server_hz)
    np.testing.assert_allclose(
        mec_gym.task_delays(scaled, assignment),
        mec_gym.task_delays(slot, assignment),
        rtol=1e-10,
    )


@given(assigned_slots())
def test_doubling_work_doubles_computing_only(case):
    _, slot, assignment = case
    scaled = changed(slot, task_cycles=2 * slot.task_cycles)
    tx, _ = tx_and_compute(slot, assignment)
    rise = mec_gym.task_delays(scaled, assignment) - mec_gym.task_delays(slot, assignment)
    compute = slot.task_cycles / mec_gym.allocate_cpu(slot, assignment)
    np.testing.assert_allclose(rise, compute, rtol=1e-9, atol=1e-9 * (tx + compute).max())


@given(assigned_slots())
def test_doubling_bits_doubles_sending_only(case):
    _, slot, assignment = case
    scaled = changed(slot, task_bits=2 * slot.task_bits)
    np.testing.assert_allclose(scaled.tx_delay, 2 * slot.tx_delay, rtol=1e-12)
    np.testing.assert_array_equal(
        mec_gym.allocate_cpu(scaled, assignment), mec_gym.allocate_cpu(slot, assignment)
    )


@given(assigned_slots())
def test_halving_bandwidth_at_the_same_noise_power_doubles_sending(case):
    _, slot, _ = case
    halved = changed(slot, bandwidth_hz=slot.bandwidth_hz / 2)
    np.testing.assert_allclose(halved.tx_delay, 2 * slot.tx_delay, rtol=1e-12)


@pytest.mark.slow
@given(assigned_slots())
def test_halving_bandwidth_at_the_same_noise_density_does_not_quite_double_sending(case):
    _, slot, _ = case
    halved = changed(slot, bandwidth_hz=slot.bandwidth_hz / 2, noise_w=slot.noise_w / 2)
    assert (halved.tx_delay < 2 * slot.tx_delay).all()
    assert (halved.tx_delay >= slot.tx_delay * (1 - 1e-12)).all()


@given(assigned_slots())
def test_power_gain_and_noise_count_only_as_their_ratio(case):
    _, slot, _ = case
    same = changed(
        slot, gain=slot.gain / 3, tx_power_w=12 * slot.tx_power_w, noise_w=4 * slot.noise_w
    )
    np.testing.assert_allclose(same.tx_delay, slot.tx_delay, rtol=1e-12)


@pytest.mark.slow
@given(assigned_slots(), st.randoms(use_true_random=False))
def test_renaming_servers_renames_everything(case, random):
    _, slot, assignment = case
    order = list(range(slot.num_servers))
    random.shuffle(order)  # new server k is old server order[k]
    renamed = changed(
        slot,
        gain=slot.gain[:, order],
        server_hz=slot.server_hz[order],
        capacity=slot.capacity[order],
    )
    new_name = np.argsort(order)[assignment]
    np.testing.assert_array_equal(renamed.tx_delay, slot.tx_delay[:, order])
    np.testing.assert_array_equal(
        mec_gym.task_delays(renamed, new_name), mec_gym.task_delays(slot, assignment)
    )
    np.testing.assert_array_equal(
        system.server_loads(renamed, new_name), system.server_loads(slot, assignment)[order]
    )
    assert system.overloads(renamed, new_name) == system.overloads(slot, assignment)


@given(assigned_slots(), st.randoms(use_true_random=False))
def test_renaming_devices_leaves_the_average_delay(case, random):
    _, slot, assignment = case
    order = list(range(slot.num_devices))
    random.shuffle(order)
    per_device = ("gain", "task_bits", "task_cycles", "bandwidth_hz", "tx_power_w", "noise_w")
    renamed = changed(slot, **{name: getattr(slot, name)[order] for name in per_device})
    moved = np.array(assignment)[order]
    np.testing.assert_allclose(
        mec_gym.task_delays(renamed, moved),
        mec_gym.task_delays(slot, assignment)[order],
        rtol=1e-12,
    )
    assert mec_gym.average_delay(renamed, moved) == pytest.approx(
        float(mec_gym.average_delay(slot, assignment)), rel=1e-12
    )


@pytest.mark.parametrize("lead", [(), (1,), (4,), (2, 3)])
def test_leading_dimensions_give_each_slot_its_own_numbers(lead):
    scenario = mec_gym.Scenario.preset("paper-varied")
    slots = scenario.sample(int(np.prod(lead, dtype=int)), 5)
    assignment = np.random.default_rng(1).integers(0, 3, (len(slots), 9))
    names = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
    names += ("bandwidth_hz", "tx_power_w", "noise_w")
    shaped = Instance(
        **{name: (a := getattr(slots, name)).reshape(*lead, *a.shape[1:]) for name in names}
    )
    shaped_assignment = assignment.reshape(*lead, 9)
    for function in (
        mec_gym.allocate_cpu,
        mec_gym.task_delays,
        mec_gym.average_delay,
        mec_gym.is_feasible,
        system.overloads,
        system.server_loads,
        system.share_cpu_equally,
    ):
        whole = function(shaped, shaped_assignment)
        alone = [function(slots[i], assignment[i]) for i in range(len(slots))]
        assert whole.shape[: len(lead)] == lead
        np.testing.assert_allclose(whole.reshape(len(slots), *alone[0].shape), alone, rtol=1e-12)


@pytest.mark.parametrize(
    "assignment",
    [
        [0, 1],
        [0, 1, 1, 0],
        [0, 1, 2],
        [0, -1, 1],
        [0.0, 1.0, 1.0],
        [True, False, True],
        0,
        None,
    ],
)
def test_an_assignment_that_does_not_fit_is_refused_by_name(assignment):
    with pytest.raises(ValueError, match=r"^assignment: ") as caught:
        mec_gym.average_delay(slot_by_hand(), assignment)
    assert "\n" not in str(caught.value)


def test_several_assignments_of_one_slot_are_judged_together():
    delays = mec_gym.average_delay(slot_by_hand(), [[0, 0, 1], [0, 1, 1]])
    # Second: 0.04 + 0.06 + 0.21 to send; 4e8 / 4e9 and (3e4 + 4e4)^2 / 8e9 to compute.
    np.testing.assert_allclose(delays, [1.175 / 3, (0.31 + 0.1 + 0.6125) / 3], rtol=1e-12)


def test_assignments_for_another_number_of_slots_are_refused():
    slots = mec_gym.Scenario().sample(3, 0)
    with pytest.raises(ValueError, match=r"assignment: .*\(2,\).*\(3,\)"):
        mec_gym.average_delay(slots, np.zeros((2, 9), int))


def test_no_function_writes_to_what_it_is_given():
    slot, assignment = slot_by_hand(), np.array([0, 0, 1])
    assignment.flags.writeable = False
    for function in (mec_gym.allocate_cpu, mec_gym.task_delays, system.overloads):
        function(slot, assignment)
