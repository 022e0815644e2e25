"""Scenarios on real places: what tables of sites and users make of a network."""

import copy
import json
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from mec_gym import Scenario, snapshots
from mec_gym.channels import PathLossChannel
from mec_gym.networks.places import Users
from mec_gym.networks.sites import Sites
from mec_gym.problem import Problem

RNG = np.random.default_rng(0)
SITES = {
    "id": ["a", "b", "c"],
    "lat": [-37.81, -37.82, -37.815],
    "lon": [144.96, 144.965, 144.975],
}
USERS = {"lat": RNG.uniform(-37.82, -37.81, 12), "lon": RNG.uniform(144.96, 144.975, 12)}
SERVERS = {"capacity": [12, 9, 11], "ghz": [5, 6.5, 8], "services": ["0 1", "1", "0 2"]}
STILL = {"kind": "path-loss", "shadowing_db": 0, "fading": "none"}
SILENT = {"noise_psd": 4e-21}
PLACED = Scenario(channel=STILL | {"sites": SITES, "users": USERS}, capacity=4, **SILENT)
WHOLE = Scenario(channel=STILL | {"sites": SITES | SERVERS, "users": USERS}, **SILENT)
EUA = Path(__file__).parents[2] / "shared" / "data" / "eua"


def csv_of(columns):
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"


def earth(lat1, lon1, lat2, lon2):
    """Distances between places on a sphere whose radius is the ellipsoid's at 37.8 degrees, m."""
    a, b, c, d = (np.deg2rad(each) for each in (lat1, lon1, lat2, lon2))
    chord = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return 2 * 6.3674e6 * np.arcsin(np.sqrt(chord))  # within 0.35% of the ellipsoid's


