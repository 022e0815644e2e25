"""Channels whose devices move: what a place decides follows the place, slot after slot."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from scipy.special import j0
from scipy.stats import kstest, norm

from mec_gym import Scenario
from mec_gym.channels import (
    FadedChannel,
    PathLossChannel,
    UrbanMacroChannel,
    UrbanMicroChannel,
    nearby,
)

MOVING = ["static", "random-waypoint", "gauss-markov"]
BARE = {"kind": "path-loss", "shadowing_db": 0, "fading": "none"}
STILL = {"shadowing": "none", "fading": "none"}


def scenario(channel, mobility="random-waypoint", **fields):
    fields = {"slots": 12, "slot_s": 5.0, "channel": channel, "mobility": mobility} | fields
    return Scenario(**fields)


def along_a_line(step_m, num_slots, n=1):
    """Places of one device that goes straight on, (n, K, 1, 2), in a direction of no meaning."""
    way = 500 + step_m * np.arange(num_slots)[:, None] * [math.cos(0.7), math.sin(0.7)]
    return np.broadcast_to(way[:, None], (n, num_slots, 1, 2))


def gains_at(channel, places, num_servers=1, seed=0, slot_s=1.0):
    """Gains of devices at given places, (n, K, M, N)."""
    n, num_slots, num_devices, _ = places.shape
    rng = np.random.default_rng(seed)
    unit = rng.random((n, num_slots, channel.num_uniforms(num_devices, num_servers)))
    more = rng.random((n, channel.num_uniforms_along(num_slots, num_devices, num_servers)))
    return channel.gains_along(unit, more, places, slot_s, num_servers)


@pytest.mark.parametrize("mobility", MOVING)
def test_path_loss_is_that_of_the_distance_in_each_slot(mobility):
    slots = scenario(BARE, mobility).sample_episodes(4, 0, places=True).slots
    assert slots.device_places_m.shape == (4, 12, 9, 2)
    between = slots.device_places_m[..., :, None, :] - slots.server_places_m[..., None, :, :]
    distance = np.maximum(np.linalg.norm(between, axis=-1), 10.0)
    np.testing.assert_allclose(slots.gain, 10 ** -(1.53 + 3.76 * np.log10(distance)), rtol=1e-9)
    moves = (np.diff(slots.device_places_m, axis=1) != 0).any()
    assert moves == (mobility != "static")


@pytest.mark.parametrize("kind", ["path-loss", "uma", "umi"])
def test_devices_begin_where_the_channel_puts_them(kind):
    alone = Scenario(channel={"kind": kind, "clusters": 2, "cluster_radius_m": 5.0})
    moving = scenario(alone.channel, "gauss-markov")
    slots = moving.sample_episodes(1, 1, places=True).slots[0]
    first = alone.sample(1, 1, places=True)[0]  # of the same numbers
    np.testing.assert_array_equal(slots.device_places_m[0], first.device_places_m)
    np.testing.assert_array_equal(slots.server_places_m[0], first.server_places_m)
    if kind == "path-loss":  # whose shadowing begins as it is drawn for a slot
        np.testing.assert_allclose(slots.gain[0], first.gain, rtol=1e-9)


@pytest.mark.parametrize("kind", ["path-loss", "uma", "umi"])
def test_of_devices_that_stay_only_the_fading_changes(kind):
    still = scenario({"kind": kind, "fading": "none"}, "static").sample_episodes(5, 0).slots.gain
    np.testing.assert_array_equal(still, still[:, :1].repeat(12, axis=1))
    faded = scenario({"kind": kind}, "static").sample_episodes(2000, 0).slots.gain
    power = faded[:, 1:, 0, 0] / faded[:, :-1, 0, 0]
    # Two independent exponential powers: the share of one is uniform; at 1/3 m/s 5 s are long.
    assert kstest((power / (1 + power))[:, ::2].ravel(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("distance_m", [20.0, 50.0])
def test_shadowing_of_path_loss_forgets_over_the_way(distance_m):
    channel = PathLossChannel(fading="none", side_m=5000, shadowing_distance_m=distance_m)
    places = along_a_line(5.0, 12, n=40_000)
    gain = gains_at(channel, places)[..., 0, 0]
    shadow = -10 * np.log10(gain / gain.mean(axis=0))
    shadow -= shadow.mean(axis=0)
    for slot in (0, 5, 11):
        assert shadow[:, slot].std() == pytest.approx(8.0, rel=0.03)
    for steps in (1, 2, 5, 11):
        found = np.corrcoef(shadow[:, 0], shadow[:, steps])[0, 1]
        assert found == pytest.approx(math.exp(-5 * steps / distance_m), abs=0.025)


@pytest.mark.parametrize("distance_m", [10.0, 50.0])
def test_fields_over_the_plane_fall_off_exponentially_over_the_way(distance_m):
    unit = np.random.default_rng(0).random((400, nearby.num_uniforms_along(50)))
    found = nearby.along(unit, along_a_line(5.0, 40, 400), [distance_m], 50)[0][:, :, 0]
    assert found.shape == (400, 40, 50)
    assert kstest(found[:, ::13].ravel()[::11], "norm").pvalue > 1e-3
    for steps in (1, 2, 5, 10, 20, 39):
        product = (found[:, 0] * found[:, steps]).mean()
        assert product == pytest.approx(math.exp(-5 * steps / distance_m), abs=0.04)


def test_a_place_has_the_same_numbers_whoever_comes_when():
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 300, (3, 4, 5, 2))
    places[:, 2] = places[:, 0, ::-1]  # in slot 2 devices have changed places
    unit = rng.random((3, 2 * nearby.num_uniforms_along(3)))
    for field in nearby.along(unit, places, [10.0, 50.0], 3):
        np.testing.assert_allclose(field[:, 2], field[:, 0, ::-1], rtol=1e-9, atol=1e-12)
        assert not np.isclose(field[:, 1], field[:, 0]).any()


def test_fields_are_those_waves_that_single_slots_of_many_places_have():
    rng = np.random.default_rng(5)
    places = rng.uniform(0, 500, (3, 2, 200, 2))
    unit = rng.random((3, 2 * nearby.num_uniforms(200, 4)))
    found = nearby.along(unit, places, [13.0, 50.0], 4)
    for slot in range(2):
        for field, alone in zip(
            found, nearby.correlated(unit, places[:, slot], [13.0, 50.0], 4), strict=True
        ):
            np.testing.assert_allclose(field[:, slot], alone, atol=1e-5)


def test_fields_in_blocks_and_of_those_that_pause_are_the_same(monkeypatch):
    rng = np.random.default_rng(2)
    places = rng.uniform(0, 300, (4, 5, 6, 2))
    places[:2, 2] = places[:2, 1]
    unit = rng.random((4, nearby.num_uniforms_along(3)))
    whole = nearby.along(unit, places, [30.0], 3)[0]
    monkeypatch.setattr(nearby, "_AT_ONCE", 1)  # a block an episode
    np.testing.assert_array_equal(nearby.along(unit, places, [30.0], 3)[0], whole)
    np.testing.assert_array_equal(whole[:2, 2], whole[:2, 1])


@pytest.mark.parametrize(("kind", "within"), [(UrbanMacroChannel, 50.0), (UrbanMicroChannel, 13.0)])
def test_shadowing_without_sight_forgets_by_the_tables_distance(kind, within):
    # Far out sight is never free: to the site at (0, 0), 14 km away, 1 in 800.
    line = along_a_line(within / 4, 9, n=3000) + 1e4
    channel = kind(server_positions_m=((0.0, 0.0),) * 4, fading="none")
    loss = -10 * np.log10(gains_at(channel, line, num_servers=4))
    bare = -10 * np.log10(gains_at(channel.replace(shadowing="none"), line, num_servers=4))
    shadow = (loss - bare)[:, :, 0]
    for steps in (1, 2, 4, 8):
        both = shadow[:, 0].ravel(), shadow[:, steps].ravel()
        assert np.corrcoef(*both)[0, 1] == pytest.approx(math.exp(-steps / 4), abs=0.05)


@pytest.mark.parametrize("kind", [UrbanMacroChannel, UrbanMicroChannel])
def test_sight_is_as_likely_as_the_tr_says_and_stays_over_short_ways(kind):
    channel = kind(server_positions_m=((0.0, 0.0),), **STILL)
    way = np.linspace(20, 220, 101)  # 2 m a slot, away from the site
    places = np.broadcast_to(np.stack([way, 0 * way], axis=-1)[:, None], (2000, 101, 1, 2))
    loss = -10 * np.log10(gains_at(channel, places)[..., 0, 0])
    with_sight, _ = channel.environment.losses_db(way, 3.5, channel.site_height_m, 1.5)
    seen = abs(loss - with_sight) < 1e-9
    decay = {UrbanMacroChannel: 63, UrbanMicroChannel: 36}[kind]
    share = 18 / way + np.exp(-way / decay) * (1 - 18 / way)
    np.testing.assert_allclose(seen.mean(axis=0), share, atol=0.055)
    changes = (seen[:, 1:] != seen[:, :-1]).mean()
    assert 0 < changes < 0.14  # drawn anew it would be about 0.4
    # Over 50 m, the correlation distance, the field is correlated by 1 / e.
    limit = channel.environment.sight(np.array([100.0, 150.0]))
    pair = np.random.default_rng(3).multivariate_normal(
        [0, 0], [[1, math.exp(-1)], [math.exp(-1), 1]], 200_000
    )
    expected = (pair <= norm.ppf(limit)).all(axis=1).mean()
    assert seen[:, [40, 65]].all(axis=1).mean() == pytest.approx(expected, abs=0.035)


def test_devices_stay_indoors_and_behind_the_same_wall():
    # Within 18 m of the site in sight: what is lost beside is the building's.
    channel = UrbanMicroChannel(server_positions_m=((50.0, 50.0),), indoor_share=0.5, **STILL)
    rng = np.random.default_rng(4)
    places = 50 + rng.uniform(-9, 9, (40, 6, 3, 2))
    loss = -10 * np.log10(gains_at(channel, places)[..., 0])
    apart = np.maximum(np.linalg.norm(places - 50, axis=-1), 10.0)
    extra = loss - channel.environment.losses_db(apart, 3.5, 10.0, 1.5)[0]
    np.testing.assert_allclose(extra, extra[:, :1].repeat(6, axis=1), atol=1e-9)
    assert (abs(extra[:, 0]) < 1e-9).mean() == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(("speed", "slot_s"), [(3.0, 0.004), (10.0, 0.005), (0.0, 0.02)])
def test_powers_fade_as_fast_as_devices_move(speed, slot_s):
    channel = UrbanMicroChannel(shadowing="none", server_positions_m=((505.0, 505.0),))
    places = along_a_line(speed * slot_s, 3, n=25_000)  # within 10 m: sight, one path loss
    gain = gains_at(channel, places, slot_s=slot_s)[..., 0, 0]
    rho = j0(2 * np.pi * max(speed, 1.2 / 3.6) * 3.5e9 / 299792458.0 * slot_s)
    assert abs(rho) > 0.2
    found = np.corrcoef(gain.T)
    # Powers of complex normal amplitudes correlate by the square; cut off at 0.999, a bit less.
    assert found[0, 1] == pytest.approx(rho**2, abs=0.03)
    assert found[0, 2] == pytest.approx(rho**4, abs=0.03)


def test_without_a_carrier_fading_is_drawn_anew_in_each_slot():
    channel = PathLossChannel(shadowing_db=0)
    gain = gains_at(channel, along_a_line(0.0, 3, n=20_000), slot_s=1e-6)[..., 0, 0]
    assert abs(np.corrcoef(gain.T) - np.eye(3)).max() < 0.03


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["path-loss", "uma", "umi"]),
    st.sampled_from(MOVING),
    st.booleans(),
    st.floats(0.01, 300),
    st.integers(0, 2**32),
)
def test_gains_keep_within_the_range_of_the_scenario(kind, mobility, outside, slot_s, seed):
    channel = {"kind": kind}
    if outside:
        channel["users"] = {"x": [9000.0, 9100.0] * 5, "y": [4000.0, 4900.0] * 5}
        channel["server_positions_m"] = [[9000.0, 4100.0], [9500.0, 4000.0], [9000.0, 4400.0]]
    made = scenario(channel, mobility, slot_s=slot_s, num_devices=9)
    episodes = made.sample_episodes(3, seed, places=True)
    made.check_episodes(episodes)
    places = episodes.slots.device_places_m
    if not outside:
        assert (places >= 0).all()
        assert (places <= 500).all()
    else:  # a square of 900 m about their middle
        assert (abs(places - [9050.0, 4450.0]) <= 450 * (1 + 1e-8)).all()


def test_the_range_of_gains_is_that_of_where_devices_may_come():
    # All begin at the one server and walk away from it.
    channel = BARE | {"device_positions_m": [[0.0, 0.0]], "server_positions_m": [[0.0, 0.0]]}
    one = {"num_servers": 1, "capacity": 9, "slot_s": 20.0}
    made = scenario(channel, "random-waypoint", **one)
    assert made.radio.longest_m == pytest.approx(500 * math.sqrt(2))
    episodes = made.sample_episodes(20, 0)
    made.check_episodes(episodes)
    assert episodes.slots.gain.min() < 0.01 * made.channel.gain_range[0]
    assert scenario(channel, "static", **one).radio.longest_m == 10.0


@pytest.mark.parametrize("mobility", MOVING)
@pytest.mark.parametrize("kind", ["path-loss", "uma", "umi"])
def test_episodes_at_once_are_those_one_by_one(kind, mobility):
    made = scenario({"kind": kind, "side_m": 100}, mobility)
    rng = np.random.default_rng(7)
    together = made.sample_episodes(6, 7, places=True)
    for row in range(6):
        (alone,) = made.draw_episodes(1, rng, places=True)
        for name, array in alone.slots.arrays().items():
            np.testing.assert_array_equal(array, together[row].slots.arrays()[name])


@pytest.mark.parametrize("kind", ["uniform", "path-loss", "uma", "umi"])
def test_without_mobility_each_slot_is_drawn_by_itself_as_before(kind):
    episodes = Scenario(slots=4, slot_s=1.0, channel={"kind": kind}).sample_episodes(5, 3)
    slots = Scenario(channel={"kind": kind}).sample(20, 3)
    for name in ("gain", "task_bits", "task_cycles"):
        drawn = getattr(slots, name)
        np.testing.assert_array_equal(getattr(episodes.slots, name).reshape(drawn.shape), drawn)


def test_coverage_follows_the_places():
    made = scenario(BARE, coverage_m=150.0, drop_penalty_s=5.0, slot_s=30.0)
    slots = made.sample_episodes(5, 0, places=True).slots
    between = slots.device_places_m[..., :, None, :] - slots.server_places_m[..., None, :, :]
    np.testing.assert_array_equal(slots.covered, np.linalg.norm(between, axis=-1) <= 150.0)
    assert (slots.covered[:, 0] != slots.covered[:, -1]).any()
    with pytest.raises(ValueError, match=r"^coverage_m: .* give drop_penalty_s"):
        scenario(BARE, coverage_m=900.0)
    scenario(BARE, "static", coverage_m=900.0)


class Plain(FadedChannel):
    """A channel that was written before devices moved."""

    strength: float = Field(2.0, description="Gain at 1 m.")

    @property
    def shortest_m(self):
        return 1.0

    @property
    def steady_range(self):
        return self.strength / self.longest_m, self.strength

    def num_steady_uniforms(self, num_devices, num_servers):
        return 2 * num_devices

    def steady(self, unit, num_devices, num_servers):
        return self.strength / self.distances(unit, num_devices, num_servers)


class Moving(Plain):
    """The same, which says what gains are where devices move."""

    def steady_along(self, unit, more, places, num_servers):
        return self.strength / self.distances_at(places, num_servers)


def test_a_channel_of_your_own_says_what_its_gains_are_at_places():
    with pytest.raises(ValueError, match=r"mobility: Plain does not say .* `steady_along`"):
        scenario(Plain())
    slots = scenario(Moving(fading="none")).sample_episodes(2, 0, places=True).slots
    between = slots.device_places_m[..., :, None, :] - slots.server_places_m[..., None, :, :]
    np.testing.assert_allclose(slots.gain, 2 / np.maximum(np.linalg.norm(between, axis=-1), 1))


def test_a_table_of_tasks_with_places_leaves_nothing_to_move():
    tasks = {"bits": [1e5], "cycles": [1e9], "x": [3.0], "y": [4.0]}
    with pytest.raises(ValueError, match="mobility: the table of tasks says where devices are"):
        scenario({"kind": "umi"}, tasks=tasks)


@pytest.mark.parametrize("mobility", MOVING)
def test_scenarios_are_read_back(mobility, tmp_path):
    made = scenario({"kind": "umi"}, mobility)
    path = tmp_path / "it.toml"
    path.write_text(made.to_toml())
    assert Scenario.from_toml(path) == Scenario.of(made.source) == made
    assert hash(Scenario.from_toml(path)) == hash(made)
