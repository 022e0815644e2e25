"""Scenario: presets, readings of the paper, how slots are drawn, bad input, TOML."""

import copy
import math
import os
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import kstest
from strategies import ranges, scenarios

from mec_gym import Instance, Scenario
from mec_gym.channels import PathLossChannel

FIELDS = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
FIELDS += ("bandwidth_hz", "tx_power_w", "noise_w")


def assert_same_slots(one, other):
    assert one.arrays().keys() == other.arrays().keys() >= set(FIELDS)
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, getattr(other, name), strict=True)


def test_the_presets_are_those_of_the_contract():
    names = {"paper", "paper-varied", "paper-frequency", "paper-complexity"}
    names |= {"slack", "large", "city", "online", "online-slack", "fast-fading"}
    assert names <= set(Scenario.presets())


def test_the_default_is_the_preset_paper():
    assert Scenario() == Scenario.preset("paper")


def test_the_preset_paper_holds_the_numbers_of_sec_iv_a():
    paper = Scenario.preset("paper")
    assert (paper.num_devices, paper.num_servers, paper.capacity) == (9, 3, 3)
    assert paper.task_bits == (200e3, 500e3)
    assert paper.task_cycles == (5e8, 2e9)
    assert paper.server_hz == (5e9, 9e9)
    assert paper.bandwidth_hz == 1e6
    assert paper.tx_power_w == 0.1
    assert paper.channel.gain == (0.5, 2.0)
    assert paper.noise_psd == 1e-9


@pytest.mark.parametrize(
    ("name", "shape", "capacity", "servers"),
    [
        ("paper", (9, 3), 3, "fixed"),
        ("paper-varied", (9, 3), 3, "per-slot"),
        ("slack", (9, 3), 5, "per-slot"),
        ("large", (50, 5), 10, "per-slot"),
        ("city", (1000, 50), 20, "per-slot"),
        ("online", (9, 3), 3, "per-slot"),
        ("online-slack", (9, 3), 5, "per-slot"),
        ("fast-fading", (9, 3), 3, "fixed"),
    ],
)
def test_a_preset_has_the_size_of_the_contract(name, shape, capacity, servers):
    scenario = Scenario.preset(name)
    assert (scenario.num_devices, scenario.num_servers) == shape
    assert (scenario.capacity, scenario.servers) == (capacity, servers)


@pytest.mark.parametrize(
    ("online", "offline"), [("online", "paper-varied"), ("online-slack", "slack")]
)
def test_an_online_preset_is_another_whose_devices_come_into_sight_one_by_one(online, offline):
    assert Scenario.preset(online) == Scenario.preset(offline, lookahead=0)
    assert Scenario.preset(offline).lookahead is None
    assert_same_slots(Scenario.preset(online).sample(3, 0), Scenario.preset(offline).sample(3, 0))


@pytest.mark.parametrize("name", Scenario.presets())
def test_the_label_of_a_preset_is_its_name_and_of_another_lookahead_custom(name):
    scenario = Scenario.preset(name)
    assert scenario.label == name
    assert scenario.replace(lookahead=3).label == "custom"


def test_a_toml_file_that_may_never_end_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "scenario.toml"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ValueError, match=f"{path}: it is longer than 1,048,576 bytes"):
        Scenario.from_toml(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path}: it is not a file"):
        Scenario.from_toml(path)


@pytest.mark.parametrize("lookahead", [None, 0, 4])
def test_lookahead_reads_back_from_toml_and_is_left_out_where_all_is_seen(tmp_path, lookahead):
    scenario = Scenario(lookahead=lookahead)
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert Scenario.from_toml(path) == scenario
    assert Scenario.from_toml(path).lookahead == lookahead
    assert ("lookahead" in scenario.to_toml()) == (lookahead is not None)
    assert Scenario(lookahead=2).replace(lookahead=lookahead) == scenario


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


# A scenario is a value.