def test_a_scenario_is_two_tables_beside_its_file(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sites.csv").write_text(csv_of(SITES | SERVERS))
    (tmp_path / "site" / "users.csv").write_text(csv_of(USERS))
    path = tmp_path / "site" / "network.toml"
    path.write_text(
        'noise_psd = 4e-21\n[channel]\nkind = "path-loss"\nsites = "sites.csv"\n'
        'users = "users.csv"\nshadowing_db = 0\nfading = "none"\n'
    )
    monkeypatch.chdir(tmp_path)
    scenario = Scenario.from_toml("site/network.toml")
    assert scenario == WHOLE
    assert (scenario.num_devices, scenario.num_servers) == (12, 3)
    assert scenario.capacity == (12, 9, 11)
    assert (scenario.servers, scenario.server_hz) == ("listed", (5e9, 6.5e9, 8e9))
    assert scenario.services == ((0, 1), (1,), (0, 2))
    (tmp_path / "site" / "sites.csv").write_text("lat,lon\n1,2\n1,2\n")
    with pytest.raises(ValueError, match=r"network.toml: channel: sites: .*sites.csv: line 3: lat"):
        Scenario.from_toml("site/network.toml")


def test_gains_are_those_of_distances_on_the_earth():
    slots = PLACED.sample(3, 0, places=True)
    expected = earth(
        *(np.array(USERS[n])[:, None] for n in ("lat", "lon")), SITES["lat"], SITES["lon"]
    )
    distance = 10 ** ((-10 * np.log10(slots.gain) - 15.3) / 37.6)
    np.testing.assert_allclose(distance, np.broadcast_to(expected, distance.shape), rtol=5e-3)
    between = slots.device_places_m[..., :, None, :] - slots.server_places_m[..., None, :, :]
    np.testing.assert_allclose(np.linalg.norm(between, axis=-1), distance, rtol=1e-9)


def test_the_middle_of_the_sites_is_the_middle_of_the_square():
    _, servers = PLACED.channel.places(np.zeros((1, 24)), 12, 3)
    np.testing.assert_allclose((servers.min(0) + servers.max(0)) / 2, 250, atol=0.1)
    wide = PLACED.channel.replace(side_m=3000)
    np.testing.assert_allclose(wide.places(np.zeros((1, 24)), 12, 3)[1], servers + 1250)


def test_metres_are_taken_as_they_are():
    sites = {"Easting": [320000, 320400], "Northing": [5812000, 5812300]}
    users = {"x": [320000, 320400, 320100], "y": [5812000, 5812300, 5812000]}
    scenario = Scenario(channel=STILL | {"sites": sites, "users": users}, **SILENT)
    slot = scenario.sample(1, 0, places=True)[0]
    assert slot.server_places_m.tolist() == [[320000, 5812000], [320400, 5812300]]
    assert slot.device_places_m.tolist() == [
        [320000, 5812000],
        [320400, 5812300],
        [320100, 5812000],
    ]


@pytest.mark.parametrize("scenario", [PLACED, WHOLE], ids=["places", "whole"])
def test_what_is_written_needs_no_table_and_reads_back_the_same(scenario, tmp_path):
    path = tmp_path / "written.toml"
    path.write_text(scenario.to_toml())
    read = Scenario.from_toml(path)
    assert read == Scenario.of(json.loads(json.dumps(scenario.source))) == scenario
    assert hash(read) == hash(scenario)
    assert read.source == scenario.source
    assert pickle.loads(pickle.dumps(scenario)) == copy.deepcopy(scenario) == scenario
    assert scenario.replace() == scenario
    drawn, before = read.sample(3, 0), scenario.sample(3, 0)
    assert all((drawn.arrays()[name] == array).all() for name, array in before.arrays().items())


@pytest.mark.parametrize("table", ["sites", "users"])
def test_one_place_that_differs_is_another_scenario(table):
    channel = PLACED.channel
    moved = {name: list(each) for name, each in getattr(channel, table).columns().items()}
    moved["lat"][0] += 1e-5
    other = PLACED.replace(channel=channel.replace(**{table: moved}))
    assert other != PLACED
    assert hash(other) != hash(PLACED)
    assert other.source != PLACED.source
    assert other.channel != channel
    assert PLACED != Scenario() != PLACED


def test_what_follows_from_tables_gives_way_where_they_do():
    fewer = {name: each[:2] for name, each in (SITES | SERVERS).items()}
    channel = WHOLE.channel.replace(sites=fewer, users=None)
    other = WHOLE.replace(channel=channel, num_devices=5)
    assert (other.num_servers, other.capacity, other.num_devices) == (2, (12, 9), 5)
    assert other.server_hz == (5e9, 6.5e9)
    plain = WHOLE.replace(channel=STILL)
    assert plain == Scenario(channel=STILL, **SILENT)
    read = Scenario.of(WHOLE.source)  # where all fields are written
    assert read.replace(channel=channel, num_devices=5) == other


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_servers": 4}, "num_servers: 4, but channel.sites has 3; leave it out"),
        ({"capacity": 9}, "capacity: 9, but channel.sites has a column capacity; leave out one"),
        ({"server_hz": 5e9}, "server_hz: .* but channel.sites has a column hz or ghz"),
        ({"servers": "per-slot"}, "servers: 'per-slot', but channel.sites has a column hz or ghz"),
        ({"services": [[0], [1], [2]]}, "services: .* but channel.sites has a column services"),
        ({"num_devices": 13}, r"channel.users: 12 places, 13 devices; .*placement='repeated'"),
        ({"channel": {"placement": "each"}, "num_devices": 5}, "placement='each' needs as many"),
        ({"channel": {"server_positions_m": [(1, 2)]}}, "sites, server_positions_m: give one of"),
        ({"channel": {"device_positions_m": [(1, 2)]}}, "sites has degrees; .* users with lat"),
        ({"channel": {"clusters": 3}}, "users, clusters: give one of the two"),
        ({"channel": {"layout": "hexagonal"}}, "layout: the servers' places are given"),
        ({"channel": {"inter_site_m": 50.0}}, "sites, inter_site_m: give one of the two"),
        ({"channel": {"users": {"x": [1], "y": [2]}}}, "users: they have x and y, sites has lat"),
        ({"channel": {"sites": {"x": [1], "y": [2]}}}, "users: they have lat and lon, sites is in"),
        (
            {"channel": {"sites": None, "server_positions_m": [(1, 2)]}},
            "users: they have lat and lon, server_positions_m is in metres; .* servers as sites",
        ),
        (
            {"channel": {"users": {"lat": [37.0], "lon": [144.96]}}},
            r"users: \(37, 144.96\) is .* km from the middle of sites, \(-37.815, 144.9",
        ),
        ({"channel": {"sites": "nowhere.csv"}}, "sites: nowhere.csv: No such file"),
        ({"channel": {"sites": 5}}, "sites: 5 is neither a CSV file's path"),
        (
            {"channel": {"users": {"x": np.ones(100_001), "y": np.ones(100_001)}}},
            "users: 100,001 rows; a channel holds 100,000 at most",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(fields, words):
    channel = {"sites": SITES | SERVERS, "users": USERS} | fields.get("channel", {})
    with pytest.raises(ValueError, match=words) as caught:
        Scenario(**SILENT | fields | {"channel": STILL | channel})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inter_site_m": 50}, "inter_site_m: 50 means nothing on a grid; set layout='hexagonal'"),
        ({"placement": "each"}, "placement: 'each' means nothing without places; give users"),
        ({"clusters": 0}, "clusters"),
        ({"cluster_radius_m": 0}, "cluster_radius_m: 0"),
        ({"layout": "round"}, "layout"),
        ({"clusters": 2, "device_positions_m": [(1, 2)]}, "device_positions_m, clusters: give one"),
    ],
)
def test_a_bad_field_of_places_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        PathLossChannel(**fields)


