"""Channels whose gains change from one decision step to the next."""

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest, ncx2

from mec_gym.channels import PathLossChannel, UniformChannel, fading


def step_gains(channel, num_devices, num_servers, n, seed=0):
    """Gains of n slots at each step, (n, T, M, N)."""
    unit = np.random.default_rng(seed).random((n, channel.num_uniforms(num_devices, num_servers)))
    return channel.draw(unit, num_devices, num_servers)


def quantiles(correlation, n, num_devices, seed=0):
    """Fading quantiles of one link in n slots, (n, M)."""
    unit = np.random.default_rng(seed).random((n, 2 * num_devices**2))
    return fading(unit, num_devices, 1, correlation)[:, :, 0, 0]


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", [UniformChannel, PathLossChannel])
def test_at_each_step_gains_have_the_law_of_the_constant_channel(kind, correlation):
    constant = step_gains(kind(), 4, 2, 4000, seed=1)
    changing = step_gains(kind(correlation=correlation), 4, 2, 4000)
    assert constant.shape == (4000, 1, 4, 2)
    assert changing.shape == (4000, 4, 4, 2)
    for step in range(4):
        # One link a slot, so that all values are independent.
        one, other = constant[:, 0, step, 1], changing[:, step, step, 1]
        assert ks_2samp(one, other).pvalue > 1e-3
        if kind is UniformChannel:
            assert kstest(other, "uniform", args=(0.5, 1.5)).pvalue > 1e-3


@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.8, 0.97])
def test_the_power_of_a_step_given_that_of_the_one_before_is_a_noncentral_chi_square(correlation):
    # g(t) given g(t-1) is complex normal about rho g(t-1): |g(t)|^2 is (1 - rho^2) / 2 times a
    # noncentral chi-square of 2 degrees of freedom.
    power = -np.log1p(-quantiles(correlation, 4000, 5))
    left = (1 - correlation**2) / 2
    for step in range(1, 5):
        before, now = power[:, step - 1], power[:, step]
        rank = ncx2.cdf(now / left, 2, correlation**2 * before / left)
        assert kstest(rank, "uniform").pvalue > 1e-3
        assert abs(np.corrcoef(rank, before)[0, 1]) < 0.08  # five standard deviations


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_correlation_of_the_power_falls_by_the_square_at_each_step(correlation):
    power = -np.log1p(-quantiles(correlation, 100_000, 5))
    measured = np.corrcoef(power, rowvar=False)
    lag = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    np.testing.assert_allclose(measured, correlation ** (2.0 * lag), atol=0.03)


def test_without_correlation_every_gain_of_a_slot_is_independent_of_every_other():
    drawn = step_gains(UniformChannel(correlation=0.0), 4, 2, 4000).reshape(4000, -1)
    off_diagonal = np.corrcoef(drawn, rowvar=False) - np.eye(32)
    assert np.abs(off_diagonal).max() < 0.08  # five standard deviations


def test_links_change_independently_of_each_other():
    drawn = step_gains(UniformChannel(correlation=0.9), 3, 2, 4000)
    links = drawn[:, -1].reshape(4000, 6)
    assert np.abs(np.corrcoef(links, rowvar=False) - np.eye(6)).max() < 0.08


def test_a_correlation_of_nearly_0_or_1_is_as_that_of_0_or_1():
    np.testing.assert_allclose(quantiles(1e-13, 50, 4), quantiles(0.0, 50, 4), atol=1e-11)
    nearly_constant = quantiles(1 - 1e-15, 50, 4)
    np.testing.assert_allclose(nearly_constant, nearly_constant[:, :1] * np.ones(4), atol=1e-6)


def test_places_and_shadowing_stay_within_a_slot_and_fading_alone_changes():
    channel = PathLossChannel(correlation=0.5)
    unit = np.random.default_rng(0).random((2000, channel.num_uniforms(3, 2)))
    still = PathLossChannel(fading="none")
    power = channel.draw(unit, 3, 2) / still.draw(unit[:, : still.num_uniforms(3, 2)], 3, 2)
    for step in range(3):
        assert kstest(power[:, step, 0, 0], "expon").pvalue > 1e-3
    assert power.min() >= -math.log(0.999) * (1 - 1e-9)
    assert power.max() <= -math.log(0.001) * (1 + 1e-9)
    assert len(np.unique(power)) == power.size


@pytest.mark.parametrize("correlation", [-0.1, 1.1, math.nan, math.inf, "much"])
def test_a_bad_correlation_is_refused_by_name_in_one_line(correlation):
    with pytest.raises(ValueError, match=r"^correlation: ") as caught:
        UniformChannel(correlation=correlation)
    assert "\n" not in str(caught.value)


def test_a_correlation_is_written_only_where_gains_change():
    assert UniformChannel().model_dump() == {"kind": "uniform", "gain": (0.5, 2.0)}
    assert "correlation" not in PathLossChannel().to_toml()
    assert UniformChannel(correlation=0.25).model_dump()["correlation"] == 0.25
    assert UniformChannel(correlation=0.25) != UniformChannel() == UniformChannel(correlation=1)