@given(scenarios())
def test_a_scenario_reads_back_from_its_toml_equal(tmp_path_factory, scenario):
    path = tmp_path_factory.mktemp("toml") / "scenario.toml"
    path.write_text(scenario.to_toml(), encoding="utf-8")
    read = Scenario.from_toml(path)
    assert read == scenario
    assert_same_slots(read.sample(2, 0), scenario.sample(2, 0))


@pytest.mark.parametrize("name", Scenario.presets())
def test_every_preset_reads_back_from_its_toml_equal(tmp_path, name):
    path = tmp_path / "scenario.toml"
    path.write_text(Scenario.preset(name).to_toml(), encoding="utf-8")
    assert Scenario.from_toml(path) == Scenario.preset(name)


@pytest.mark.parametrize("channel", [{"kind": "uniform", "gain": 0.9}, {"kind": "path-loss"}])
def test_toml_names_the_kind_of_channel(tmp_path, channel):
    scenario = Scenario(channel=channel)
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml())
    assert f'kind = "{channel["kind"]}"' in scenario.to_toml()
    assert Scenario.from_toml(path) == scenario


def test_a_scenario_written_by_hand_needs_only_what_differs(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'num_devices = 4\nnum_servers = 2\nservers = "listed"\nserver_hz = [5e9, 6e9]\n'
        'cycles_per_bit = [500, 1000]\n[channel]\nkind = "path-loss"\nside_m = 200\n'
    )
    assert Scenario.from_toml(path) == Scenario(
        num_devices=4,
        num_servers=2,
        servers="listed",
        server_hz=(5e9, 6e9),
        cycles_per_bit=(500.0, 1000.0),
        channel=PathLossChannel(side_m=200.0),
    )


def test_scenarios_stay_comparable_after_they_have_drawn():
    one, other = Scenario(), Scenario()
    one.sample(1, 0)
    other.sample(1, 0)
    assert one == other
    assert one != Scenario(capacity=4)
    assert hash(one) == hash(other)


def test_copies_of_a_scenario_that_has_drawn_equal_it():
    scenario = Scenario()
    scenario.sample(1, 0)
    assert copy.deepcopy(scenario) == scenario
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_the_deployment_cannot_be_written_to():
    scenario = Scenario()
    with pytest.raises(ValueError, match="read-only"):
        scenario.deployment_hz[0] = 1.0


