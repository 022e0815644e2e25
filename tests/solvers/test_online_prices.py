"""The policy `prices-online` against its rule in plain loops, and how near it comes."""

import numpy as np
import pytest
from exhaustive import least_beyond
from slots import ONLINE

from mec_gym import Scenario, average_delay, bounds, policies
from mec_gym.bounds import outlook
from mec_gym.bounds.outlook import outlooks
from mec_gym.problem import Problem
from mec_gym.solvers.online_prices import prices_online


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


@pytest.mark.parametrize("name", ONLINE)
def test_each_device_takes_the_open_server_of_least_price(name, monkeypatch):
    monkeypatch.setattr(outlook, "_SAMPLES", (3, 3))
    scenario = ONLINE[name]
    slots = scenario.sample(4, 5)
    found = prices_online(slots, 7, scenario)
    for slot, seen in enumerate(outlooks(slots, scenario, 7, 3)):
        assert found[slot].tolist() == by_the_rule(seen)


def test_where_only_one_task_is_left_it_goes_where_the_delay_rises_least():
    scenario = Scenario(num_devices=1, capacity=1, lookahead=0)
    slots = scenario.sample(50, 3)
    best = policies.get("optimal")(slots, 0)
    np.testing.assert_array_equal(prices_online(slots, 0, scenario), best)


@pytest.mark.slow
def test_it_comes_nearer_than_a_network_that_shipped_where_gains_change():
    scenario = Scenario.preset("fast-fading")
    slots = scenario.sample(300, 8)
    best = average_delay(slots, policies.get("local-search")(slots, 0))
    gap = average_delay(slots, prices_online(slots, 0, scenario)) / best - 1
    assert gap.mean() < 2.5e-3  # regret-online: 3.2e-3


@pytest.mark.slow
def test_one_by_one_it_comes_nearer_than_least_delay():
    scenario = Scenario.preset("online")
    slots = scenario.sample(300, 8)
    best = average_delay(slots, policies.get("local-search")(slots, 0))
    gap = average_delay(slots, prices_online(slots, 0, scenario)) / best - 1
    assert gap.mean() < 6e-3  # least-delay: 25e-3
