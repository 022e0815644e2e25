"""The policy `prices-online`: it sees what the scenario shows, keeps its rule, and comes near."""

import numpy as np
import pytest
from exhaustive import least_beyond
from hypothesis import given, settings
from slots import changed, shaped
from strategies import scenarios

from mec_gym import Instance, Scenario, average_delay, bounds, is_feasible, policies
from mec_gym.channels import PathLossChannel
from mec_gym.problem import Problem
from mec_gym.solvers import online_prices
from mec_gym.solvers.online_prices import prices_online
from mec_gym.solvers.outlook import outlooks

SCENARIOS = {
    "nothing to come is seen": Scenario.preset("online"),
    "two devices to come are seen": Scenario.preset("online-slack", lookahead=2),
    "gains change": Scenario.preset("fast-fading", servers="per-slot"),
    "gains change and tasks are hidden": Scenario.preset("fast-fading", lookahead=1),
    "path loss": Scenario(lookahead=0, channel=PathLossChannel(correlation=0.5), noise_psd=4e-21),
}


def with_another_future(slots, other, device, scenario):
    """The slots, but all that a scenario hides from a device is that of other slots."""
    arrays = {name: np.array(array) for name, array in slots.arrays().items()}
    constant = slots.step_gain is None
    shown = slots.num_devices if scenario.lookahead is None else device + scenario.lookahead + 1
    for name in ("task_bits", "task_cycles"):
        arrays[name][:, shown:] = getattr(other, name)[:, shown:]
    first = shown if constant else device + 1
    arrays["gain"][:, first:] = other.gain[:, first:]
    if not constant:
        arrays["step_gain"][:, first:] = other.step_gain[:, first:]
    return Instance(**arrays)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_the_scenario_hides_changes_no_decision(name):
    scenario = SCENARIOS[name]
    slots, other = scenario.sample(6, 1), scenario.sample(6, 2)
    chosen = prices_online(slots, 0, scenario)
    differed = False
    for device in range(scenario.num_devices):
        changed_slots = with_another_future(slots, other, device, scenario)
        again = prices_online(changed_slots, 0, scenario)
        np.testing.assert_array_equal(chosen[:, : device + 1], again[:, : device + 1])
        differed = differed or (again != chosen).any()
    assert differed  # what was hidden does matter in the end


def by_the_rule(outlook):
    """The policy in plain loops, with prices of `bounds.relax` and loads split by brute force."""
    num_devices, num_servers = outlook.link_cost.shape
    hz, left = outlook.server_hz, outlook.capacity.copy()
    load, chosen = np.zeros(num_servers), []
    samples = len(outlook.hidden_size)
    for m in range(num_devices):
        problems, to_come = [], []
        for k in range(samples):
            links, sizes = [outlook.link_cost[m]], [outlook.size[m]]
            for j in range(m + 1, num_devices):
                seen = j <= m + outlook.lookahead
                shown = outlook.shown_cost[k % len(outlook.shown_cost), j]
                links.append(shown if seen else outlook.hidden_cost[k, j])
                sizes.append(outlook.size[j] if seen else outlook.hidden_size[k, j])
            links, sizes = np.array(links), np.array(sizes)
            # (L + own)^2 / F less L^2 / F is 2 L own / F and own^2 / F.
            links = links + 2 * load * sizes[:, None] / hz
            problems.append(Problem(links, sizes, hz, np.minimum(left, len(sizes))))
            to_come.append(sizes[1:].sum())
        price, charge = 2 * load / hz, np.zeros(num_servers)
        if m < num_devices - 1:
            solved = [bounds.relax(problem) for problem in problems]
            price = price + np.mean([each.price for each in solved], axis=0)
            charge = np.mean([each.charge for each in solved], axis=0)

        expected = np.mean(to_come)

        def pays(n, m=m, price=price, charge=charge, to_come=expected):
            own = outlook.size[m]
            joined = load + own * (np.arange(num_servers) == n)
            beyond = least_beyond(hz, joined - price * hz / 2, to_come)
            return outlook.link_cost[m, n] + price[n] * own + charge[n] + beyond

        best = min((n for n in range(num_servers) if left[n]), key=pays)
        chosen.append(best)
        left[best] -= 1
        load[best] += outlook.size[m]
    return chosen


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_device_takes_the_open_server_of_least_price(name, monkeypatch):
    monkeypatch.setattr(online_prices, "_SAMPLES", (3, 3))
    scenario = SCENARIOS[name]
    slots = scenario.sample(4, 5)
    found = prices_online(slots, 7, scenario)
    for slot, outlook in enumerate(outlooks(slots, scenario, 7, 3)):
        assert found[slot].tolist() == by_the_rule(outlook)


def test_where_only_one_task_is_left_it_goes_where_the_delay_rises_least():
    scenario = Scenario(num_devices=1, capacity=1, lookahead=0)
    slots = scenario.sample(50, 3)
    best = policies.get("optimal")(slots, 0)
    np.testing.assert_array_equal(prices_online(slots, 0, scenario), best)


@given(scenarios(max_devices=5))
@settings(max_examples=25)
def test_assignments_are_feasible_and_a_slot_is_assigned_as_if_alone(scenario):
    scenario = scenario.replace(lookahead=1)
    slots = scenario.sample(3, 4)
    chosen = prices_online(slots, 2, scenario)
    assert chosen.dtype == np.int64
    assert is_feasible(slots, chosen).all()
    np.testing.assert_array_equal(prices_online(slots[1], 2, scenario), chosen[1])


def test_leading_dimensions_agree():
    scenario = Scenario.preset("online")
    slots = scenario.sample(6, 0)
    nested = prices_online(shaped(slots, 2, 3), 3, scenario)
    np.testing.assert_array_equal(nested.reshape(6, 9), prices_online(slots, 3, scenario))


def test_links_that_are_not_allowed_are_not_used():
    scenario = Scenario(num_devices=6, num_servers=3, capacity=6)
    slots = scenario.sample(40, 1)
    covered = np.random.default_rng(0).random(slots.gain.shape) < 0.5
    covered[..., 2] = True
    barred = changed(slots, covered=covered)
    assert Problem.of(barred).is_feasible(prices_online(barred, 0, scenario)).all()


def test_it_comes_nearer_than_a_network_that_shipped_where_gains_change():
    scenario = Scenario.preset("fast-fading")
    slots = scenario.sample(300, 8)
    best = average_delay(slots, policies.get("local-search")(slots, 0))
    gap = average_delay(slots, prices_online(slots, 0, scenario)) / best - 1
    assert gap.mean() < 2.5e-3  # regret-online: 3.2e-3


def test_one_by_one_it_comes_nearer_than_least_delay():
    scenario = Scenario.preset("online")
    slots = scenario.sample(300, 8)
    best = average_delay(slots, policies.get("local-search")(slots, 0))
    gap = average_delay(slots, prices_online(slots, 0, scenario)) / best - 1
    assert gap.mean() < 6e-3  # least-delay: 25e-3


def test_without_a_scenario_or_with_one_of_another_size_it_is_refused():
    slots = Scenario.preset("online").sample(2, 0)
    with pytest.raises(ValueError, match=r"^scenario: prices-online .*policies\.get"):
        policies.get("prices-online")(slots, 0)
    larger = Scenario.preset("large", lookahead=0)
    with pytest.raises(ValueError, match=r"^instance: 9 devices x 3 servers .* 50 x 5"):
        policies.get("prices-online", larger)(slots, 0)
