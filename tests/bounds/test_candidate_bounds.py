"""The bound from candidate links: equal to the dense one, and never above an optimum."""

import tracemalloc

import numpy as np
import pytest
from exhaustive import make, optimum

from mec_gym.bounds import candidates, relax
from mec_gym.bounds.candidates import relax_candidates
from mec_gym.bounds.interior_point import solve_links
from mec_gym.candidates import Candidates, Metropolis
from mec_gym.problem import Problem
from mec_gym.solvers.candidates import assign_at_prices, polish_candidates


@pytest.mark.parametrize("places", [3, 4, 12])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_candidates_prove_what_all_links_prove(count, places):
    slots = make(np.random.default_rng(3), 4, 12, 5, capacity=np.full(5, places))
    for slot in range(4):
        problem = Problem.of(slots)[slot]
        found = relax_candidates(Candidates.of(problem, count)).total_cost
        near = 1e-7 if count == 5 else 2e-6
        assert found == pytest.approx(float(relax(problem).total_cost), rel=near)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_bound_is_never_above_an_optimum(count):
    slots = make(np.random.default_rng(4), 20, 6, 3, capacity=np.array([2, 2, 3]))
    best = np.asarray(optimum(slots)).ravel()
    for slot in range(20):
        problem = Problem.of(slots)[slot]
        assert relax_candidates(Candidates.of(problem, count)).total_cost <= best[slot] * 6


def test_links_that_were_left_out_on_the_way_are_taken_back_where_they_matter():
    city = Metropolis(num_devices=4000, num_servers=40, side_m=4000.0, spare=1.05, seed=4)
    relaxed = relax_candidates(city.draw(8))
    slot = relaxed.candidates
    links = slot.first, slot.server, slot.link_cost, slot.size, slot.server_hz, slot.capacity
    found = solve_links(*links, np.zeros(40), np.zeros(40), 0.0)
    assert relaxed.total_cost == pytest.approx(found, rel=1e-6)


@pytest.mark.slow
def test_bounding_never_holds_all_links():
    slot = Metropolis(num_devices=20_000, num_servers=200, side_m=9_000).draw(4)
    tracemalloc.start()
    relax_candidates(slot)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 200 * 8


@pytest.mark.slow
def test_a_city_of_a_thousand_devices_has_the_bound_and_the_cost_that_are_published():
    city = Metropolis.sized(1000)
    relaxed = relax_candidates(city.draw(min(16, city.num_servers)))
    assert relaxed.total_cost == pytest.approx(1781.140906547536, rel=2e-6)
    start, slot = assign_at_prices(relaxed)
    assert slot.cost(polish_candidates(slot, start)) == pytest.approx(1781.1454344606009, rel=2e-5)


def test_a_relaxation_that_is_not_done_after_its_rounds_says_so(monkeypatch, caplog):
    monkeypatch.setattr(candidates, "_ROUNDS", 1)
    city = Metropolis.sized(1000)
    relaxed = relax_candidates(city.draw(2))
    assert relaxed.total_cost <= 1781.1454344606009
    assert "after 1 rounds" in caplog.text
