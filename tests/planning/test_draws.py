"""Slots of networks that are compared: alike in what they share, and distributed as all others."""

import numpy as np
import pytest
from any_options import ALL_AT_ONCE

from mec_gym import Scenario
from mec_gym.channels import PathLossChannel, UniformChannel
from mec_gym.planning.draws import common_episodes, common_slots, uniforms

PLACED = Scenario(num_devices=12, num_servers=4, channel=PathLossChannel(), noise_psd=4e-21)


@pytest.mark.parametrize("servers", [3, 5, 8])
def test_devices_and_servers_in_both_networks_are_the_same(servers):
    scenario = Scenario(servers="per-slot", delay_weight=(1.0, 2.0))
    one = common_slots(scenario, 20, 1, 9)
    other = common_slots(scenario.replace(num_servers=servers), 20, 1, 9)
    for name in ("task_bits", "task_cycles", "delay_weight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("gain", "server_hz"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[..., :3])


def test_more_devices_leave_the_first_as_they_were():
    few = common_slots(PLACED, 10, 1, 30, places=True)
    many = common_slots(PLACED.replace(num_devices=30, capacity=9), 10, 1, 30, places=True)
    for name in ("task_bits", "device_places_m", "gain"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:, :12])


def test_with_places_more_servers_leave_users_and_the_fading_of_the_first_as_they_were():
    sites = ((0, 0), (500, 0), (0, 500), (500, 500), (250, 250))
    radio = PathLossChannel(server_positions_m=sites)
    five = PLACED.replace(num_servers=5, channel=radio)
    four = PLACED.replace(channel=radio.replace(server_positions_m=sites[:4]))
    one, other = common_slots(five, 6, 2, 12, True), common_slots(four, 6, 2, 12, True)
    np.testing.assert_array_equal(one.device_places_m, other.device_places_m)
    np.testing.assert_array_equal(one.gain[..., :4], other.gain)


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(),
        PLACED,
        Scenario(**ALL_AT_ONCE),
        Scenario(channel=UniformChannel(correlation=0.3)),
        Scenario(channel=PathLossChannel(fading="none"), noise_psd=4e-21, servers="per-slot"),
    ],
    ids=["paper", "placed", "all", "fading", "steady"],
)
def test_each_number_is_uniform_independent_of_the_others_and_another_by_seed(scenario):
    unit = uniforms(scenario, 400, 1, scenario.num_devices)
    assert unit.shape == (400, scenario.num_uniforms)
    assert ((unit >= 0) & (unit < 1)).all()
    assert len(np.unique(unit)) == unit.size
    deviation = np.sqrt(1 / 12 / 400)
    assert np.abs(unit.mean(axis=0) - 0.5).max() < 5 * deviation
    correlation = np.corrcoef(unit, rowvar=False) - np.eye(unit.shape[1])
    assert np.abs(correlation).max() < 5.5 / np.sqrt(400)
    assert (unit != uniforms(scenario, 400, 2, scenario.num_devices)).all()


def test_slots_are_distributed_as_those_of_the_scenario():
    from scipy.stats import ks_2samp

    ours, plain = common_slots(PLACED, 300, 1, 12), PLACED.sample(300, 5)
    for name in ("gain", "task_bits", "task_cycles"):
        one, other = getattr(ours, name).reshape(-1), getattr(plain, name).reshape(-1)
        assert ks_2samp(one, other).pvalue > 1e-3, name


FOLLOWING = {
    "slots": 4,
    "slot_s": 0.5,
    "arrivals": {"probability": 0.6},
    "background": {"levels": [0.0, 0.4]},
    "handover_s": (0.0, 0.3),
    "capacity": 9,
}


@pytest.mark.parametrize(
    "more", [{"num_servers": 5}, {"num_devices": 12}, {"slots": 6}, {"slot_s": 0.7}], ids=str
)
def test_episodes_of_networks_that_differ_have_in_common_what_both_have(more):
    one = common_episodes(Scenario(**FOLLOWING), 5, 1, 12)
    other = common_episodes(Scenario(**FOLLOWING | more), 5, 1, 12)
    first = (slice(None), slice(4), slice(9))
    for name in ("task_bits", "task_cycles", "handover_s"):
        np.testing.assert_array_equal(getattr(one.slots, name), getattr(other.slots, name)[first])
    np.testing.assert_array_equal(one.present, other.present[first])
    for name in ("gain", "server_hz"):
        other_one = getattr(other.slots, name)[:, :4]
        found = other_one[:, :, :9, :3] if name == "gain" else other_one[..., :3]
        np.testing.assert_array_equal(getattr(one.slots, name), found)
    assert len(np.unique(one.slots.task_bits)) == one.slots.task_bits.size


def test_devices_move_alike_however_many_servers_there_are():
    walk = Scenario.preset("walk", slots=3, num_devices=6)
    fewer = walk.replace(num_servers=4)
    one, other = (common_episodes(each, 2, 1, 6, places=True) for each in (walk, fewer))
    np.testing.assert_array_equal(one.slots.device_places_m, other.slots.device_places_m)


@pytest.mark.parametrize("kind", ["bernoulli", "poisson"])
def test_episodes_are_distributed_as_those_of_the_scenario(kind):
    scenario = Scenario(**FOLLOWING | {"arrivals": {"kind": kind, "probability": 0.6}})
    ours, plain = common_episodes(scenario, 400, 1, 9), scenario.sample_episodes(400, 5)
    assert ours.present.mean() == pytest.approx(plain.present.mean(), abs=0.03)
    mean = plain.slots.server_hz.mean(axis=(0, 1))
    np.testing.assert_allclose(ours.slots.server_hz.mean(axis=(0, 1)), mean, rtol=0.06)
    for name in ("gain", "task_cycles", "handover_s"):
        values = [getattr(each.slots, name).mean() for each in (ours, plain)]
        assert values[0] == pytest.approx(values[1], rel=0.03), name
