"""Local search against brute force over every move and swap, and against its own start."""

import subprocess
import sys

import numpy as np
import pytest
from exhaustive import KINDS, kinds, make
from hypothesis import given
from hypothesis import strategies as st
from strategies import scenarios

from mec_gym import Instance, Scenario, average_delay, is_feasible, policies
from mec_gym.solvers.local_search import polish

local_search = policies.get("local-search")


def neighbours(assignment, num_servers):
    """Every assignment that is one move or one swap away."""
    num_devices = len(assignment)
    for device in range(num_devices):
        for server in set(range(num_servers)) - {assignment[device]}:
            moved = assignment.copy()
            moved[device] = server
            yield moved
        for partner in range(device):
            swapped = assignment.copy()
            swapped[[device, partner]] = assignment[[partner, device]]
            yield swapped


def assert_locally_optimal(slots):
    assignments = local_search(slots, 0)
    assert is_feasible(slots, assignments).all()
    for slot, assignment in zip(slots, assignments, strict=True):
        others = np.array([assignment, *neighbours(assignment, slot.num_servers)])
        others = others[is_feasible(slot, others)]
        reached = average_delay(slot, assignment)
        assert average_delay(slot, others).min() >= reached * (1 - 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_no_move_and_no_swap_improves_slots_of_every_kind(kind):
    assert_locally_optimal(kinds(np.random.default_rng(7), 10)[kind])


@given(scenarios(), st.integers(0, 2**32))
def test_no_move_and_no_swap_improves_any_scenario(scenario, seed):
    assert_locally_optimal(scenario.sample(2, seed))


def test_no_move_and_no_swap_improves_fifty_devices():
    assert_locally_optimal(Scenario.preset("large").sample(3, 1))
    assert_locally_optimal(Scenario.preset("large", capacity=15).sample(3, 1))


@given(scenarios(), st.integers(0, 2**32))
def test_never_worse_than_least_delay_with_the_heaviest_task_first(scenario, seed):
    for slot in scenario.sample(3, seed):
        order = np.argsort(-slot.task_cycles, kind="stable")
        fields = slot.arrays()
        fields.pop("step_gain", None)  # of another order of devices; what they meet stays
        per_server = ("server_hz", "capacity")
        heaviest_first = Instance(
            **{name: a if name in per_server else a[order] for name, a in fields.items()}
        )
        start = average_delay(heaviest_first, policies.get("least-delay")(heaviest_first, 0))
        assert average_delay(slot, local_search(slot, 0)) <= start * (1 + 1e-12)


def test_within_a_fifth_of_a_percent_of_the_optimum_at_9_x_3_on_average():
    slots = Scenario.preset("paper-varied").sample(200, 4)
    reached = average_delay(slots, local_search(slots, 0))
    least = average_delay(slots, policies.get("optimal")(slots, 0))
    assert (reached / least - 1).mean() < 2e-3


def test_a_slot_is_answered_the_same_alone_in_a_batch_and_whatever_the_seed():
    slots = make(np.random.default_rng(0), 6, 8, 3, capacity=np.full(3, 4))
    together = local_search(slots, 0)
    assert together.shape == (6, 8)
    assert together.dtype == np.int64
    np.testing.assert_array_equal(together, [local_search(slot, 5) for slot in slots])
    fields = slots.arrays()
    grid = Instance(**{name: a.reshape(2, 3, *a.shape[1:]) for name, a in fields.items()})
    np.testing.assert_array_equal(local_search(grid, 0), together.reshape(2, 3, 8))


def test_a_slot_with_too_few_places_is_refused():
    slots = make(np.random.default_rng(0), 2, 5, 2, capacity=np.array([2, 2]))
    with pytest.raises(ValueError, match=r"capacity: slot 0 has 4 places for 5 devices"):
        local_search(slots, 0)


def test_importing_the_package_imports_neither_numba_nor_scipy():
    code = "import sys, mec_gym; print({'numba', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_polishing_never_makes_worse_ends_where_local_search_can_do_no_more_and_keeps_capacity():
    slots = Scenario.preset("slack").sample(200, 8)
    rough = policies.get("roa")(slots, 0)
    smooth = polish(slots, rough)
    before, after = average_delay(slots, rough), average_delay(slots, smooth)
    assert (after <= before * (1 + 1e-12)).all()
    assert after.mean() < 0.9 * before.mean()
    assert is_feasible(slots, smooth).all()
    assert (polish(slots, smooth) == smooth).all()
    assert (polish(slots[3], rough[3]) == smooth[3]).all()


def test_polishing_leaves_slots_above_capacity_as_they_are():
    slots = Scenario().sample(50, 3)
    over = policies.get("goa")(slots, 0)
    feasible = is_feasible(slots, over)
    assert 0 < feasible.sum() < 50
    smooth = polish(slots, over)
    assert (smooth[~feasible] == over[~feasible]).all()
