"""Policies that plan for what they do not see: what is hidden changes nothing, and the like."""

import numpy as np
import pytest
from hypothesis import given, settings
from slots import ONLINE, changed, shaped, with_another_future
from strategies import scenarios

from mec_gym import Scenario, is_feasible, policies
from mec_gym.bounds import relax
from mec_gym.problem import Problem
from mec_gym.solvers.online_prices import prices_online
from mec_gym.solvers.online_search import local_search_online

POLICIES = {"prices-online": prices_online, "local-search-online": local_search_online}


both = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@both
@pytest.mark.parametrize("name", ONLINE)
def test_what_the_scenario_hides_changes_no_decision(name, policy):
    scenario = ONLINE[name]
    slots, other = scenario.sample(6, 1), scenario.sample(6, 2)
    chosen = policy(slots, 0, scenario)
    differed = False
    for device in range(scenario.num_devices):
        changed_slots = with_another_future(slots, other, device, scenario)
        again = policy(changed_slots, 0, scenario)
        np.testing.assert_array_equal(chosen[:, : device + 1], again[:, : device + 1])
        differed = differed or (again != chosen).any()
    assert differed  # what was hidden does matter in the end


@both
@given(scenario=scenarios(max_devices=5))
@settings(max_examples=25)
def test_assignments_are_feasible_and_a_slot_is_assigned_as_if_alone(policy, scenario):
    scenario = scenario.replace(lookahead=1)
    slots = scenario.sample(3, 4)
    chosen = policy(slots, 2, scenario)
    assert chosen.dtype == np.int64
    assert is_feasible(slots, chosen).all()
    np.testing.assert_array_equal(policy(slots[1], 2, scenario), chosen[1])


@both
def test_leading_dimensions_agree(policy):
    scenario = Scenario.preset("online")
    slots = scenario.sample(6, 0)
    nested = policy(shaped(slots, 2, 3), 3, scenario)
    np.testing.assert_array_equal(nested.reshape(6, 9), policy(slots, 3, scenario))


@both
def test_links_that_are_not_allowed_are_not_used(policy):
    scenario = Scenario(num_devices=6, num_servers=3, capacity=6, lookahead=0)
    slots = scenario.sample(40, 1)
    covered = np.random.default_rng(0).random(slots.gain.shape) < 0.5
    covered[..., 2] = True
    barred = changed(slots, covered=covered)
    assert Problem.of(barred).is_feasible(policy(barred, 0, scenario)).all()


@both
def test_where_tasks_may_stay_or_be_dropped_and_energy_counts_it_comes_near_the_bound(policy):
    scenario = Scenario.preset(
        "online", local_hz=(1e9, 3e9), drop_penalty_s=0.8, energy_weight=0.05, deadline_s=1.0
    )
    slots = scenario.sample(60, 1)
    problem = Problem.of(slots)
    chosen = policy(slots, 0, scenario)
    assert problem.is_feasible(chosen).all()
    bound = relax(slots).total_cost
    gap, none_offloaded = problem.cost(chosen) / bound - 1, np.full_like(chosen, 4)
    assert (gap >= 0).all()
    assert gap.mean() < 0.02 < (problem.cost(none_offloaded) / bound - 1).mean()


@pytest.mark.parametrize("name", POLICIES)
def test_without_a_scenario_or_with_one_of_another_size_it_is_refused(name):
    slots = Scenario.preset("online").sample(2, 0)
    with pytest.raises(ValueError, match=rf"^scenario: {name} .*policies\.get"):
        policies.get(name)(slots, 0)
    larger = Scenario.preset("large", lookahead=0)
    with pytest.raises(ValueError, match=r"^instance: 9 devices x 3 servers .* 50 x 5"):
        policies.get(name, larger)(slots, 0)


@both
@pytest.mark.parametrize("swapped", [False, True])
def test_slots_with_other_columns_than_the_tasks_sampled_are_refused(policy, swapped):
    plain = Scenario(lookahead=0)
    pair = [plain, plain.replace(local_hz=1e9)]
    scenario, other = reversed(pair) if swapped else pair
    with pytest.raises(ValueError, match=r"instance: beside the servers .* local"):
        policy(other.sample(1, 0), 0, scenario)
    known = scenario.replace(lookahead=None)  # nothing is sampled of it
    assert is_feasible(other.sample(1, 0), policy(other.sample(1, 0), 0, known)).all()
