"""A network made safe where the future is hidden: the margin holds, whatever the network."""

from dataclasses import replace

import numpy as np
import pytest
from slots import ONLINE, shaped, with_another_future

from mec_gym import Scenario, is_feasible, load_policy, policies
from mec_gym.policies.near_prices import MARGIN, RECKONED, OrPricesOnline
from mec_gym.problem import Problem

SUBURB = Scenario.preset("suburb").replace(lookahead=0)
"""Where the network that is held costs two hundred percent more if it is not."""


def adversaries():
    """Networks nobody would run: the worst of a good one's order, and weights without sense."""
    network, rng = load_policy("regret-online"), np.random.default_rng(3)
    *first, last = network.weights
    senseless = tuple(
        tuple(rng.normal(size=array.shape).astype(np.float32) for array in layer)
        for layer in network.weights
    )
    return {
        "unfamiliar": network,
        "worst": replace(network, weights=(*first, tuple(-array for array in last))),
        "senseless": replace(network, weights=senseless),
    }


def played(network, scenario, slots, margin=MARGIN):
    return OrPricesOnline(network, margin).for_scenario(scenario).played(slots)


@pytest.mark.parametrize("name", ONLINE)
def test_what_the_scenario_hides_changes_no_decision(name):
    scenario = ONLINE[name]
    policy = OrPricesOnline(load_policy("regret-online"), 0.1).for_scenario(scenario)
    slots, other = scenario.sample(4, 1), scenario.sample(4, 2)
    chosen = policy(slots)
    for device in range(scenario.num_devices):
        again = policy(with_another_future(slots, other, device, policy.policy.scenario))
        np.testing.assert_array_equal(chosen[:, : device + 1], again[:, : device + 1])


@pytest.mark.parametrize("scenario", [Scenario.preset("online-slack"), SUBURB])
def test_a_margin_of_nothing_is_prices_online_and_a_wide_one_the_network(scenario):
    network, slots = load_policy("regret-online").for_scenario(scenario), scenario.sample(5, 8)
    alone = policies.get("prices-online", scenario)(slots, 0)
    np.testing.assert_array_equal(played(network, scenario, slots, 0.0)[0], alone)
    np.testing.assert_array_equal(played(network, scenario, slots, 1e9)[0], network(slots))


@pytest.mark.parametrize("adversary", adversaries())
@pytest.mark.parametrize(
    ("scenario", "count"),
    [(Scenario.preset("online"), 60), (Scenario.preset("online-slack"), 60), (SUBURB, 12)],
)
def test_no_network_costs_more_than_prices_and_the_margin(adversary, scenario, count):
    slots = scenario.sample(count, 4242)
    chosen, more = played(adversaries()[adversary], scenario, slots)
    assert is_feasible(slots, chosen).all()
    # By the prices in each slot.
    assert (more <= RECKONED * MARGIN * (1 + 1e-9)).all()
    assert (more >= -1e-12).all()  # less would be more than rounding
    assert more.max() > 0
    # In truth on average.
    problem = Problem.of(slots)
    alone = problem.cost(policies.get("prices-online", scenario)(slots, 0))
    assert problem.cost(chosen).mean() <= (1 + MARGIN) * alone.mean()


def test_held_to_prices_a_good_network_is_nearer_than_prices_alone():
    scenario = Scenario.preset("online-slack")
    slots = scenario.sample(150, 4243)
    problem = Problem.of(slots)
    held = problem.cost(played(load_policy("regret-online"), scenario, slots)[0])
    alone = problem.cost(policies.get("prices-online", scenario)(slots, 0))
    assert held.mean() < 0.997 * alone.mean()


def test_leading_dimensions_agree_and_a_slot_is_assigned_as_if_alone():
    scenario = Scenario.preset("online-slack")
    policy, slots = OrPricesOnline(load_policy("regret-online")), scenario.sample(6, 5)
    chosen = policy(slots)
    np.testing.assert_array_equal(policy(shaped(slots, 2, 3)).reshape(6, -1), chosen)
    np.testing.assert_array_equal(policy(slots[4]), chosen[4])


def test_what_cannot_be_held_is_refused():
    with pytest.raises(ValueError, match="policy: TrainedPolicy; only a trained network that"):
        OrPricesOnline(load_policy("dqn-rao"))
    with pytest.raises(ValueError, match="policy: function"):
        OrPricesOnline(policies.get("least-delay"))
    with pytest.raises(ValueError, match=r"margin: -0.1 must be finite, at least 0"):
        OrPricesOnline(load_policy("regret-online"), -0.1)
    with pytest.raises(ValueError, match="do not fit the scenario's"):
        OrPricesOnline(load_policy("regret-online"))(SUBURB.sample(1, 0))
