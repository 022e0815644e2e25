"""Channel models: gains worked by hand, ranges that hold, distances that count."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from strategies import channels, path_loss_channels

from mec_gym import Scenario
from mec_gym.channels import PathLossChannel, UniformChannel

STILL = {"shadowing_db": 0.0, "fading": "none"}


def in_db(gain):
    return 10 * np.log10(gain)


def gains(channel, num_devices, num_servers, n=1, seed=0):
    unit = np.random.default_rng(seed).random((n, channel.num_uniforms(num_devices, num_servers)))
    return channel.draw(unit, num_devices, num_servers)[:, 0]


def gain_at(distance_m, **changes):
    """The gain of the one link of a device `distance_m` from its server."""
    channel = PathLossChannel(
        server_positions_m=((0.0, 0.0),), device_positions_m=((distance_m, 0.0),), **changes
    )
    return gains(channel, 1, 1).item()


def test_the_papers_gains_are_uniform_from_half_to_2_and_independent():
    channel = UniformChannel()
    assert channel.gain_range == (0.5, 2.0)
    drawn = gains(channel, 9, 3, n=2000)
    assert drawn.shape == (2000, 9, 3)
    assert kstest(drawn.ravel(), "uniform", args=(0.5, 1.5)).pvalue > 1e-3
    links = np.corrcoef(drawn.reshape(2000, 27), rowvar=False) - np.eye(27)
    assert np.abs(links).max() < 0.1


def test_a_constant_gain_is_the_same_on_every_link():
    assert (gains(UniformChannel(gain=0.7), 4, 2) == 0.7).all()


@pytest.mark.parametrize(
    ("distance_m", "gain_db"),
    [
        (1000.0, -128.1),  # 3GPP TR 36.814: 128.1 + 37.6 log10(1 km)
        (100.0, -90.5),  # 128.1 - 37.6
        (10.0, -52.9),  # 128.1 - 75.2
        (3.0, -52.9),  # nearer than 10 m counts as 10 m
        (200.0, -101.8187278371),  # 128.1 + 37.6 log10(0.2)
    ],
)
def test_path_loss_by_hand_in_db(distance_m, gain_db):
    assert in_db(gain_at(distance_m, **STILL)) == pytest.approx(gain_db, abs=1e-9)


def test_path_loss_parameters_by_hand_in_db():
    # 40 dB at 1 m and 20 dB a decade: 80 dB at 100 m; at 2 m, counted as 5 m: 53.979 dB.
    free = {"loss_at_1m_db": 40.0, "exponent": 2.0} | STILL
    assert in_db(gain_at(100.0, **free)) == pytest.approx(-80, abs=1e-9)
    near = in_db(gain_at(2.0, min_distance_m=5.0, **free))
    assert near == pytest.approx(-40 - 20 * math.log10(5), abs=1e-9)


def test_distances_are_those_of_the_given_positions():
    channel = PathLossChannel(
        server_positions_m=((0.0, 0.0), (300.0, 400.0)), device_positions_m=((0.0, 0.0),), **STILL
    )
    # 0 m, counted as 10 m; and 500 m by 3-4-5.
    expected = [-52.9, -(128.1 + 37.6 * math.log10(0.5))]
    np.testing.assert_allclose(in_db(gains(channel, 1, 2)[0, 0]), expected, atol=1e-9)


def test_devices_stand_only_at_the_given_places_and_at_each_equally_often():
    channel = PathLossChannel(
        server_positions_m=((0.0, 0.0),),
        device_positions_m=((10.0, 0.0), (0.0, 100.0), (1000.0, 0.0)),
        **STILL,
    )
    drawn = np.round(in_db(gains(channel, 5, 1, n=600)), 6).ravel()
    places, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(places, [-128.1, -90.5, -52.9])
    # 3000 draws, 1000 each; 5 standard deviations are 129.
    assert np.abs(counts - 1000).max() < 129


def test_devices_without_given_places_are_uniform_over_the_square():
    # One server in the corner and an exponent of 10 dB a decade: the gain tells the distance.
    channel = PathLossChannel(
        side_m=100.0,
        server_positions_m=((0.0, 0.0),),
        loss_at_1m_db=0.0,
        exponent=1.0,
        min_distance_m=1e-3,
        **STILL,
    )
    distance = 1 / gains(channel, 4, 1, n=1000).ravel()
    assert distance.max() <= 100 * math.sqrt(2)
    # Within the quarter circle of radius r <= side the share is pi r^2 / 4 side^2.
    for radius in (30.0, 60.0, 100.0):
        share = math.pi * radius**2 / 4 / 100**2
        sigma = math.sqrt(share * (1 - share) / 4000)
        assert (distance <= radius).mean() == pytest.approx(share, abs=5 * sigma)


def test_servers_without_given_positions_stand_on_a_grid_over_the_square():
    # Four servers on a side of 400 m: 100 and 300 m along each axis; the device in the corner.
    channel = PathLossChannel(
        side_m=400.0, device_positions_m=((0.0, 0.0),), loss_at_1m_db=0.0, exponent=1.0, **STILL
    )
    distance = sorted(1 / gains(channel, 1, 4)[0, 0])
    tens = math.sqrt(10)
    np.testing.assert_allclose(
        distance, [100 * math.sqrt(2), 100 * tens, 100 * tens, 300 * math.sqrt(2)]
    )


@given(st.lists(st.floats(1, 1e4), min_size=2, max_size=6), st.floats(0.5, 5))
def test_gain_never_rises_with_distance_without_shadowing_and_fading(distances, exponent):
    ordered = [gain_at(d, exponent=exponent, **STILL) for d in sorted(distances)]
    assert all(near >= far * (1 - 1e-12) for near, far in itertools.pairwise(ordered))
    if max(distances) > 11 and max(distances) > 1.01 * min(distances):
        assert ordered[0] > ordered[-1]


def test_shadowing_is_normal_in_db_cut_off_at_three_sigma():
    channel = PathLossChannel(
        server_positions_m=((0.0, 0.0),),
        device_positions_m=((100.0, 0.0),),
        shadowing_db=8.0,
        fading="none",
    )
    sigmas = (in_db(gains(channel, 10, 1, n=2000)).ravel() + 90.5) / 8
    assert np.abs(sigmas).max() <= 3 + 1e-9
    assert kstest(sigmas, "norm").pvalue > 1e-3


def test_fading_is_an_exponential_power_of_mean_about_1():
    channel = PathLossChannel(
        server_positions_m=((0.0, 0.0),),
        device_positions_m=((100.0, 0.0),),
        shadowing_db=0.0,
        fading="rayleigh",
    )
    power = gains(channel, 10, 1, n=2000).ravel() / 10**-9.05
    assert kstest(power, "expon").pvalue > 1e-3
    assert power.min() >= -math.log(0.999) * (1 - 1e-9)
    assert power.max() <= -math.log(0.001) * (1 + 1e-9)


def test_each_link_has_its_own_shadowing_and_fading():
    drawn = gains(PathLossChannel(device_positions_m=((1.0, 2.0),)), 6, 4, n=3)
    assert len(np.unique(drawn)) == drawn.size


@st.composite
def drawn_channels(draw):
    num_devices, num_servers = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    channel = draw(channels(num_servers))
    size = channel.num_uniforms(num_devices, num_servers)
    # The ends of [0, 1) are where a bound breaks.
    unit = st.sampled_from([0.0, 0.5, 1 - 2**-53]) | st.floats(0, 1, exclude_max=True)
    numbers = draw(st.lists(unit, min_size=size, max_size=size))
    return channel, channel.draw(np.array([numbers]), num_devices, num_servers)


@given(drawn_channels())
def test_every_gain_lies_in_gain_range(case):
    channel, gain = case
    low, high = channel.gain_range
    assert 0 < low <= high
    assert np.isfinite(gain).all()
    assert (gain >= low * (1 - 1e-12)).all()
    assert (gain <= high * (1 + 1e-12)).all()


@given(drawn_channels())
def test_to_unit_maps_gains_into_the_unit_interval_and_keeps_their_order(case):
    channel, gain = case
    unit = channel.to_unit(gain).ravel()
    assert (unit >= -1e-9).all()
    assert (unit <= 1 + 1e-9).all()
    rising = unit[np.argsort(gain, axis=None)]
    assert (np.diff(rising) >= -1e-12).all()


def test_to_unit_is_linear_for_the_uniform_channel_and_linear_in_db_for_path_loss():
    np.testing.assert_allclose(
        UniformChannel().to_unit(np.array([0.5, 1.25, 2.0])), [0, 0.5, 1], atol=1e-12
    )
    channel = PathLossChannel()
    low, high = channel.gain_range
    np.testing.assert_allclose(
        channel.to_unit(np.array([low, math.sqrt(low * high), high])), [0, 0.5, 1], atol=1e-9
    )


@given(path_loss_channels(3), st.integers(0, 2**32))
def test_a_block_of_slots_is_the_slots_one_by_one(channel, seed):
    unit = np.random.default_rng(seed).random((4, channel.num_uniforms(2, 3)))
    block = channel.draw(unit, 2, 3)
    assert block.shape == (4, channel.num_steps(2), 2, 3)
    for row in range(4):
        np.testing.assert_array_equal(block[row], channel.draw(unit[row : row + 1], 2, 3)[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"side_m": 0},
        {"side_m": math.nan},
        {"exponent": -1},
        {"min_distance_m": 0},
        {"loss_at_1m_db": math.nan},
        {"loss_at_1m_db": math.inf},
        {"shadowing_db": -1},
        {"shadowing_db": math.nan},
        {"fading": "rician"},
        {"server_positions_m": ()},
        {"server_positions_m": ((1, 2, 3),)},
        {"server_positions_m": ((1, math.inf),)},
        {"device_positions_m": ((math.nan, 1),)},
        {"device_positions_m": ()},
        {"height_m": 3},
        {"correlation": -0.1},
        {"correlation": 1.1},
        {"correlation": math.nan},
        {"correlation": 0.9, "fading": "none"},
    ],
)
def test_a_bad_path_loss_field_is_refused_by_name_in_one_line(changes):
    with pytest.raises(ValueError, match=f"^{next(iter(changes))}") as caught:
        PathLossChannel(**changes)
    assert "\n" not in str(caught.value)


def test_positions_must_be_as_many_as_servers():
    channel = PathLossChannel(server_positions_m=((0, 0), (1, 1)))
    with pytest.raises(ValueError, match=r"server_positions_m: 2 .*3"):
        Scenario(channel=channel)


@pytest.mark.parametrize(
    "channel", [{"kind": "smoke"}, {"kind": "uniform", "gain": (2, 1)}, {"gain": (1, 2)}, "uniform"]
)
def test_a_bad_channel_of_a_scenario_is_refused_by_name_in_one_line(channel):
    with pytest.raises(ValueError, match=r"^channel") as caught:
        Scenario(channel=channel)
    assert "\n" not in str(caught.value)


@given(channels(3), st.integers(0, 2**32))
def test_a_block_of_slots_is_the_slots_one_by_one_whatever_the_channel(channel, seed):
    unit = np.random.default_rng(seed).random((5, channel.num_uniforms(3, 3)))
    block = channel.draw(unit, 3, 3)
    for row in range(5):
        np.testing.assert_array_equal(block[row], channel.draw(unit[row : row + 1], 3, 3)[0])
