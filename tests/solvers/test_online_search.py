"""The policy `local-search-online` against its rule in plain loops, and how near it comes."""

import numpy as np
import pytest
from slots import ONLINE

from mec_gym import Scenario, average_delay, policies
from mec_gym.bounds.outlook import outlooks
from mec_gym.problem import Problem
from mec_gym.solvers import online_search
from mec_gym.solvers.local_search import local_search
from mec_gym.solvers.online_search import local_search_online


def by_the_rule(outlook):
    """The policy in plain loops, with completions of `local_search` and costs of `Problem`."""
    num_devices, num_servers = outlook.link_cost.shape
    hz, samples, chosen = outlook.server_hz, len(outlook.hidden_size), []

    def tried(n):
        m, mean = len(chosen), 0.0
        fixed = [*chosen, n]
        left = outlook.capacity - np.bincount(fixed, minlength=num_servers)
        load = np.bincount(fixed, outlook.size[: m + 1], num_servers)
        for k in range(samples):
            links, sizes = [*outlook.link_cost[: m + 1]], [*outlook.size[: m + 1]]
            for j in range(m + 1, num_devices):
                seen = j <= m + outlook.lookahead
                shown = outlook.shown_cost[k % len(outlook.shown_cost), j]
                links.append(shown if seen else outlook.hidden_cost[k, j])
                sizes.append(outlook.size[j] if seen else outlook.hidden_size[k, j])
            links, sizes = np.array(links), np.array(sizes)
            whole = Problem(links, sizes, hz, outlook.capacity)
            rest = np.empty(0, int)
            if m + 1 < num_devices:
                beside = links[m + 1 :] + 2 * load * sizes[m + 1 :, None] / hz
                rest = local_search(Problem(beside, sizes[m + 1 :], hz, left))
            mean += float(whole.cost([*fixed, *rest])) / samples
        return mean

    for _ in range(num_devices):
        full = np.bincount(np.array(chosen, int), minlength=num_servers) >= outlook.capacity
        chosen.append(min((n for n in range(num_servers) if not full[n]), key=tried))
    return chosen


@pytest.mark.slow
@pytest.mark.parametrize("name", ONLINE)
def test_each_device_takes_the_server_after_which_sampled_slots_cost_least(name, monkeypatch):
    monkeypatch.setattr(online_search, "_SAMPLES", 3)
    scenario = ONLINE[name]
    slots = scenario.sample(4, 5)
    found = local_search_online(slots, 7, scenario)
    for slot, outlook in enumerate(outlooks(slots, scenario, 7, 3)):
        assert found[slot].tolist() == by_the_rule(outlook)


def test_where_nothing_is_hidden_it_is_local_search():
    scenario = Scenario.preset("slack")
    slots = scenario.sample(10, 0)
    np.testing.assert_array_equal(local_search_online(slots, 0, scenario), local_search(slots))


@pytest.mark.parametrize(
    ("name", "most"), [("online", 5e-3), ("online-slack", 5e-3), ("fast-fading", 1.5e-3)]
)
def test_it_comes_as_near_as_networks_that_ship(name, most):
    scenario = Scenario.preset(name)
    slots = scenario.sample(300, 8)
    best = average_delay(slots, policies.get("local-search")(slots, 0))
    gap = average_delay(slots, local_search_online(slots, 0, scenario)) / best - 1
    assert gap.mean() < most
