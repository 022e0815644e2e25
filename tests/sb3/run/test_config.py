"""Settings of a run: what is refused, and that they survive TOML."""

import pytest

from mec_gym.sb3.run.config import TrainConfig
from mec_gym.scenario import Scenario


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"episodes": 0}, ["episodes", "0", "greater than or equal to 1"]),
        ({"gamma": 1.5}, ["gamma", "1.5", "less than or equal to 1"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "nan", "finite"]),
        ({"overload_penalty": float("inf")}, ["overload_penalty", "inf", "finite"]),
        ({"hidden": (0,)}, ["hidden", "0"]),
        ({"loss": "cubic"}, ["loss", "cubic", "squared", "huber"]),
        ({"scenario": "papers"}, ["scenario", "papers", "paper-varied"]),
        ({"scenario": "no-such.toml"}, ["scenario", "no-such.toml"]),
        ({"observation": "all"}, ["observation", "all", "paper", "si"]),
        ({"reward": "much"}, ["reward", "much", "paper", "delay"]),
        ({"name": "roa"}, ["name", "roa", "one of its own"]),
        ({"name": "optimum"}, ["name", "optimum", "one of its own"]),
        ({"epsiode": 3}, ["epsiode", "no such field"]),
        ({"seed": 7, "heldout_seed": 7}, ["heldout_seed", "7", "another"]),
        ({"episodes": 7}, ["episodes", "7 x 9 tasks", "64", "nothing would be learned"]),
        ({"batch_size": 64, "replay_size": 32}, ["batch_size", "64", "32", "lower"]),
        (
            {"num_envs": 3, "update_every_steps": 2, "updates_at_once": 4},
            ["num_envs", "3 copies", "8 steps", "update_every_steps x updates_at_once"],
        ),
    ],
)
def test_a_bad_setting_is_refused_in_one_line_that_names_it(fields, words):
    with pytest.raises(ValueError, match=words[0]) as caught:
        TrainConfig(**fields)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words)


def test_an_unknown_preset_is_refused_with_the_names_there_are():
    with pytest.raises(
        ValueError, match=r"preset: no 'papr' \(did you mean 'paper'\?\); there are: paper"
    ):
        TrainConfig.preset("papr")


def test_a_config_comes_back_from_its_toml(tmp_path):
    config = TrainConfig(scenario=Scenario(server_hz=6e9), hidden=(7,), max_grad_norm=1.5, seed=4)
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    assert TrainConfig.from_toml(path) == config


def test_a_scenario_may_be_a_preset_a_toml_file_or_an_object(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('servers = "per-slot"\n')
    varied = Scenario.preset("paper-varied")
    for given in ("paper-varied", str(path), varied):
        assert TrainConfig(scenario=given).scenario == varied


def test_a_family_is_drawn_by_the_seed_and_stands_in_place_of_scenarios():
    from mec_gym.families import ScenarioFamily

    config = TrainConfig.preset("regret-mix", scenarios=(), family=4, num_envs=8, seed=3)
    assert config.trained_on == ScenarioFamily().scenarios(4, 3)
    hidden = config.replace(scenario="online", seed=4)
    assert hidden.trained_on == ScenarioFamily().scenarios(4, 4, lookahead=0)
    mix = TrainConfig.preset("regret-mix")
    assert mix.trained_on == mix.scenarios
    assert TrainConfig().trained_on == (TrainConfig().scenario,)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"family": 4}, "family, scenarios: give one of the two"),
        ({"scenarios": (), "family": 5}, "num_envs: 48 copies cannot be shared out evenly to 5"),
        ({"scenarios": (), "family": 4, "mask": False}, "family: only network 'servers' with mask"),
        ({"scenarios": (), "family": 0}, "family"),
        ({"family_of": "wide"}, "family_of: wide, but there is no family; give `family`"),
    ],
)
def test_a_family_that_cannot_be_trained_on_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        TrainConfig.preset("regret-mix", **changes)