def test_replace_swaps_one_form_of_a_quantity_for_the_other_however_the_scenario_was_made(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(Scenario().to_toml())
    for scenario in (Scenario(), Scenario.from_toml(path)):
        changed = scenario.replace(task_cycles=None, cycles_per_bit=750.0)
        assert changed == Scenario.preset("paper-complexity")
        assert scenario.replace(noise_psd=None, noise_w=1e-3) == Scenario(noise_w=1e-3)
        assert scenario.replace(capacity=4) == Scenario(capacity=4)


def test_a_preset_with_changes_is_checked():
    assert Scenario.preset("slack", capacity=4).capacity == 4
    with pytest.raises(ValueError, match="capacity"):
        Scenario.preset("large", capacity=9)


# Bad input.


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"num_devices": 10}, r"^capacity: .*9 of 10 devices; raise capacity or lower num_devices"),
        ({"capacity": (3, 3, 2)}, r"^capacity: .*8 of 9 devices; raise capacity"),
        ({"num_devices": 0}, "^num_devices: .*0"),
        ({"num_devices": -3}, "^num_devices: .*-3"),
        ({"num_devices": 2.5}, "^num_devices: .*2.5"),
        ({"num_servers": 0}, "^num_servers: .*0"),
        ({"capacity": -1}, "^capacity: .*-1"),
        ({"capacity": 2.5}, "^capacity: .*2.5"),
        ({"capacity": math.nan}, "^capacity: .*nan"),
        ({"capacity": (5, 5)}, "^capacity: 2 .*3"),
        ({"capacity": ()}, "^capacity: 0 .*3"),
        ({"task_bits": 0}, "^task_bits: .*0"),
        ({"task_bits": -1.0}, "^task_bits: .*-1"),
        ({"task_bits": math.nan}, "^task_bits: .*nan"),
        ({"task_bits": math.inf}, "^task_bits: .*inf"),
        ({"task_bits": (5e5, 2e5)}, "^task_bits: .*500000.*200000.*low must be below high"),
        ({"task_bits": (3e5, 3e5)}, "^task_bits: .*empty"),
        ({"task_bits": (0, 3e5)}, "^task_bits: .*0"),
        ({"task_bits": (1e5, math.inf)}, "^task_bits: .*inf"),
        ({"task_cycles": (2e9, 5e8)}, "^task_cycles: .*low must be below high"),
        ({"task_cycles": None}, "task_cycles, cycles_per_bit: give one"),
        ({"task_cycles": 1e9, "cycles_per_bit": 5.0}, "task_cycles, cycles_per_bit: .*not both"),
        ({"cycles_per_bit": 0}, "^cycles_per_bit: .*0"),
        ({"server_hz": (9e9, 5e9)}, "^server_hz: .*low below high"),
        ({"server_hz": (5e9, 6e9, 7e9)}, "^server_hz: .*servers='listed'"),
        ({"server_hz": 0}, "^server_hz: .*0"),
        ({"servers": "listed"}, "^server_hz: 2 .*3"),
        ({"servers": "listed", "server_hz": 5e9}, "^server_hz: .*list"),
        ({"servers": "listed", "server_hz": (5e9, 6e9, math.nan)}, "^server_hz: .*nan"),
        ({"servers": "sometimes"}, "^servers: .*'per-slot'.*sometimes"),
        ({"server_seed": -1}, "^server_seed: .*-1"),
        ({"bandwidth_hz": 0}, "^bandwidth_hz: .*0"),
        ({"bandwidth_hz": math.nan}, "^bandwidth_hz: .*nan"),
        ({"bandwidth_sharing": "some"}, "^bandwidth_sharing: .*'equal'.*some"),
        ({"tx_power_w": -0.1}, "^tx_power_w: .*-0.1"),
        ({"tx_power_w": (0.1, 0.2)}, "^tx_power_w: 2 .*9"),
        ({"noise_psd": 0}, "^noise_psd: .*0"),
        ({"noise_psd": None}, "noise_psd, noise_w: give one"),
        ({"noise_psd": 1e-9, "noise_w": 1e-3}, "noise_psd, noise_w: .*not both"),
        ({"noise_w": math.inf}, "^noise_w: .*inf"),
        ({"lookahead": -1}, "^lookahead: .*-1"),
        ({"lookahead": 1.5}, "^lookahead: .*1.5"),
        ({"lookahead": "all"}, "^lookahead: .*all"),
        ({"num_device": 9}, "^num_device: no such field"),
    ],
)
def test_a_bad_field_gets_one_line_with_its_name_value_and_remedy(changes, says):
    with pytest.raises(ValueError, match=says) as caught:
        Scenario(**changes)
    assert "\n" not in str(caught.value)


def test_whole_numbers_of_numpy_are_numbers():
    # Sweeps are written with np.arange and np.linspace.
    assert Scenario(num_devices=np.int64(6)).num_devices == 6
    assert Scenario(server_hz=np.float64(5e9)).server_hz == 5e9
    assert Scenario(capacity=np.int64(4)).capacity == 4


@pytest.mark.parametrize("name", ["papper", "", None, 3])
def test_an_unknown_preset_is_refused_with_the_names_there_are(name):
    with pytest.raises(ValueError, match=r"scenario: .*paper-complexity") as caught:
        Scenario.preset(name)
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_a_bad_count_or_seed_is_refused_by_name_and_value(n, seed):
    with pytest.raises(ValueError, match=rf"n: {n}, seed: {seed}"):
        Scenario().sample(n, seed)


