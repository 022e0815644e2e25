"""A network on candidate links: by itself where all are candidates, local where few are."""

import tracemalloc

import numpy as np
import pytest
from exhaustive import make

from mec_gym import Scenario, load_policy
from mec_gym.bounds.candidates import CandidateRelaxation, relax_candidates
from mec_gym.bounds.relaxation import prices_where_feasible
from mec_gym.candidates import Candidates, Metropolis
from mec_gym.mdp import State
from mec_gym.policies import scoring
from mec_gym.policies.candidates import assign_by_network
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.problem import Problem

POLICY = load_policy("regret-family")


def at_prices(problem, count):
    """One slot with so many candidates a device, at the prices of all links."""
    price, charge = prices_where_feasible(problem.flatten())[0]
    return CandidateRelaxation(0.0, price, charge, Candidates.of(problem, count))


def in_order(slots):
    """What the network chooses for the devices of slots as they come, with no places held."""
    seen = POLICY.observer.prepare(slots)
    unpriced = np.empty((len(slots), 0, slots.num_actions))
    play = scoring.loop_of(POLICY.observer.write)
    layers = scoring.by_input(POLICY.weights)
    return scoring.assign(play, State(slots).slot, seen, unpriced, POLICY.observer, layers)


def apart(problem, server_hz):
    """A slot beside itself, twice: devices of each half have the links of their own half only."""
    devices, servers = problem.link_cost.shape
    cost = np.full((2 * devices, 2 * servers), np.inf)
    cost[:devices, servers:] = cost[devices:, :servers] = problem.link_cost
    both = (np.tile(each, 2) for each in (problem.size, server_hz, problem.capacity))
    return Problem(cost, *both)


@pytest.mark.parametrize(
    "slots",
    [
        *(Scenario.preset(name).sample(10, 3) for name in ("paper", "slack", "large", "tiers")),
        make(np.random.default_rng(1), 10, 12, 6, capacity=np.full(6, 2)),
        make(np.random.default_rng(2), 10, 5, 3, capacity=np.array([0, 3, 2])),
    ],
    ids=["paper", "slack", "large", "tiers", "no place to spare", "a server without places"],
)
def test_where_every_server_is_a_candidate_it_is_the_network_by_itself(slots):
    whole = in_order(slots)
    problem = Problem.of(slots)
    for slot, expected in enumerate(whole):
        found, _ = assign_by_network(POLICY, at_prices(problem[slot], problem.num_servers))
        np.testing.assert_array_equal(found, expected)


def test_a_town_is_assigned_as_if_one_that_shares_no_candidates_were_not_there():
    slots = make(np.random.default_rng(3), 5, 20, 4, capacity=np.full(4, 6))
    for slot in range(5):
        found = Problem.of(slots)[slot]
        # Equal tasks, and frequencies whose sums are exact: their means are those of both towns.
        town = Problem(found.link_cost, np.full(20, 3e4), np.arange(4, 8) * 2.0**30, found.capacity)
        price, charge = prices_where_feasible(town.flatten())[0]
        alone = CandidateRelaxation(0.0, price, charge, Candidates.of(town, 4))
        two = Candidates.of(apart(town, town.server_hz), 8)
        both = CandidateRelaxation(0.0, np.tile(price, 2), np.tile(charge, 2), two)
        expected, _ = assign_by_network(POLICY, alone)
        np.testing.assert_array_equal(assign_by_network(POLICY, both)[0][20:], expected)


def test_a_device_whose_candidates_are_full_takes_what_it_pays_least_for():
    problem = Problem.of(make(np.random.default_rng(4), 1, 12, 4, capacity=np.full(4, 3)))[0]
    relaxed = at_prices(problem, 1)
    found, slot = assign_by_network(POLICY, relaxed)
    planned = relaxed.price * problem.server_hz / 2
    free, load, elsewhere = problem.capacity.copy(), np.zeros(4), 0
    for device, server in enumerate(found):
        best, size = relaxed.candidates.server[device], problem.size[device]
        expected = best
        if not free[best]:
            elsewhere += 1
            beyond = (np.maximum(load + step - planned, 0) ** 2 for step in (size, 0))
            paid = problem.link_cost[device] + relaxed.price * size + relaxed.charge
            paid += np.subtract(*beyond) / problem.server_hz
            expected = np.where(free > 0, paid, np.inf).argmin()
        assert server == expected
        assert server in slot.server[slot.first[device] : slot.first[device + 1]]
        free[server] -= 1
        load[server] += size
    assert 0 < elsewhere < 12


def test_a_city_is_assigned_near_its_bound_and_never_holds_all_links():
    city = Metropolis(num_devices=5_000, num_servers=100, side_m=6_000)
    relaxed = relax_candidates(city.draw(8))
    assign_by_network(POLICY, relaxed)  # compiled
    tracemalloc.start()
    found, slot = assign_by_network(POLICY, relaxed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000 * 100 * 8
    assert (np.bincount(found, minlength=100) <= slot.capacity).all()
    assert relaxed.total_cost <= slot.cost(found) <= relaxed.total_cost * 1.01


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (load_policy("regret-mix"), "policy: 'servers' plays no candidate links; give a"),
        (load_policy("dqn-rao"), "policy: 'paper' plays no candidate links; give a network"),
        (Problem.of, "policy: 'method' plays no candidate links; give a network"),
        (
            TrainedPolicy(Scenario(lookahead=0), "prices", POLICY.weights, {}),
            "policy: it was trained with lookahead=0, slots=1; give one of slots by themselves",
        ),
    ],
    ids=["another observation", "a network for one size", "no network", "a hidden future"],
)
def test_what_cannot_be_shown_candidates_is_refused(policy, says):
    problem = Problem.of(make(np.random.default_rng(5), 1, 4, 3))[0]
    with pytest.raises(ValueError, match=says):
        assign_by_network(policy, at_prices(problem, 2))