def test_a_network_that_the_square_does_not_hold_is_refused():
    channel = {"kind": "path-loss", "layout": "hexagonal", "inter_site_m": 200}
    with pytest.raises(ValueError, match=r"channel.inter_site_m: 7 sites 200 m apart reach over"):
        Scenario(channel=channel | {"side_m": 300}, num_servers=7)
    slot = Scenario(channel=channel | {"side_m": 900}, num_servers=7).sample(1, 0, places=True)[0]
    assert slot.server_places_m[0].tolist() == [450, 450]


def users_of(scenario, n=300):
    """At which of the users each device stands, (n, M)."""
    slots = scenario.sample(n, 1, places=True)
    places = scenario.channel.given_places[1]
    away = np.linalg.norm(slots.device_places_m[..., None, :] - places, axis=-1)
    assert (away.min(axis=-1) == 0).all()
    return away.argmin(axis=-1)


def test_each_device_is_at_its_user_where_there_are_as_many():
    assert (users_of(PLACED, 5) == np.arange(12)).all()
    assert (
        users_of(PLACED.replace(channel=PLACED.channel.replace(placement="each")), 5) == range(12)
    ).all()


def test_fewer_devices_are_at_different_users_in_each_slot():
    rows = users_of(PLACED.replace(num_devices=9))
    assert (np.diff(np.sort(rows, axis=-1)) > 0).all()
    counts = np.bincount(rows.ravel(), minlength=12)
    assert (abs(counts - 225) < 5 * np.sqrt(225 / 4)).all()
    assert len(np.unique(rows[:, 0])) == 12


def test_devices_are_drawn_with_replacement_where_that_is_said():
    channel = PLACED.channel.replace(placement="repeated")
    rows = users_of(PLACED.replace(channel=channel, num_devices=20, capacity=9))
    assert (np.bincount(rows.ravel(), minlength=12) > 300).all()
    assert max(np.bincount(row).max() for row in rows) > 1


def test_listed_positions_can_be_placed_as_users_are():
    positions = [(10.0 * n, 5.0) for n in range(12)]
    channel = STILL | {"device_positions_m": positions}
    each = Scenario(channel=channel | {"placement": "each"}, num_devices=12, capacity=5, **SILENT)
    assert (users_of(each, 3) == np.arange(12)).all()
    drawn = Scenario(channel=channel | {"placement": "drawn"}, **SILENT)
    assert all(len(set(row)) == 9 for row in users_of(drawn))
    repeated = PathLossChannel(**channel | {"placement": "repeated"})
    unit = np.random.default_rng(0).random((4, repeated.num_uniforms(9, 3)))
    assert (repeated.draw(unit, 9, 3) == PathLossChannel(**channel).draw(unit, 9, 3)).all()


def test_fields_that_came_later_are_not_written_where_they_have_their_defaults():
    later = {"sites", "users", "placement", "clusters", "cluster_radius_m", "cluster_seed"}
    later |= {"layout", "inter_site_m", "correlation"}
    assert not later & PathLossChannel().model_dump().keys()
    assert not later & Scenario(channel=STILL).source["channel"].keys()
    given = PathLossChannel(clusters=3, cluster_seed=4, layout="hexagonal")
    written = {"clusters", "cluster_seed", "layout"}
    assert later & given.model_dump().keys() == written
    assert PathLossChannel(**given.model_dump()) == given


