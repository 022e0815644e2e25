"""Eqs. (1)-(3), (13) for single numbers, worked by hand."""

import pytest
from oracle import exactly

from mec_gym import equations


@pytest.mark.parametrize(
    ("snr", "bits_per_hz"), [(1, 1), (3, 2), (63, 6), (1023, 10), (0.5, 0.5849625007211562)]
)
def test_eq_1_rate_is_bandwidth_times_log2_of_one_plus_snr(snr, bits_per_hz):
    assert equations.uplink_rate(snr * 1e-3 / 0.1, 2e6, 0.1, 1e-3) == exactly(2e6 * bits_per_hz)


def test_eq_1_with_the_papers_numbers():
    # P h / sigma^2 = 0.1 x 1.0 / 1e-3 = 100; log2(101) = 6.6582114827517955
    assert equations.uplink_rate(1.0, 1e6, 0.1, 1e-3) == exactly(6.6582114827517955e6)


def test_eq_1_keeps_its_digits_far_below_the_noise():
    # log2(1 + x) -> x / ln 2; 1 + 1e-20 would be 1 in floating point.
    assert equations.uplink_rate(1e-20, 1.0, 1.0, 1.0) == exactly(1.4426950408889634e-20)


def test_eq_2_transmission_delay_is_bits_over_rate():
    assert equations.transmission_delay(3e5, 6e6) == exactly(0.05)


def test_eq_3_computation_delay_is_cycles_over_frequency():
    assert equations.computation_delay(1e9, 4e9) == exactly(0.25)


def test_eq_13_bracket_shares_the_server_equally_with_those_before():
    # 0.1 + 9e8 / (4e9 / (1 + 1))
    assert equations.equal_share_delay(0.1, 9e8, 4e9, 1) == exactly(0.55)


def test_rise_in_total_delay_by_hand():
    # On 4 GHz, sqrt(C) = 2e4 then 3e4: (5e4^2 - 2e4^2) / 4e9 = 0.525, and 0.1 to send.
    assert equations.delay_rise(0.1, 3e4, 4e9, 2e4) == exactly(0.625)
