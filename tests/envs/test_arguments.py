"""What the environment is given: scenarios in any form, what it does not take; back as JSON."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from hypothesis import given
from pydantic import Field
from strategies import scenarios

from mec_gym import Scenario
from mec_gym.channels import Channel
from mec_gym.observations import ServersObservation
from mec_gym.rewards import REWARDS

ID = "mec_gym:MEC-Offload-v0"


class Twofold(Channel):
    """Gains of 1 or of `worse`; a user's own."""

    worse: float = Field(0.5, gt=0, lt=1)

    @property
    def gain_range(self):
        return self.worse, 1.0

    def num_uniforms(self, num_devices, num_servers):
        return num_devices * num_servers

    def draw(self, unit, num_devices, num_servers):
        gain = np.where(unit < 0.5, self.worse, 1.0)
        return gain.reshape(*unit.shape[:-1], 1, num_devices, num_servers)


class Mine(ServersObservation):
    """A user's own observation."""


def mine(slot, device, server):
    """A user's own reward."""
    return -slot.tx_delay[device][server]


SMALL = Scenario(num_devices=4, capacity=2, noise_psd=None, noise_w=1e-3, tx_power_w=0.2)
OWN = Scenario(num_devices=4, capacity=2, channel=Twofold(worse=0.25))
RADIO = Scenario(noise_psd=4e-21, channel={"kind": "path-loss", "correlation": 0.5, "side_m": 300})
WORK = Scenario(cycles_per_bit=(500, 900), servers="listed", server_hz=(5e9, 6e9, 7.1e9))


def make(one_or_many, **arguments):
    if one_or_many == "one":
        return gym.make(ID, **arguments)
    return gym.make_vec(ID, num_envs=2, **arguments)


def made_again(env):
    spec = EnvSpec.from_json(env.spec.to_json())
    return gym.make_vec(spec) if hasattr(env, "num_envs") else gym.make(spec)


@pytest.mark.parametrize("how", ["one", "many"])
def test_a_scenario_is_a_name_a_file_fields_or_itself(how, tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(SMALL.to_toml())
    fields = {"num_devices": 4, "capacity": 2, "noise_w": 1e-3, "tx_power_w": 0.2}
    for form in (SMALL, fields, file, str(file), f"{__name__}:SMALL"):
        assert make(how, scenario=form).unwrapped.scenario == SMALL
    assert make(how, scenario="slack").unwrapped.scenario == Scenario.preset("slack")
    assert make(how, scenario={}).unwrapped.scenario == Scenario()


@pytest.mark.parametrize("how", ["one", "many"])
@pytest.mark.parametrize("scenario", [SMALL, OWN, RADIO, WORK, "slack", Scenario.preset("online")])
def test_an_environment_is_made_again_from_the_json_of_its_specification(scenario, how):
    env = make(how, scenario=scenario, observation="servers", reward="regret", overload_penalty=2)
    again = made_again(env)
    assert again.unwrapped.scenario == env.unwrapped.scenario == Scenario.of(scenario)
    assert again.spec.to_json() == env.spec.to_json()
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])


@given(scenarios())
def test_any_scenario_is_what_the_json_of_its_source_says(scenario):
    assert Scenario.of(json.loads(json.dumps(scenario.source))) == scenario


@pytest.mark.parametrize("how", ["one", "many"])
def test_classes_and_functions_are_made_again_by_their_names(how):
    for observation, reward in (
        (Mine, mine),
        (f"{__name__}:Mine", f"{__name__}:mine"),
        (ServersObservation, REWARDS["delay"]),
    ):
        env = make(how, observation=observation, reward=reward, overload_penalty=np.float32(1))
        again = made_again(env)
        assert again.reset(seed=1)[0].tobytes() == env.reset(seed=1)[0].tobytes()
        action = 1 if how == "one" else [1, 1]
        np.testing.assert_array_equal(again.step(action)[1], env.step(action)[1])


def test_what_a_file_said_is_in_the_specification_itself(tmp_path):
    file = tmp_path / "network.toml"
    file.write_text(SMALL.to_toml())
    env = gym.make(ID, scenario=str(file))
    file.unlink()
    assert made_again(env).unwrapped.scenario == SMALL
    kwargs = json.loads(gym.make(ID, scenario=Scenario()).spec.to_json())["kwargs"]
    assert kwargs == {"scenario": "paper"}


def test_a_reward_without_a_name_works_but_has_no_json():
    env = gym.make(ID, reward=lambda slot, device, server: -1.0)
    env.reset(seed=0)
    assert env.step(0)[1] == -1.0
    with pytest.raises(TypeError, match="not JSON serializable"):
        env.spec.to_json()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"num_devices": 20}, r"^num_devices: .*: scenario=\{'num_devices': 20\}"),
        (
            {"num_devices": 20, "capacity": 7},
            r"^num_devices, capacity: .*: scenario=\{'num_devices': 20, 'capacity': 7\}",
        ),
        (
            {"scenario": "slack", "capacity": 7},
            r"scenario=mec_gym\.Scenario\.preset\('slack', capacity=7\)",
        ),
        (
            {"scenario": {"num_devices": 20}, "capacity": 7},
            r"scenario=\{'num_devices': 20, 'capacity': 7\}",
        ),
        ({"scenario": SMALL, "capacity": 7}, r"scenario=your_scenario\.replace\(capacity=7\)"),
        (
            {"scenario": "a.toml", "capacity": 7},
            r"scenario=mec_gym\.Scenario\.of\('a\.toml'\)\.replace\(capacity=7\)",
        ),
        (
            {"side_m": 500},
            r"scenario=\{'channel': \{'kind': 'path-loss', 'side_m': 500\}\}",
        ),
        ({"obsevation": "si"}, r"did you mean observation\? there are: scenario, observation, "),
        ({"nun_devices": 20}, r"did you mean num_devices\?"),
        ({"frobnicate": 1}, r"argument 'frobnicate'; there are: scenario, "),
        ({"seed": 1}, r"^seed: .*reset\(seed=\.\.\.\)"),
        ({"instance": 1}, r"^instance: .*reset\(options="),
    ],
)
@pytest.mark.parametrize("how", ["one", "many"])
def test_an_argument_that_there_is_not_is_answered_by_what_to_write(how, arguments, says):
    with pytest.raises(TypeError, match=says) as caught:
        make(how, **arguments)
    said = str(caught.value)
    assert "unexpected keyword argument" in said  # which TorchRL goes by
    assert "\n" not in said


def test_a_path_is_that_of_a_toml_file():
    with pytest.raises(ValueError, match=r"^scenario: the file 'network\.json' is not called"):
        Scenario.of(Path("network.json"))
