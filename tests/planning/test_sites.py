"""The choice of sites against plain enumeration, and networks of which some sites are built."""

import itertools

import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.channels import PathLossChannel
from mec_gym.planning import sites
from mec_gym.planning.sites import choose, network_of, places_of, restricted
from mec_gym.solvers.exact import solve

RNG = np.random.default_rng(7)
PLACES = tuple(map(tuple, RNG.uniform(0, 800, (7, 2)).tolist()))
LISTED = Scenario(
    num_devices=9,
    num_servers=7,
    capacity=(3, 5, 4, 6, 3, 5, 4),
    servers="listed",
    server_hz=tuple(RNG.uniform(4e9, 9e9, 7).tolist()),
    channel=PathLossChannel(side_m=800, server_positions_m=PLACES),
    noise_psd=4e-21,
)
GRID = LISTED.replace(
    num_servers=6,
    capacity=5,
    servers="fixed",
    server_hz=(4e9, 9e9),
    channel=PathLossChannel(),
)
NETWORKS = {
    "listed": LISTED,
    "grid": GRID,
    "no places": Scenario(num_devices=9, num_servers=6, capacity=5),
    "local and cloud": LISTED.replace(
        local_hz=5e8, energy_weight=0.1, cloud_delay_s=0.9, cloud_hz=2e10
    ),
    "coverage": LISTED.replace(
        coverage_m=500.0, drop_penalty_s=4.0, channel=LISTED.channel.replace(shadowing_db=0)
    ),
}


def plain(slots, count):
    """The mean optimum with each choice of so many sites that has room, by brute force."""
    costs = {}
    for kept in itertools.combinations(range(slots.num_servers), count):
        part = restricted(slots, kept)
        try:
            solution = solve(part)
        except ValueError:  # no room
            continue
        assert solution.proven.all()
        costs[kept] = float(solution.average_cost.mean())
    return costs


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_search_finds_the_best_choice_within_what_it_says_and_undercuts_none(name, count):
    slots = NETWORKS[name].sample(5, 1)
    costs = plain(slots, count)
    best = min(costs.values())
    for enumerate_all in (False, True):
        found = choose(slots, count, enumerate_all)
        assert found.least <= best * (1 + 1e-9)
        assert found.all_sites <= found.least <= found.bound <= found.cost
        assert costs[found.kept] / best - 1 <= found.gap + 1e-9
        assert costs[found.kept] <= best * 1.003  # on these networks it is as good as the best
        assert found.cost >= costs[found.kept] * (1 - 1e-9)
        assert found.gap < 0.05


def test_few_choices_are_all_tried_and_many_are_not():
    slots = LISTED.sample(3, 1)
    assert choose(slots, 3).tried_all
    wide = Scenario(num_devices=9, num_servers=25, capacity=2).sample(2, 1)
    found = choose(wide, 9)
    assert not found.tried_all
    assert len(set(found.kept)) == 9


def test_the_same_slots_give_the_same_choice():
    slots = LISTED.sample(4, 2)
    assert choose(slots, 3, False) == choose(slots, 3, False)


@pytest.mark.parametrize(
    ("scenario", "count", "words"),
    [
        (LISTED, 0, "where: 0 of 7 sites"),
        (LISTED, 7, "where: 7 of 7 sites"),
        (LISTED, 1, "where: 1 sites hold 6 of 9 devices at most"),
        (
            LISTED.replace(
                num_devices=12,
                capacity=12,
                coverage_m=300.0,
                channel=PathLossChannel(
                    side_m=800,
                    server_positions_m=PLACES,
                    device_positions_m=tuple((x + 10, y) for x, y in PLACES),
                ),
            ),
            1,
            "where: found no 1 of 7 sites",
        ),
    ],
)
@pytest.mark.parametrize("enumerate_all", [True, False])
def test_a_choice_without_room_is_refused(scenario, count, words, enumerate_all):
    with pytest.raises(ValueError, match=f"^{words}"):
        choose(scenario.sample(3, 1), count, enumerate_all)