def test_tasks_may_say_in_degrees_where_their_devices_are():
    tasks = {"bits": np.arange(1, 13) * 1e5, "cycles": [1e9] * 12} | USERS
    scenario = Scenario(channel=STILL | {"sites": SITES}, capacity=4, tasks=tasks, **SILENT)
    slots = scenario.sample(50, 0)
    rows = (slots.task_bits / 1e5).round().astype(int) - 1
    assert (slots.gain == PLACED.sample(1, 0).gain[0][rows]).all()
    (slot,) = snapshots.slots_of(tasks, scenario).values()
    assert (slot.gain == PLACED.sample(1, 0).gain[0]).all()


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ({"kind": "uniform"}, "tasks: lat, lon are places, of which channel 'uniform'"),
        (STILL, "tasks: lat, lon are degrees; give x, y .* or the servers as channel.sites"),
        (STILL | {"sites": SITES, "users": USERS}, "channel.users: the table of tasks has lat"),
        (STILL | {"sites": SITES, "clusters": 2}, "channel.clusters: the table of tasks has lat"),
        (
            STILL | {"sites": {"lat": [51.0] * 2, "lon": [0.0, 0.1]}},
            r"tasks: \(-37.8.* km from the middle of sites",
        ),
        (
            STILL | {"sites": {"lat": SITES["lon"][:0] or [80.0], "lon": [-37.81]}},
            "tasks: .* km from the middle of sites",
        ),
    ],
)
def test_degrees_of_tasks_need_sites_in_degrees_that_are_near(channel, words):
    tasks = {"bits": [1e5] * 12, "cycles": [1e9] * 12} | USERS
    with pytest.raises(ValueError, match=words):
        Scenario(channel=channel, tasks=tasks, capacity=9, **SILENT)


def test_swapped_degrees_in_one_of_two_tables_are_told():
    channel = {"sites": {"lat": [48.85], "lon": [2.35]}, "users": {"lat": [2.35], "lon": [48.85]}}
    with pytest.raises(ValueError, match="lat and lon are swapped in one of the two"):
        PathLossChannel(**channel)


def test_metres_of_tasks_beside_sites_in_degrees_are_refused():
    tasks = {"bits": [1e5], "cycles": [1e9], "x": [1], "y": [2]}
    with pytest.raises(ValueError, match=r"tasks: x, y are metres, but channel.sites has degrees"):
        Scenario(channel=STILL | {"sites": SITES}, tasks=tasks, **SILENT)


def test_a_batch_plays_what_single_environments_play_on_tables():
    kwargs = {
        "scenario": WHOLE.replace(num_devices=5, fetch_delay_s=0.3).source,
        "reward": "regret",
    }
    batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=3, **kwargs)
    alone = [gym.make("mec_gym:MEC-Offload-v0", **kwargs) for _ in range(3)]
    seen, _ = batch.reset(seed=5)
    for row, env in enumerate(alone):
        assert (env.reset(seed=5 + row)[0] == seen[row]).all()


def test_tables_are_given_as_objects_too():
    sites, users = Sites.of(SITES), Users.of(USERS)
    channel = PathLossChannel(sites=sites, users=users, shadowing_db=0, fading="none")
    assert channel.sites is sites
    assert channel.users is users
    assert channel == PLACED.channel
    assert hash(channel) == hash(PLACED.channel)


@pytest.mark.skipif(not EUA.is_dir(), reason="the EUA tables are not beside this repository")
@pytest.mark.filterwarnings("error::mec_gym.plausibility.PlausibilityWarning")
def test_the_melbourne_cbd_is_its_two_files(tmp_path):
    pyproj = pytest.importorskip("pyproj")
    path = tmp_path / "city.toml"
    path.write_text(
        f'capacity = 8\nnoise_psd = 4e-21\n[channel]\nkind = "path-loss"\nshadowing_db = 0\n'
        f'fading = "none"\nsites = "{EUA / "site-optus-melbCBD.csv"}"\n'
        f'users = "{EUA / "users-melbcbd-generated.csv"}"\n'
    )
    city = Scenario.from_toml(path)
    assert (city.num_devices, city.num_servers) == (816, 125)
    places = {}
    for name, at in (("site-optus-melbCBD", (1, 2)), ("users-melbcbd-generated", (0, 1))):
        places[name] = np.loadtxt(
            EUA / f"{name}.csv", delimiter=",", skiprows=1, usecols=at, quotechar='"'
        )
    sites, users = places.values()
    lines = np.broadcast_arrays(users[:, None, 1], users[:, None, 0], sites[:, 1], sites[:, 0])
    metres = pyproj.Geod(ellps="WGS84").inv(*(line.ravel() for line in lines))[2].reshape(816, 125)
    slot = city.sample(1, 0)[0]
    distance = 10 ** ((-10 * np.log10(slot.gain) - 15.3) / 37.6)
    np.testing.assert_allclose(distance, np.maximum(metres, 10), rtol=1e-3)
    loss_db = 15.3 + 37.6 * np.log10(np.maximum(metres, 10))
    gain = 10 ** (-loss_db / 10)
    np.testing.assert_allclose(slot.gain, gain, rtol=4e-3)
    rate = 1e6 * np.log2(1 + 0.1 * gain / (4e-21 * 1e6))
    np.testing.assert_allclose(slot.tx_delay, slot.task_bits[:, None] / rate, rtol=1e-3)
    Problem.of(slot).require_feasible()
