"""A model of a user's own: found by its name, tried before anything is played."""

import sys

import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.mobility import Mobility


class Carried(Mobility):
    """Devices are carried to the east, and begin again in the west."""

    speed_mps: float = 0.5

    def num_uniforms(self, num_slots, num_devices):
        return 0

    def places(self, unit, start, num_slots, slot_s, area):
        places = np.repeat(start[..., None, :, :], num_slots, axis=-3)
        carried = self.speed_mps * slot_s * np.arange(num_slots)[:, None]
        places[..., 0] = (places[..., 0] + carried) % area.side_m
        return places

    def fastest_mps(self, slot_s, area):
        return self.speed_mps


class Flat(Carried):
    def places(self, unit, start, num_slots, slot_s, area):
        return start


class Away(Carried):
    def places(self, unit, start, num_slots, slot_s, area):
        return super().places(unit, start, num_slots, slot_s, area) + 1e4


class Together(Carried):
    def places(self, unit, start, num_slots, slot_s, area):
        return super().places(unit, start, num_slots, slot_s, area) * 0 + start.mean()


class Broken(Carried):
    def num_uniforms(self, num_slots, num_devices):
        raise RuntimeError("no count")


def moving(mobility):
    channel = {"kind": "path-loss", "shadowing_db": 0, "fading": "none"}
    return Scenario(slots=4, slot_s=2.0, channel=channel, mobility=mobility)


def test_it_goes_by_its_name_and_is_written_by_it(tmp_path):
    sys.modules.setdefault("test_own_mobility", sys.modules[__name__])
    scenario = moving(Carried(speed_mps=3.0))
    name = f"{Carried.__module__}:Carried"
    assert moving({"kind": name, "speed_mps": 3.0}) == scenario
    assert moving(name).mobility.speed_mps == 0.5
    path = tmp_path / "it.toml"
    path.write_text(scenario.to_toml())
    assert Scenario.from_toml(path) == scenario
    places = scenario.sample_episodes(2, 0, places=True).slots.device_places_m
    moved = np.diff(places[..., 0], axis=1) % 500
    np.testing.assert_allclose(moved, 6.0)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            Flat,
            r"^mobility.Flat.places returns shape \(2, 9, 2\) of 2 episodes, not \(2, 4, 9, 2\)",
        ),
        (Away, r"^mobility.Away.places are beyond its `reach`, or no numbers"),
        (Together, r"^mobility.Together moves devices otherwise beside other episodes than alone"),
        (Broken, r"^mobility.Broken makes no places: RuntimeError\('no count'\)"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_is_drawn(kind, said):
    with pytest.raises(ValueError, match=said):
        moving(kind())


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"mobility: kind: no 'walking'; there are: gauss-markov"):
        moving("walking")
    with pytest.raises(ValueError, match=r"is not a subclass of mec_gym\.mobility\.Mobility"):
        moving("mec_gym.channels:PathLossChannel")