def changed(instance, **changes):
    return Instance(**({name: getattr(instance, name) for name in FIELDS} | changes))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda slot: {"gain": slot.gain * 4}, "gain .*2;"),
        (lambda slot: {"gain": slot.gain / 4}, "gain .*0.5"),
        (lambda slot: {"task_bits": slot.task_bits * 3}, "task_bits"),
        (lambda slot: {"task_cycles": slot.task_cycles / 5}, "task_cycles"),
        (lambda slot: {"capacity": slot.capacity + 1}, "capacity"),
    ],
)
def test_a_slot_out_of_the_scenarios_law_does_not_fit(change, says):
    slot = Scenario().sample(1, 0)[0]
    with pytest.raises(ValueError, match=f"^instance: .*{says}"):
        Scenario().check(changed(slot, **change(slot)))


# Gains that change within a slot.

FAST = Scenario.preset("fast-fading")


def test_the_preset_fast_fading_is_the_paper_with_independent_gains_at_each_step():
    assert Scenario(channel={"kind": "uniform", "correlation": 0.0}) == FAST
    assert FAST.channel.gain == Scenario().channel.gain
    assert (FAST.num_steps, FAST.num_gains) == (9, 243)
    assert (Scenario().num_steps, Scenario().num_gains) == (1, 27)


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


@pytest.mark.parametrize(
    ("scenario", "hides"),
    [
        (Scenario(), False),
        (FAST, True),
        (Scenario.preset("online"), True),
        (Scenario(lookahead=8), False),
        (FAST.replace(lookahead=8), True),
        (Scenario(channel={"kind": "path-loss", "correlation": 0.99}, noise_psd=4e-21), True),
    ],
)
def test_the_future_is_hidden_where_tasks_are_or_where_gains_change(scenario, hides):
    assert scenario.hides_future == hides


def test_changing_gains_that_would_take_too_much_are_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"^channel.correlation: 50,000,000 .*10,000,000.*lower num_devices"
    ) as caught:
        Scenario.preset("city", channel={"kind": "uniform", "correlation": 0.5})
    assert "\n" not in str(caught.value)
    Scenario(num_devices=1000, num_servers=10, capacity=100, channel=FAST.channel)


def test_changing_slots_do_not_fit_a_scenario_whose_gains_are_constant():
    with pytest.raises(ValueError, match=r"^instance: .*step_gain.*correlation below 1"):
        Scenario().check(FAST.sample(2, 0))
    FAST.check(Scenario().sample(2, 0))  # constant is one way to change
    FAST.replace(channel={"kind": "uniform", "correlation": 0.5}).check(FAST.sample(2, 0))


def test_gains_that_leave_the_range_at_some_step_do_not_fit():
    arrays = FAST.sample(2, 0).arrays()
    for value, says in ((0.4, "0.4"), (2.1, "2.1")):
        step_gain = arrays["step_gain"].copy()
        step_gain[1, 0, 5, 2] = value
        with pytest.raises(ValueError, match=rf"^instance: step_gain goes .*{says}.*0.5 to 2;"):
            FAST.check(Instance(**(arrays | {"step_gain": step_gain})))


def test_a_slot_of_another_size_does_not_fit():
    with pytest.raises(ValueError, match=r"^instance: 8 devices x 3 servers .*9 x 3"):
        Scenario().check(Scenario(num_devices=8).sample(1, 0))


@settings(max_examples=10)
@given(scenarios())
def test_presets_and_scenarios_tell_their_derived_quantities(scenario):
    assert scenario.capacities.shape == (scenario.num_servers,)
    assert scenario.capacities.sum() >= scenario.num_devices
    shares = scenario.num_devices if scenario.bandwidth_sharing == "equal" else 1
    assert scenario.device_bandwidth_hz == scenario.bandwidth_hz / shares
