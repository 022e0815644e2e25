"""Slots with candidate links: what is held, and the frozen recipe of a large city."""

import hashlib
import tracemalloc

import numpy as np
import pytest
from exhaustive import make

from mec_gym.candidates import Candidates, Metropolis
from mec_gym.problem import Problem

DIGESTS = {
    1_000: "d156ba56be0aa336e0186fcbf970f96336e921b156c31f40245e08f3be94a223",
    10_000: "946c9e0cb58a04816e0802c8f3773fa43e9f4e0e25516281ee699313ceca919e",
}
"""SHA-256 of the arrays of `Metropolis.sized`, link costs rounded to nanoseconds."""


def digest(slot):
    total = hashlib.sha256()
    rounded = np.round(slot.link_cost * 1e9).astype(np.int64)
    for array in (slot.first, slot.server, rounded, slot.size, slot.server_hz, slot.capacity):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("num_devices", DIGESTS)
def test_the_recipe_draws_the_frozen_slot(num_devices):
    count = min(16, num_devices // 100)
    assert digest(Metropolis.sized(num_devices).draw(count)) == DIGESTS[num_devices]


def test_by_uma_the_recipe_draws_the_frozen_slot_of_the_same_tasks_and_places():
    slot = Metropolis.sized(1000, channel="uma").draw(4)
    assert digest(slot) == "77a3d0ded1b1f4398427c9d2201c68e1254a20d05c368e5e782af28418dd61cf"
    by_loss = Metropolis.sized(1000).draw(4)
    np.testing.assert_array_equal(slot.size, by_loss.size)
    np.testing.assert_array_equal(slot.server_hz, by_loss.server_hz)


def test_links_are_the_same_whichever_devices_are_asked_for():
    slot = Metropolis.sized(1000, channel="uma").draw(4)
    some = np.array([7, 999, 8])
    part = slot.of_devices(some)
    np.testing.assert_array_equal(part.links(np.arange(3)), slot.links(np.arange(1000))[some])
    asked = np.take_along_axis(slot.links(some), slot.server.reshape(-1, 4)[some], axis=1)
    np.testing.assert_array_equal(part.link_cost.reshape(3, 4), asked)


def test_a_channel_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"channel: .*'umx'"):
        Metropolis(channel="umx")


def test_another_seed_is_another_slot():
    slots = [Metropolis.sized(1000, seed).draw(4) for seed in (0, 1)]
    assert digest(slots[0]) != digest(slots[1])


def test_candidates_are_the_links_of_least_cost():
    problem = Problem.of(make(np.random.default_rng(1), 1, 20, 6))[0]
    slot = Candidates.of(problem, 2)
    least = np.sort(problem.link_cost, axis=1)[:, :2]
    assert (np.sort(slot.link_cost.reshape(20, 2), axis=1) == least).all()


def test_links_are_not_added_twice():
    problem = Problem.of(make(np.random.default_rng(1), 1, 5, 4))[0]
    slot = Candidates.of(problem, 4)
    device, server = np.array([0, 3]), np.array([1, 2])
    more = slot.with_links(device, server, problem.link_cost[device, server])
    assert (more.first == slot.first).all()
    assert (more.link_cost == slot.link_cost).all()


def test_an_assignment_costs_what_it_costs_the_problem():
    rng = np.random.default_rng(2)
    problem = Problem.of(make(rng, 1, 30, 5))[0]
    assignment = rng.integers(5, size=30)
    assert Candidates.of(problem, 2).cost(assignment) == pytest.approx(problem.cost(assignment))


def test_drawing_never_holds_all_links():
    tracemalloc.start()
    Metropolis(num_devices=20_000, num_servers=200).draw(8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 200 * 8


@pytest.mark.parametrize("count", [0, 7])
def test_a_wrong_count_of_links_is_refused(count):
    problem = Problem.of(make(np.random.default_rng(1), 1, 5, 4))[0]
    with pytest.raises(ValueError, match=r"count: .* links a device; give 1 to 4"):
        Candidates.of(problem, count)


def test_too_few_places_are_refused():
    problem = Problem.of(make(np.random.default_rng(1), 1, 5, 4))[0]
    with pytest.raises(ValueError, match="capacity: 4 places for 5 devices"):
        Candidates.nearest(
            lambda devices: problem.link_cost[devices],
            problem.size,
            problem.server_hz,
            np.ones(4, np.int64),
            2,
        )
