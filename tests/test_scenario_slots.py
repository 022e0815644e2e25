"""Scenario: the slots that are drawn, by the paper's numbers and by statistics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kstest
from slots import assert_same_slots
from strategies import ranges, scenarios

from mec_gym import Instance, Scenario


@given(ranges(1e4, 1e6), ranges(1e7, 1e10), st.booleans())
def test_the_mean_root_of_the_work_is_that_of_numeric_integration(bits, work, by_bit):
    def mean_root(limits):
        if not isinstance(limits, tuple):
            return math.sqrt(limits)
        return quad(math.sqrt, *limits, epsrel=1e-12)[0] / (limits[1] - limits[0])

    if by_bit:
        work = tuple(end / 1e4 for end in work) if isinstance(work, tuple) else work / 1e4
        scenario = Scenario(task_bits=bits, cycles_per_bit=work)
        expected = mean_root(bits) * mean_root(work)
    else:
        scenario = Scenario(task_bits=bits, task_cycles=work)
        expected = mean_root(work)
    # Of a narrow range the integral over the width loses digits.
    assert scenario.mean_sqrt_cycles == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "work",
    [{}, {"task_cycles": 9e8}, {"cycles_per_bit": (100.0, 5000.0)}, {"cycles_per_bit": 750.0}],
)
def test_the_mean_root_of_the_work_is_that_of_many_tasks(work):
    scenario = Scenario(**work)
    roots = np.sqrt(scenario.sample(20_000, 0).task_cycles)
    # 180000 tasks: five standard errors.
    allowed = 5 * roots.std() / math.sqrt(roots.size) + 1e-9 * roots.mean()
    assert abs(scenario.mean_sqrt_cycles - roots.mean()) < allowed


@pytest.mark.parametrize(
    "work",
    [{}, {"task_cycles": 9e8}, {"cycles_per_bit": (100.0, 5000.0)}, {"cycles_per_bit": 750.0}],
)
def test_the_quantiles_of_the_work_are_those_of_many_tasks(work):
    scenario = Scenario(**work)
    cycles = np.sort(scenario.sample(20_000, 0).task_cycles, axis=None)
    quantiles = scenario.cycles_quantiles(64)
    allowed = 5 * cycles.std() / math.sqrt(cycles.size) + 1e-3 * cycles.std()
    assert abs(quantiles.mean() - cycles.mean()) <= allowed
    assert quantiles.shape == (64,)
    assert (np.diff(quantiles) >= 0).all()
    if np.ptp(cycles) == 0:
        assert (quantiles == cycles[0]).all()
        return
    share_below = np.searchsorted(cycles, quantiles) / cycles.size
    np.testing.assert_allclose(share_below, (np.arange(64) + 0.5) / 64, atol=0.005)


@pytest.mark.parametrize("name", Scenario.presets())
def test_every_preset_samples_slots_within_its_own_ranges_and_fits_itself(name):
    scenario = Scenario.preset(name)
    slots = scenario.sample(2, 0)
    assert slots.gain.shape == (2, scenario.num_devices, scenario.num_servers)
    slots.require_feasible()
    scenario.check(slots)
    scenario.check(slots[0])


def test_fig_4_has_homogeneous_servers_of_a_frequency_that_is_a_field():
    for hz in (5e9, 10e9):
        slots = Scenario.preset("paper-frequency", server_hz=hz).sample(3, 0)
        assert (slots.server_hz == hz).all()
    assert (Scenario.preset("paper-frequency").sample(1, 0).server_hz == 5e9).all()


def test_fig_5_has_cycles_that_are_bits_times_complexity_and_heterogeneous_servers():
    slots = Scenario.preset("paper-complexity", cycles_per_bit=500.0).sample(3, 0)
    np.testing.assert_allclose(slots.task_cycles, 500 * slots.task_bits, rtol=1e-15)
    assert len(np.unique(slots.server_hz[0])) == 3


def test_a_range_of_complexity_is_drawn_for_each_device():
    scenario = Scenario(cycles_per_bit=(500.0, 1000.0))
    ratio = scenario.sample(500, 1)
    ratio = ratio.task_cycles / ratio.task_bits
    assert kstest(ratio.ravel(), "uniform", args=(500, 500)).pvalue > 1e-3
    assert scenario.task_cycles_range == (2e5 * 500, 5e5 * 1000)


# Readings of what the paper leaves open (NOTES.md), by hand.


def one_slot(**changes):
    return Scenario(**changes).sample(1, 0)[0]


def test_noise_is_density_times_bandwidth_by_default():
    assert Scenario().noise_power_w == pytest.approx(1e-3, rel=1e-12)
    assert one_slot().noise_w == pytest.approx(np.full(9, 1e-3), rel=1e-12)


def test_noise_may_be_given_in_watts():
    slot = one_slot(noise_w=0.1 * 0.7 / 15, channel={"kind": "uniform", "gain": 0.7}, task_bits=4e5)
    # SNR 15: 4 Mbit/s, so 0.1 s.
    np.testing.assert_allclose(slot.tx_delay, 0.1, rtol=1e-12)
    assert Scenario(noise_w=5e-3).noise_psd is None


def test_each_device_has_the_whole_bandwidth_by_default():
    assert Scenario().device_bandwidth_hz == 1e6
    assert (one_slot().bandwidth_hz == 1e6).all()


def test_bandwidth_may_be_shared_equally_and_takes_its_noise_with_it():
    scenario = Scenario(bandwidth_sharing="equal", channel={"kind": "uniform", "gain": 0.7})
    slot = scenario.sample(1, 0)[0]
    np.testing.assert_allclose(slot.bandwidth_hz, 1e6 / 9, rtol=1e-12)
    np.testing.assert_allclose(slot.noise_w, 1e-3 / 9, rtol=1e-12)
    # SNR = 0.1 x 0.7 x 9 / 1e-3 = 630; log2(631) = 9.3014958...
    rate = 1e6 / 9 * math.log2(631)
    np.testing.assert_allclose(slot.tx_delay, (slot.task_bits / rate)[:, None].repeat(3, 1))


def test_sharing_the_bandwidth_leaves_a_noise_power_given_in_watts():
    assert (one_slot(bandwidth_sharing="equal", noise_w=2e-3).noise_w == 2e-3).all()


def test_a_kilobit_is_1000_bits():
    assert Scenario().task_bits == (200 * 1000.0, 500 * 1000.0)


def test_power_and_capacity_may_differ_from_one_to_the_next():
    slot = one_slot(num_devices=2, num_servers=2, tx_power_w=(0.1, 0.4), capacity=(0, 2))
    assert slot.tx_power_w.tolist() == [0.1, 0.4]
    assert slot.capacity.tolist() == [0, 2]


def test_listed_servers_are_those_of_the_list_in_every_slot():
    slots = Scenario(servers="listed", server_hz=(7e9, 5e9, 6e9)).sample(4, 9)
    np.testing.assert_array_equal(slots.server_hz, [[7e9, 5e9, 6e9]] * 4)


def test_fixed_servers_are_one_deployment_for_every_seed_of_the_slots():
    scenario = Scenario()
    first = scenario.sample(1, 0).server_hz[0]
    assert (scenario.sample(5, 1).server_hz == first).all()
    assert (Scenario().sample(1, 77).server_hz == first).all()
    assert len(np.unique(first)) == 3
    assert first.min() >= 5e9
    assert first.max() <= 9e9


def test_another_server_seed_is_another_deployment():
    one, other = (Scenario(server_seed=seed).sample(1, 0) for seed in (0, 1))
    assert (one.server_hz != other.server_hz).all()
    np.testing.assert_array_equal(one.gain, other.gain)


def test_servers_per_slot_differ_from_slot_to_slot():
    drawn = Scenario.preset("paper-varied").sample(50, 0).server_hz
    assert len(np.unique(drawn)) == 150


def test_the_deployment_does_not_repeat_the_slots_random_numbers():
    # Slots and servers of the same seed must not share draws.
    scenario = Scenario(server_seed=5)
    slot = scenario.sample(1, 5)[0]
    servers = (slot.server_hz - 5e9) / 4e9
    gains = (slot.gain[0] - 0.5) / 1.5
    assert not np.allclose(servers, gains)


# How slots are drawn.


def test_drawn_quantities_are_uniform_over_their_ranges():
    slots = Scenario.preset("paper-varied").sample(2000, 3)
    for value, low, high in (
        (slots.gain, 0.5, 2.0),
        (slots.task_bits, 2e5, 5e5),
        (slots.task_cycles, 5e8, 2e9),
        (slots.server_hz, 5e9, 9e9),
    ):
        value = value.ravel()
        assert low <= value.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < value.max() <= high
        assert value.mean() == pytest.approx((low + high) / 2, rel=0.02)
        assert kstest(value, "uniform", args=(low, high - low)).pvalue > 1e-3


def test_drawn_quantities_are_independent_of_each_other():
    slots = Scenario.preset("paper-varied").sample(4000, 4)
    columns = [slots.gain.reshape(4000, -1), slots.task_bits, slots.task_cycles, slots.server_hz]
    numbers = np.concatenate(columns, axis=1)
    off_diagonal = np.corrcoef(numbers, rowvar=False) - np.eye(numbers.shape[1])
    # 1128 pairs, standard deviation 1 / sqrt(4000) = 0.016.
    assert np.abs(off_diagonal).max() < 0.08


@given(scenarios(), st.integers(0, 2**32), st.integers(1, 4))
def test_fewer_slots_are_the_first_of_more_bit_for_bit(scenario, seed, k):
    assert_same_slots(scenario.sample(6, seed)[:k], scenario.sample(k, seed))


@given(scenarios(), st.integers(0, 2**32), st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_drawing_in_pieces_gives_the_slots_of_one_draw(scenario, seed, pieces):
    rng = np.random.default_rng(seed)
    whole = scenario.sample(sum(pieces), seed)
    at = 0
    for n in pieces:
        assert_same_slots(scenario.draw(n, rng), whole[at : at + n])
        at += n


@pytest.mark.parametrize("name", Scenario.presets())
def test_the_prefix_property_holds_for_every_preset(name):
    scenario = Scenario.preset(name)
    assert_same_slots(scenario.sample(3, 8)[:2], scenario.sample(2, 8))


def test_another_seed_is_another_slot():
    one, other = (Scenario().sample(1, seed) for seed in (0, 1))
    assert (one.gain != other.gain).all()


@given(scenarios(), st.integers(0, 2**32))
def test_any_valid_scenario_draws_slots_that_fit_it(scenario, seed):
    slots = scenario.sample(3, seed)
    scenario.check(slots)
    slots.require_feasible()
    assert np.isfinite(slots.tx_delay).all()
    ranges = scenario.ranges
    if slots.step_gain is not None:
        ranges["step_gain"] = ranges["gain"]
    for name, (low, high) in ranges.items():
        value = getattr(slots, name)
        assert value.min() >= low * (1 - 1e-12)
        assert value.max() <= high * (1 + 1e-12)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize("kind", ["uniform", "path-loss"])
def test_the_gain_of_a_device_is_that_of_the_step_at_which_it_sends(kind, correlation):
    scenario = Scenario(channel={"kind": kind, "correlation": correlation}, noise_psd=4e-21)
    slots = scenario.sample(4, 1)
    assert slots.step_gain.shape == (4, 9, 9, 3)
    for row in range(4):
        for device in range(9):
            np.testing.assert_array_equal(
                slots.gain[row, device], slots.step_gain[row, device, device]
            )
    assert len(np.unique(slots.step_gain)) == slots.step_gain.size
    assert_same_slots(Instance(**slots.arrays()), slots)  # it stands the checks


def test_what_is_drawn_beside_the_gains_does_not_depend_on_their_correlation():
    def law(correlation):
        drawn = Scenario(channel={"kind": "uniform", "correlation": correlation}).sample(3000, 2)
        return drawn.task_bits[:, 0], drawn.task_cycles[:, 0]

    for name, values in zip(("task_bits", "task_cycles"), law(0.5), strict=True):
        low, high = Scenario().ranges[name]
        assert kstest(values, "uniform", args=(low, high - low)).pvalue > 1e-3


def test_the_gains_of_one_device_have_no_step_at_which_to_change():
    one = Scenario(num_devices=1, channel={"kind": "uniform", "correlation": 0.5})
    slots = one.sample(2, 0)
    assert slots.step_gain is None
    assert not one.hides_future
    one.check(slots)
    one.check(Instance(**(slots.arrays() | {"step_gain": slots.gain[:, None]})))
