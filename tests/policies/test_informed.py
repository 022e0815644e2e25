"""Policies are given the scenario they play where they ask for it."""

import numpy as np

from mec_gym import Scenario, load_policy, policies
from mec_gym.benchmark.models import Model, by_name, load_models
from mec_gym.policies import Informed, from_agent, informed

ONLINE = Scenario.preset("online")


def fastest_of_the_deployment(instance, seed=0, scenario=None):
    return np.full(instance.task_cycles.shape, scenario.num_servers - 1)


def last(instance, seed=0):
    return np.full(instance.task_cycles.shape, instance.num_servers - 1)


def test_a_function_with_a_parameter_scenario_is_given_it():
    slots = ONLINE.sample(2, 0)
    policy = informed(fastest_of_the_deployment, ONLINE)
    assert policy == Informed(fastest_of_the_deployment, ONLINE)
    np.testing.assert_array_equal(policy(slots, 0), np.full((2, 9), 2))


def test_a_trained_network_says_itself_and_others_stay_as_they_are():
    trained = load_policy("regret-online")
    large = Scenario.preset("large", lookahead=0)
    assert informed(trained, large).scenario == large
    agent = from_agent(lambda seen: np.zeros(len(seen), int), ONLINE, "servers")
    for policy in (last, policies.get("roa"), agent):
        assert informed(policy, ONLINE) is policy


def test_what_a_comparison_plays_knows_the_scenario():
    models = [*load_models(["prices-online", "prices"]), Model("own", fastest_of_the_deployment)]
    rows = by_name(models, ONLINE)
    assert list(rows) == ["prices-online", "prices (hindsight)", "own"]
    assert rows["prices-online"][0].scenario == ONLINE
    assert rows["own"][0].scenario == ONLINE
