"""Steady gains of places times fading, with a channel whose steady gains are plain."""

import numpy as np
import pytest
from pydantic import Field
from scipy.stats import kstest, truncnorm

from mec_gym import Scenario
from mec_gym.channels import FadedChannel
from mec_gym.channels.faded import cut_normal


class InverseChannel(FadedChannel):
    """Gains that are `strength` by the distance."""

    strength: float = Field(2.0, ge=0, description="Gain at 1 m.")

    _strength = "strength"
    _lower = "the distances, or raise the strength"

    @property
    def shortest_m(self):
        return 1.0

    @property
    def steady_range(self):
        return self.strength / self.longest_m, self.strength / self.shortest_m

    def num_steady_uniforms(self, num_devices, num_servers):
        return 2 * num_devices

    def steady(self, unit, num_devices, num_servers):
        return self.strength / self.distances(unit, num_devices, num_servers)


@pytest.mark.parametrize("correlation", [1.0, 0.5, 0.0])
def test_gains_are_the_steady_ones_times_an_exponential_power(correlation):
    channel = InverseChannel(correlation=correlation)
    unit = np.random.default_rng(0).random((2000, channel.num_uniforms(2, 3)))
    gain = channel.draw(unit, 2, 3)
    assert gain.shape == (2000, 1 if correlation == 1 else 2, 2, 3)
    power = gain * channel.distances(unit, 2, 3)[:, None] / 2.0
    assert kstest(power[:, 0, 0, 0], "expon").pvalue > 1e-3
    assert kstest(power[:, -1, 1, 2], "expon").pvalue > 1e-3


def test_without_fading_gains_are_the_steady_ones_and_their_range_that_of_those():
    still, faded = InverseChannel(fading="none", side_m=300.0), InverseChannel(side_m=300.0)
    unit = np.random.default_rng(0).random((5, still.num_uniforms(2, 3)))
    np.testing.assert_array_equal(still.draw(unit, 2, 3)[:, 0], 2.0 / still.distances(unit, 2, 3))
    assert still.gain_range == pytest.approx((2 / (300 * np.sqrt(2)), 2.0))
    # An exponential power, cut off at the quantiles 0.001 and 0.999.
    low, high = -np.log(0.999), -np.log(0.001)
    expected = still.gain_range[0] * low, still.gain_range[1] * high
    assert faded.gain_range == pytest.approx(expected)


def test_what_makes_gains_no_numbers_is_refused_by_the_field_that_is_named():
    with pytest.raises(ValueError, match=r"^strength: gains from 0 .* raise the strength$"):
        InverseChannel(strength=0.0)
    with pytest.raises(ValueError, match=r"^correlation: 0.5, but without fading"):
        InverseChannel(correlation=0.5, fading="none")


def test_a_scenario_takes_it_and_its_noise_is_thermal():
    scenario = Scenario(channel=InverseChannel(noise_figure_db=3.0))
    assert scenario.noise_psd == pytest.approx(3.981e-21 * 10**0.3, rel=1e-4)
    assert scenario.sample(3, 0)[0].gain.shape == (9, 3)


def test_a_cut_normal_has_the_law_of_one_that_is_drawn_again_beyond_three_deviations():
    found = cut_normal(np.random.default_rng(0).random(20_000))
    assert kstest(found, truncnorm(-3, 3).cdf).pvalue > 1e-3
    assert cut_normal(np.array([0.0, 0.5, 1.0])) == pytest.approx([-3, 0, 3], abs=1e-9)
