"""Channels uma and umi, against the text of 3GPP TR 38.901 as it is written out here."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm
from strategies import amounts, urban_channels

from mec_gym import Scenario
from mec_gym.channels import UrbanMacroChannel, UrbanMicroChannel, tr38901

STILL = {"shadowing": "none", "fading": "none"}
NAMES = {UrbanMacroChannel: "uma", UrbanMicroChannel: "umi"}
KINDS = list(NAMES)
HEIGHT = {"uma": 25.0, "umi": 10.0}
DEVIATIONS = {"uma": (4.0, 6.0, 7.0), "umi": (4.0, 7.82, 7.0)}


def path_loss(kind, state, apart, ghz, site=None, device=1.5):
    """Table 7.4.1-1 for one link, branch by branch, in natural logarithms."""
    site = HEIGHT[kind] if site is None else site

    def lg(x):
        return math.log(x) / math.log(10)

    rise = site - device
    d3d = math.sqrt(apart * apart + rise * rise)
    bend = 4 * (site - 1.0) * (device - 1.0) * (ghz * 1e9) / 3.0e8
    if kind == "uma":
        if apart <= bend:
            free = 28.0 + 22 * lg(d3d) + 20 * lg(ghz)
        else:
            free = 28.0 + 40 * lg(d3d) + 20 * lg(ghz) - 9 * lg(bend**2 + rise**2)
        dark = 13.54 + 39.08 * lg(d3d) + 20 * lg(ghz) - 0.6 * (device - 1.5)
    else:
        if apart <= bend:
            free = 32.4 + 21 * lg(d3d) + 20 * lg(ghz)
        else:
            free = 32.4 + 40 * lg(d3d) + 20 * lg(ghz) - 9.5 * lg(bend**2 + rise**2)
        dark = 35.3 * lg(d3d) + 22.4 + 21.3 * lg(ghz) - 0.3 * (device - 1.5)
    return free if state == "los" else max(free, dark)


def los_probability(kind, outdoor):
    """Table 7.4.2-1 for devices of up to 13 m."""
    if outdoor <= 18:
        return 1.0
    seen = 18 / outdoor
    decay = {"uma": 63, "umi": 36}[kind]
    return seen + math.exp(-outdoor / decay) * (1 - seen)


def gains(channel, num_devices, num_servers, n=1, seed=0):
    """Gains of n slots, (n, M, N)."""
    unit = np.random.default_rng(seed).random((n, channel.num_uniforms(num_devices, num_servers)))
    return channel.draw(unit, num_devices, num_servers)[:, 0]


def losses_at(kind, apart, n, num_devices=1, seed=0, **fields):
    """The loss in dB of devices that stand so far from one site, (n, M)."""
    channel = kind(server_positions_m=((0.0, 0.0),), device_positions_m=((apart, 0.0),), **fields)
    return -10 * np.log10(gains(channel, num_devices, 1, n, seed)[..., 0])


@pytest.mark.parametrize("ghz", [0.5, 2.0, 3.5, 28.0, 100.0])
@pytest.mark.parametrize("kind", ["uma", "umi"])
@given(apart=amounts(10, 8e3), site=amounts(2, 150), device=amounts(1.5, 13))
def test_path_loss_is_that_of_the_tr(kind, ghz, apart, site, device):
    environment = {"uma": tr38901.UMA, "umi": tr38901.UMI}[kind]
    given = np.array([apart]), ghz, site, device
    for state, found in zip(("los", "nlos"), environment.losses_db(*given), strict=True):
        expected = path_loss(kind, state, apart, ghz, site, device)
        assert found.item() == pytest.approx(expected, abs=1e-8)
    assert environment.sight(np.array([apart]))[0] == pytest.approx(
        los_probability(kind, apart), abs=1e-12
    )


@pytest.mark.parametrize(
    ("environment", "state", "apart", "ghz", "site", "db"),
    [
        # By hand: d3D of 100 m and 23.5 m is 102.724 m, lg 2.01167; lg 3.5 is 0.54407.
        (tr38901.UMA, 0, 100.0, 3.5, 25.0, 28 + 44.2568 + 10.8814),
        (tr38901.UMA, 1, 100.0, 3.5, 25.0, 13.54 + 78.6162 + 10.8814),
        # d3D of 100 m and 8.5 m is 100.3606 m, lg 2.001563.
        (tr38901.UMI, 0, 100.0, 3.5, 10.0, 32.4 + 42.0328 + 10.8814),
        (tr38901.UMI, 1, 100.0, 3.5, 10.0, 22.4 + 70.6552 + 11.5887),
    ],
)
def test_path_loss_by_hand(environment, state, apart, ghz, site, db):
    assert environment.losses_db(np.array(apart), ghz, site, 1.5)[state] == pytest.approx(
        db, abs=1e-3
    )


def test_the_breakpoint_is_where_both_branches_meet():
    # 4 x 24 m x 0.5 m x 3.5 GHz / 3e8 m/s
    assert tr38901.breakpoint_m(3.5, 25.0, 1.5) == pytest.approx(560.0)
    assert tr38901.breakpoint_m(3.5, 10.0, 1.5) == pytest.approx(210.0)
    for environment, site, at in ((tr38901.UMA, 25.0, 560.0), (tr38901.UMI, 10.0, 210.0)):
        below, above = environment.losses_db(np.array([at, at * (1 + 1e-12)]), 3.5, site, 1.5)[0]
        assert above == pytest.approx(below, abs=1e-9)
        near, far = environment.losses_db(np.array([10 * at, 20 * at]), 3.5, site, 1.5)[0]
        assert far - near == pytest.approx(40 * math.log10(2), abs=0.01)


@pytest.mark.parametrize(("ghz", "db"), [(3.5, 12.6975), (28.0, 17.8288)])
def test_a_wall_of_glass_and_concrete_loses_what_the_tr_says(ghz, db):
    powers = 0.3 / 10 ** ((2 + 0.2 * ghz) / 10), 0.7 / 10 ** ((5 + 4 * ghz) / 10)
    assert tr38901.wall_db(ghz) == pytest.approx(5 + 10 * math.log10(1 / sum(powers)), abs=1e-12)
    assert tr38901.wall_db(ghz) == pytest.approx(db, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("apart", [3.0, 10.0, 60.0, 250.0, 900.0])
def test_a_still_link_has_one_of_two_losses_each_as_often_as_the_tr_says(kind, apart):
    name = NAMES[kind]
    counted = max(apart, 10.0)
    loss = losses_at(kind, apart, 4000, **STILL)[:, 0]
    with_sight, without = (path_loss(name, state, counted, 3.5) for state in ("los", "nlos"))
    seen = np.abs(loss - with_sight) < 1e-9
    assert (seen | (np.abs(loss - without) < 1e-9)).all()
    share = los_probability(name, counted)
    assert seen.mean() == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 4000) + 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_up_to_18_m_a_site_is_in_sight_whatever_is_drawn(kind):
    places = {"server_positions_m": ((0.0, 0.0),), "device_positions_m": ((18.0, 0.0),)}
    channel = kind(**places, **STILL)
    unit = np.full(channel.num_uniforms(3, 1), 1 - 2**-53)
    expected = path_loss(NAMES[kind], "los", 18.0, 3.5)
    assert -10 * np.log10(channel.draw(unit, 3, 1)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_antennas_add_their_gain_and_heights_and_carrier_are_those_given(kind):
    name = NAMES[kind]
    given = {"carrier_ghz": 28.0, "site_height_m": 20.0, "device_height_m": 5.0}
    loss = losses_at(kind, 12.0, 1, site_gain_db=8.0, device_gain_db=-3.0, **given, **STILL)
    expected = path_loss(name, "los", 12.0, 28.0, 20.0, 5.0) - 5.0
    assert loss.item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_without_shadowing_rises_with_distance_in_either_state(kind):
    apart = np.geomspace(10, 1e4, 500)
    for loss in kind.environment.losses_db(apart, 3.5, 25.0, 1.5):
        assert all(near < far for near, far in itertools.pairwise(loss))


@pytest.mark.parametrize("kind", KINDS)
def test_shadowing_is_normal_with_the_deviation_of_its_state_cut_off_at_three(kind):
    name = NAMES[kind]
    with_sight, without, inside = DEVIATIONS[name]
    near = losses_at(kind, 15.0, 4000, fading="none")[:, 0]  # always in sight
    sigmas = (near - path_loss(name, "los", 15.0, 3.5)) / with_sight
    assert np.abs(sigmas).max() <= 3 + 1e-9
    assert kstest(sigmas, norm.cdf).pvalue > 1e-3
    far = losses_at(kind, 4000.0, 4000, fading="none")[:, 0]  # never, but for 1 in 200
    sigmas = (far - path_loss(name, "nlos", 4000.0, 3.5)) / without
    assert np.percentile(sigmas, [15.87, 50, 84.13]) == pytest.approx([-1, 0, 1], abs=0.12)
    # Indoors 15 m from the site: sight, the wall, and what is drawn of way and spread.
    still = {"indoor_share": 1.0, "fading": "none"}
    within = losses_at(kind, 15.0, 8000, **still)[:, 0]
    bare = losses_at(kind, 15.0, 8000, shadowing="none", **still)[:, 0]  # of the same numbers
    assert (within - bare).std() == pytest.approx(inside, rel=0.05)
    assert kstest((within - bare) / inside, norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_indoors_is_the_lesser_of_two_draws_and_the_wall_has_its_spread(kind):
    name = NAMES[kind]
    loss = losses_at(kind, 15.0, 20000, indoor_share=1.0, **STILL)[:, 0]
    extra = loss - path_loss(name, "los", 15.0, 3.5) - tr38901.wall_db(3.5)
    rng = np.random.default_rng(5)
    lesser = rng.uniform(0, 25, (2, 200000)).min(axis=0)
    expected = 0.5 * lesser + rng.normal(0, 4.4, 200000)
    assert extra.mean() == pytest.approx(25 / 6, abs=0.2)  # the mean of the lesser is 25 / 3
    assert np.percentile(extra, [5, 25, 50, 75, 95]) == pytest.approx(
        np.percentile(expected, [5, 25, 50, 75, 95]), abs=0.3
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_as_many_devices_are_indoors_as_said(share):
    # A wall at 100 GHz loses at least 19 dB more than the spread can give back.
    loss = losses_at(UrbanMicroChannel, 15.0, 5000, carrier_ghz=100.0, indoor_share=share, **STILL)
    outdoors = np.abs(loss - path_loss("umi", "los", 15.0, 100.0)) < 1e-9
    assert 1 - outdoors.mean() == pytest.approx(
        share, abs=5 * math.sqrt(0.25 / 5000) * (0 < share < 1)
    )


def test_indoors_all_sites_lose_the_same_to_the_wall():
    sites = ((0.0, 0.0), (20.0, 0.0))  # both 10 m from the device: always in sight
    still = {"server_positions_m": sites, "device_positions_m": ((10.0, 0.0),), **STILL}
    drawn = gains(UrbanMicroChannel(indoor_share=1.0, **still), 3, 2, n=50)
    np.testing.assert_allclose(drawn[..., 0], drawn[..., 1], rtol=1e-12)
    assert len(np.unique(np.round(np.log10(drawn[..., 0]), 9))) == 150


def test_sight_goes_by_the_way_outdoors_where_a_device_is_indoors():
    # 40 m away and up to 25 m indoors: seen more often than 40 m outdoors.
    loss = losses_at(UrbanMicroChannel, 40.0, 20000, indoor_share=1.0, **STILL)[:, 0]
    rng = np.random.default_rng(3)
    lesser = rng.uniform(0, 25, (2, 20000)).min(axis=0)
    share = np.mean([los_probability("umi", 40.0 - way) for way in lesser])
    with_sight, without = (path_loss("umi", state, 40.0, 3.5) for state in ("los", "nlos"))
    inside = tr38901.wall_db(3.5) + 25 / 6
    expected = share * with_sight + (1 - share) * without + inside
    assert loss.mean() == pytest.approx(expected, abs=0.25)
    assert share > los_probability("umi", 40.0) + 0.03


@pytest.mark.parametrize(("kind", "without"), [("uma", 50), ("umi", 13)])
@pytest.mark.parametrize("num_devices", [2, 130])
def test_devices_near_each_other_see_shadowing_that_is_alike(kind, without, num_devices):
    # Two places on the circle of 500 m round the site; drawn with a device's first number, each is
    # taken by some of the devices.
    cls = {"uma": UrbanMacroChannel, "umi": UrbanMicroChannel}[kind]
    for gap in (0.3, 1.0):
        angle = 2 * math.asin(gap * without / 1000)
        places = ((500.0, 0.0), (500 * math.cos(angle), 500 * math.sin(angle)))
        channel = cls(
            server_positions_m=((0.0, 0.0),) * 20, device_positions_m=places, fading="none"
        )
        rng = np.random.default_rng(1)
        n = 400 if num_devices == 2 else 60
        unit = rng.random((n, channel.num_uniforms(num_devices, 20)))
        unit[:, 0], unit[:, 2] = 0.0, 0.9  # the first two devices stand at one each
        loss = -10 * np.log10(channel.draw(unit, num_devices, 20)[:, 0, :2])
        bare = channel.replace(shadowing="none").draw(unit, num_devices, 20)[:, 0, :2]
        blocked = (-10 * np.log10(bare) > path_loss(kind, "nlos", 500.0, 3.5) - 1e-6).all(axis=1)
        pairs = loss.transpose(0, 2, 1)[blocked]
        found = np.corrcoef(pairs.T)[0, 1]
        assert found == pytest.approx(math.exp(-gap), abs=0.06)


def test_devices_near_each_other_see_a_site_together():
    # At 80 m of UMi's site: 50 m is the correlation distance of sight, so 1 m apart nearly always.
    for apart, alike in ((1.0, True), (160.0, False)):
        angle = 2 * math.asin(min(apart / 160, 1.0))
        places = ((80.0, 0.0), (80 * math.cos(angle), 80 * math.sin(angle)))
        channel = UrbanMicroChannel(
            server_positions_m=((0.0, 0.0),), device_positions_m=places, **STILL
        )
        unit = np.random.default_rng(2).random((4000, channel.num_uniforms(2, 1)))
        unit[:, 0], unit[:, 2] = 0.0, 0.9
        seen = channel.draw(unit, 2, 1)[:, 0, :, 0]
        seen = seen > math.sqrt(seen.min() * seen.max())
        share = los_probability("umi", 80.0)
        assert seen.mean(axis=0) == pytest.approx([share, share], abs=0.05)
        differ = (seen[:, 0] != seen[:, 1]).mean()
        if alike:
            assert differ < 0.1
        else:
            assert differ == pytest.approx(2 * share * (1 - share), abs=0.06)


def test_links_to_different_sites_are_independent():
    channel = UrbanMacroChannel(
        server_positions_m=((0.0, 0.0),) * 2, device_positions_m=((14.0, 0.0),), fading="none"
    )
    loss = -10 * np.log10(gains(channel, 1, 2, n=4000)[:, 0])
    assert abs(np.corrcoef(loss.T)[0, 1]) < 0.08


@settings(max_examples=30)
@given(st.data(), st.integers(0, 2**32))
def test_the_ends_of_the_numbers_and_large_slots_keep_within_gain_range(data, seed):
    channel = data.draw(urban_channels(3))
    low, high = channel.gain_range
    rng = np.random.default_rng(seed)
    for num_devices in (2, 140):
        unit = rng.random((2, channel.num_uniforms(num_devices, 3)))
        ends = rng.random(unit.shape)
        unit[ends < 0.1], unit[ends > 0.9] = 0.0, 1 - 2**-53
        gain = channel.draw(unit, num_devices, 3)
        assert np.isfinite(gain).all()
        assert (gain >= low * (1 - 1e-9)).all()
        assert (gain <= high * (1 + 1e-9)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_devices", [1, 9, 128, 129, 300])
def test_a_slot_is_the_same_beside_others_as_alone(kind, num_devices):
    channel = kind(indoor_share=0.5, side_m=800.0)
    unit = np.random.default_rng(4).random((30, channel.num_uniforms(num_devices, 4)))
    block = channel.draw(unit, num_devices, 4)
    for row in range(30):
        np.testing.assert_array_equal(block[row], channel.draw(unit[row], num_devices, 4))
        alone = channel.draw(unit[row : row + 1], num_devices, 4)[0]
        np.testing.assert_array_equal(block[row], alone)


def test_more_devices_indoors_changes_none_that_were():
    unit = np.random.default_rng(0).random((20, UrbanMacroChannel().num_uniforms(9, 3)))
    some = UrbanMacroChannel(indoor_share=0.4).draw(unit, 9, 3)
    more = UrbanMacroChannel(indoor_share=0.6).draw(unit, 9, 3)
    none = UrbanMacroChannel().draw(unit, 9, 3)
    inside = (some != none).all(axis=-1)
    assert 0.2 < inside.mean() < 0.6
    np.testing.assert_array_equal(more[inside], some[inside])


def test_distances_are_horizontal_and_gains_are_mapped_in_db():
    channel = UrbanMacroChannel(
        server_positions_m=((0.0, 0.0),), device_positions_m=((30.0, 40.0),)
    )
    unit = np.zeros((1, channel.num_uniforms(1, 1)))
    assert channel.distances(unit, 1, 1).item() == 50.0
    low, high = channel.gain_range
    middle = np.array([low, math.sqrt(low * high), high])
    np.testing.assert_allclose(channel.to_unit(middle), [0, 0.5, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"carrier_ghz": 0.4}, UrbanMacroChannel),
        ({"carrier_ghz": 101}, UrbanMacroChannel),
        ({"carrier_ghz": math.nan}, UrbanMicroChannel),
        ({"site_height_m": 1.0}, UrbanMicroChannel),
        ({"device_height_m": 1.0}, UrbanMicroChannel),
        ({"device_height_m": 13.5}, UrbanMacroChannel),  # its h_E would have to be drawn
        ({"device_height_m": 23.0}, UrbanMicroChannel),
        ({"indoor_share": 1.1}, UrbanMicroChannel),
        ({"indoor_share": -0.1}, UrbanMicroChannel),
        ({"site_gain_db": math.inf}, UrbanMacroChannel),
        ({"noise_figure_db": -1.0}, UrbanMacroChannel),
        ({"shadowing": "some"}, UrbanMacroChannel),
        ({"side_m": 1e300}, UrbanMacroChannel),
        ({"correlation": 0.5, "fading": "none"}, UrbanMacroChannel),
    ],
)
def test_a_bad_field_is_refused_by_name_in_one_line(changes, kind):
    with pytest.raises(ValueError, match=f"^{next(iter(changes))}") as caught:
        kind(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["uma", "umi"])
def test_coverage_goes_by_the_horizontal_distance(kind):
    scenario = Scenario(
        channel={"kind": kind, "side_m": 300.0}, coverage_m=120.0, drop_penalty_s=5.0
    )
    slots = scenario.sample(20, 0, places=True)
    apart = np.linalg.norm(
        slots.device_places_m[:, :, None] - slots.server_places_m[..., None, :, :], axis=-1
    )
    np.testing.assert_array_equal(slots.covered, apart <= 120.0)
    assert 0 < slots.covered.mean() < 1