def test_slots_of_some_sites_have_what_these_had():
    slots = NETWORKS["local and cloud"].sample(3, 1, places=True)
    part = restricted(slots, (1, 4))
    assert part.num_servers == 2
    np.testing.assert_array_equal(part.gain, slots.gain[..., [1, 4]])
    np.testing.assert_array_equal(part.server_places_m, slots.server_places_m[..., [1, 4], :])
    np.testing.assert_array_equal(part.task_bits, slots.task_bits)
    assert part.columns == slots.columns


@pytest.mark.parametrize("name", ["listed", "grid", "no places"])
def test_the_network_to_build_has_the_sites_where_and_as_fast_as_they_were(name):
    scenario, kept = NETWORKS[name], (0, 2, 5)
    built = network_of(scenario, kept)
    assert built.num_servers == 3
    np.testing.assert_array_equal(built.capacities, scenario.capacities[list(kept)])
    np.testing.assert_array_equal(built.deployment_hz, scenario.deployment_hz[list(kept)])
    if name == "no places":
        assert places_of(scenario) is None
    else:
        np.testing.assert_array_equal(places_of(built), places_of(scenario)[list(kept)])
    assert Scenario(**built.model_dump(mode="json", exclude_none=True)) == built


def test_without_chance_the_network_to_build_draws_the_slots_of_its_sites():
    steady = LISTED.channel.replace(shadowing_db=0, fading="none")
    scenario = LISTED.replace(channel=steady)
    built = network_of(scenario, (1, 3, 6)).sample(1, 4, places=True)
    part = restricted(scenario.sample(1, 4, places=True), (1, 3, 6))
    np.testing.assert_array_equal(built.device_places_m, part.device_places_m)
    np.testing.assert_array_equal(built.gain, part.gain)


def test_users_in_degrees_stay_where_they_are_beside_the_sites_of_a_grid_that_are_built():
    users = {"lat": 52.09 + RNG.uniform(0, 0.004, 9), "lon": 5.11 + RNG.uniform(0, 0.004, 9)}
    radio = PathLossChannel(side_m=600, users=users)
    scenario = Scenario(num_servers=4, num_devices=9, capacity=4, channel=radio, tx_power_w=0.2)
    slots = scenario.sample(2, 3, places=True)
    kept = [1, 2, 3]
    built = network_of(scenario, kept)
    assert built.channel.users.in_degrees is False
    places = built.sample(2, 3, places=True)
    assert places.device_places_m == pytest.approx(slots.device_places_m)
    assert places.server_places_m == pytest.approx(slots.server_places_m[:, kept])


def test_the_search_of_large_networks_looks_at_fewer_choices():
    few, many = (sites._Search(s.sample(n, 0), 3).left for s, n in ((LISTED, 2), (LISTED, 900)))
    assert few > many


@pytest.mark.parametrize("kept", [(0, 1), (2,)])
@pytest.mark.parametrize("given", ["nobody", "users", "tasks"])
def test_some_of_the_sites_in_degrees_stand_to_the_devices_as_all_of_them_do(kept, given):
    sites = {"id": ["a", "b", "c"], "lat": [52.09, 52.1, 52.08], "lon": [5.11, 5.12, 5.13]}
    places = {"lat": [52.091, 52.094, 52.097, 52.09], "lon": [5.111, 5.115, 5.12, 5.125]}
    channel = {"kind": "path-loss", "side_m": 3000, "fading": "none", "sites": sites}
    fields = {"num_devices": 4, "capacity": 4}
    if given == "users":
        channel["users"] = places
    if given == "tasks":
        fields["tasks"] = {"bits": [3e5] * 4, "cycles": [1e9] * 4} | places
    scenario = Scenario(channel=channel, **fields)
    built = network_of(scenario, kept)

    def distances(network):
        servers, devices = network.radio.given_places
        if devices is None:  # anywhere in the square
            devices = np.array([(0, 0), (0, 3000), (3000, 0)])
        return np.linalg.norm(devices[:, None] - servers, axis=-1)

    np.testing.assert_allclose(
        distances(built), distances(scenario)[..., list(kept)], rtol=1e-5, atol=0.01
    )
    assert built.channel.sites.id.tolist() == [sites["id"][site] for site in kept]
