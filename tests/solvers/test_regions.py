"""A slot solved by its regions: what the whole gives, and the same bytes wherever they are."""

import numpy as np
import pytest
from exhaustive import make, optimum

from mec_gym.bounds import relax
from mec_gym.bounds.candidates import relax_candidates
from mec_gym.candidates import Candidates, Metropolis
from mec_gym.jobs.holders import Here, OnActors
from mec_gym.problem import Problem
from mec_gym.solvers.candidates import assign_at_prices, polish_candidates
from mec_gym.solvers.regions import Region, _shares, solve_regions, split


def solved(slot, region):
    return solve_regions(Here(Region, split(slot, region)), slot, region)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_regions_prove_and_find_what_the_whole_city_does(rows):
    city = Metropolis.sized(3000)
    slot = city.draw(16)
    found = solved(slot, city.regions(rows))
    relaxed = relax_candidates(slot)
    start, links = assign_at_prices(relaxed)
    cost = links.cost(polish_candidates(links, start))
    assert found.bound == pytest.approx(relaxed.total_cost, rel=1e-5)
    assert found.bound <= relaxed.total_cost * (1 + 1e-6)
    assert found.cost <= cost * 1.0002
    assert found.bound <= found.cost <= found.start
    assert found.cost == pytest.approx(slot.cost(found.assignment), rel=1e-12)
    assert (np.bincount(found.assignment, minlength=30) <= slot.capacity).all()


@pytest.mark.parametrize("places", [8, 10, 40])
@pytest.mark.parametrize("count", [1, 4])
def test_places_that_are_scarce_or_plenty_and_few_links_are_bounded_as_by_all_links(count, places):
    slots = make(np.random.default_rng(places), 3, 40, 5, capacity=np.full(5, places))
    region = np.arange(40) % 3
    for index in range(3):
        problem = Problem.of(slots)[index]
        found = solved(Candidates.of(problem, count), region)
        least = float(relax(problem).total_cost)
        assert least * (1 - 1e-3) <= found.bound <= least * (1 + 1e-9)
        assert problem.is_feasible(found.assignment)
        assert found.cost == pytest.approx(float(problem.cost(found.assignment)), rel=1e-12)


def test_the_bound_is_never_above_an_optimum():
    slots = make(np.random.default_rng(4), 20, 6, 3, capacity=np.array([2, 2, 3]))
    best = np.asarray(optimum(slots)).ravel()
    for index in range(20):
        problem = Problem.of(slots)[index]
        found = solved(Candidates.of(problem, 2), np.array([0, 0, 1, 1, 2, 2]))
        assert found.bound <= best[index] * 6 <= found.cost * (1 + 1e-12)


def test_all_places_are_shared_out():
    rng = np.random.default_rng(1)
    number, capacity = rng.random((4, 50)) * (rng.random((4, 50)) < 0.5), rng.integers(0, 9, 50)
    shares = _shares(number, capacity)
    assert (shares.sum(axis=0) == capacity).all()
    assert (shares >= 0).all()
    whole = number.sum(axis=0) > 0
    fair = capacity * number / np.where(whole, number.sum(axis=0), 1)
    assert (np.abs(shares - fair)[:, whole] < 1).all()


@pytest.mark.slow
def test_actors_of_ray_give_the_same_bytes_and_a_lost_one_is_an_error():
    ray = pytest.importorskip("ray", reason="ray is not installed: there is none for this Python")
    city = Metropolis.sized(2000)
    slot, region = city.draw(8), city.regions(2)
    here = solved(slot, region)
    ray.init(num_cpus=2, _node_ip_address="127.0.0.2", include_dashboard=False)
    try:
        with OnActors(Region, split(slot, region), cpus=0.5) as actors:
            there = solve_regions(actors, slot, region)
            ray.kill(actors._held[1])
            with pytest.raises(RuntimeError, match="ray: what an actor held is lost"):
                actors.ask("reach", [()] * 4)
    finally:
        ray.shutdown()
    assert there.bound == here.bound
    assert there.cost == here.cost
    assert there.assignment.tobytes() == here.assignment.tobytes()
