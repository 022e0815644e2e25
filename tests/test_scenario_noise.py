"""The noise of a scenario that gives none: its channel's."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import channels, scenarios

from mec_gym import Scenario, average_delay
from mec_gym.channels import (
    PathLossChannel,
    UniformChannel,
    UrbanMacroChannel,
    UrbanMicroChannel,
)

THERMAL = 3.981e-21
"""-174 dBm/Hz in W/Hz."""

DEFAULTS = [
    (UniformChannel(), 1e-9),
    (PathLossChannel(), THERMAL),
    (PathLossChannel(noise_figure_db=10.0), 10 * THERMAL),
    (UrbanMacroChannel(), THERMAL * math.sqrt(10)),  # 5 dB
    (UrbanMicroChannel(noise_figure_db=0.0), THERMAL),
]


@pytest.mark.parametrize(("channel", "noise_psd"), DEFAULTS)
def test_noise_is_thermal_where_there_are_places_and_the_papers_else(channel, noise_psd):
    assert channel.default_noise_psd == pytest.approx(noise_psd, rel=1e-4)
    for given_as in (channel, channel.model_dump(mode="json")):
        scenario = Scenario(channel=given_as, bandwidth_hz=2e6)
        assert scenario.noise_psd == channel.default_noise_psd
        assert scenario.noise_power_w == pytest.approx(2e6 * noise_psd, rel=1e-4)
        assert scenario.sample(1, 0).noise_w.max() == scenario.noise_power_w


@pytest.mark.parametrize(("channel", "_"), DEFAULTS)
@pytest.mark.parametrize("noise", [{"noise_psd": 3e-20}, {"noise_w": 1e-13}])
def test_noise_that_is_given_stands_whatever_the_channel(channel, _, noise):
    scenario = Scenario(channel=channel, **noise)
    assert {"noise_psd": scenario.noise_psd, "noise_w": scenario.noise_w} == {
        "noise_psd": None,
        "noise_w": None,
    } | noise
    for other, _ in DEFAULTS[1:]:
        changed = scenario.replace(channel=other)
        assert (changed.noise_psd, changed.noise_w) == (scenario.noise_psd, scenario.noise_w)


@pytest.mark.parametrize(("after", "_"), DEFAULTS)
@pytest.mark.parametrize(("before", "_2"), DEFAULTS)
def test_noise_of_the_channel_follows_another_however_the_scenario_was_made(
    tmp_path, before, after, _, _2
):
    scenario, expected = Scenario(channel=before), Scenario(channel=after)
    path = tmp_path / "scenario.toml"
    path.write_text(scenario.to_toml(), encoding="utf-8")
    ways = [scenario, Scenario.from_toml(path), Scenario.of(json.loads(scenario.model_dump_json()))]
    for made in ways:
        assert made == scenario
        assert hash(made) == hash(scenario)
        assert made.to_toml() == scenario.to_toml()
        assert made.replace(channel=after) == expected
        assert made.replace(channel=after.model_dump(mode="json")) == expected
        assert made.replace(capacity=4).replace(channel=after) == expected.replace(capacity=4)
        assert made.replace(channel=after, noise_psd=1e-15).noise_psd == 1e-15
        assert made.replace(channel=after, noise_w=1e-15).noise_w == 1e-15


def test_a_file_of_two_lines_has_the_noise_of_its_channel(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text('[channel]\nkind = "umi"\nnoise_figure_db = 7.0\n', encoding="utf-8")
    scenario = Scenario.from_toml(path)
    assert scenario.noise_psd == pytest.approx(THERMAL * 10**0.7, rel=1e-4)
    path.write_text('noise_psd = 1e-9\n[channel]\nkind = "path-loss"\n', encoding="utf-8")
    assert Scenario.from_toml(path).noise_psd == 1e-9  # as files of before have it


def test_no_noise_beside_a_channel_is_no_noise_given():
    assert Scenario(channel={"kind": "uma"}, noise_w=None) == Scenario(channel={"kind": "uma"})
    with pytest.raises(ValueError, match="noise_psd, noise_w: give one"):
        Scenario(channel={"kind": "uma"}, noise_psd=None)


@pytest.mark.parametrize(
    "channel", [{"kind": "smoke"}, {"kind": "uma", "carrier_ghz": 300}, "uma", 3]
)
def test_a_bad_channel_is_refused_the_same_with_and_without_noise(channel):
    said = []
    for noise in ({}, {"noise_psd": 1e-9}):
        for make in (Scenario, Scenario(capacity=4).replace):
            with pytest.raises(ValueError, match=r"^channel") as caught:
                make(channel=channel, **noise)
            said.append(str(caught.value))
    assert len(set(said)) == 1


def test_the_presets_have_the_papers_noise():
    for name in Scenario.presets():
        assert Scenario.preset(name).noise_psd == 1e-9
    assert Scenario.preset("slack", channel=UrbanMacroChannel()).noise_psd > 1e-20


@settings(max_examples=20)
@given(scenarios(), st.data())
def test_equal_scenarios_stay_equal_when_their_channel_changes(scenario, data):
    fields = scenario.model_dump(mode="json", exclude_none=True)
    changes = {"channel": data.draw(channels(scenario.num_servers)), "noise_psd": 1e-9}
    one, other = scenario.replace(**changes), Scenario.of(fields).replace(**changes)
    assert one == other
    channel = PathLossChannel()
    assert one.replace(channel=channel) == other.replace(channel=channel)


@pytest.mark.parametrize("channel", [PathLossChannel(), UrbanMacroChannel(), UrbanMicroChannel()])
def test_delays_of_a_network_with_places_are_those_of_a_network(channel):
    # Three sites in 500 m: within seconds, where noise of 1e-9 W/Hz made it years.
    scenario = Scenario(channel=channel, bandwidth_hz=2e7, tx_power_w=0.2)
    slots = scenario.sample(200, 0)
    nearest = slots.tx_delay.min(axis=-1)
    assert 1e-4 < nearest.mean() < 1.0
    assert average_delay(slots, slots.tx_delay.argmin(axis=-1)).mean() < 3.0
