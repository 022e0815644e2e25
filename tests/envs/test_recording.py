"""Recorders: the same `info` keys at every step, and environments made again from what was kept."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from mec_gym import Scenario
from mec_gym.envs.recording import OutcomeAtEveryStep

ID = "mec_gym:MEC-Offload-v0"
NETWORK = {"num_devices": 4, "num_servers": 2, "capacity": 2, "servers": "per-slot"}


def make():
    return OutcomeAtEveryStep(gym.make(ID, scenario=NETWORK, observation="servers"))


def play(env, seed):
    """Play a slot; return what each call gave."""
    steps = [(*env.reset(seed=seed), False)]
    while not steps[-1][-1]:
        observation, _, terminated, _, info = env.step(len(steps) % 2)
        steps.append((observation, info, terminated))
    return steps


def test_every_info_has_the_keys_shapes_and_types_of_the_last():
    *_, (_, last, _) = steps = play(make(), 0)
    for _, info, _ in steps:
        assert info.keys() == last.keys()
        for key, value in info.items():
            assert type(value) is type(last[key]) or key == "average_delay"
            assert np.shape(value) == np.shape(last[key])
            assert np.asarray(value).dtype == np.asarray(last[key]).dtype
    for _, info, _ in steps[:-1]:
        assert (info["overloads"], info["feasible"]) == (-1, False)
        assert np.isnan([info["average_delay"], *info["cpu_hz"], *info["task_delay"]]).all()
        assert (info["assignment"] == -1).all()


def test_the_slots_are_those_without_the_wrapper():
    plain = gym.make(ID, scenario=NETWORK, observation="servers")
    for (seen, info, _), (expected, its_info, _) in zip(
        play(make(), 3), play(plain, 3), strict=True
    ):
        np.testing.assert_array_equal(seen, expected)
        for key, value in its_info.items():
            np.testing.assert_array_equal(info[key], value)


def test_it_is_made_again_from_the_specification():
    env = make()
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert isinstance(again, OutcomeAtEveryStep)
    assert again.unwrapped.scenario == env.unwrapped.scenario
    np.testing.assert_array_equal(again.reset(seed=1)[0], env.reset(seed=1)[0])


def test_another_environment_is_refused():
    with pytest.raises(ValueError, match=r"^env: .*CartPole.* is not of MEC-Offload-v0"):
        OutcomeAtEveryStep(gym.make("CartPole-v1"))


@pytest.mark.filterwarnings("ignore")  # Minari's own
def test_minari_records_infos_and_recovers_the_environment(tmp_path, monkeypatch):
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    env = minari.DataCollector(make(), record_infos=True)
    rng = np.random.default_rng(0)
    delays = []
    for seed in range(5):
        env.reset(seed=seed)
        done = False
        while not done:
            _, _, done, _, info = env.step(rng.integers(2))
        delays.append(info["average_delay"])
    env.create_dataset("mec/slots-v0", algorithm_name="random")

    data = minari.load_dataset("mec/slots-v0")
    env.close()
    assert data.total_steps == 5 * 4
    again = data.recover_environment()
    assert again.unwrapped.scenario == make().unwrapped.scenario
    for seed, (episode, delay) in enumerate(zip(data.iterate_episodes(), delays, strict=True)):
        assert np.isnan(episode.infos["average_delay"][:-1]).all()
        assert episode.infos["average_delay"][-1] == delay
        seen, info = again.reset(seed=seed)
        np.testing.assert_array_equal(episode.observations[0], seen)
        for step, server in enumerate(episode.actions):
            np.testing.assert_array_equal(episode.infos["action_mask"][step], info["action_mask"])
            seen, reward, _, _, info = again.step(server)
            np.testing.assert_array_equal(episode.observations[step + 1], seen)
            assert reward == episode.rewards[step]


@pytest.mark.filterwarnings("ignore")  # moviepy's own
def test_gymnasiums_recorder_makes_a_video_of_any_scenario(tmp_path):
    pytest.importorskip("moviepy")
    pytest.importorskip("matplotlib")
    env = gym.make(ID, scenario=Scenario(**NETWORK), render_mode="rgb_array")
    env = gym.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=None)
    env.reset(seed=0)
    for _ in range(4):
        env.step(0)
    env.close()
    assert [file.suffix for file in tmp_path.iterdir() if file.stat().st_size] == [".mp4"]
    assert EnvSpec.from_json(env.unwrapped.spec.to_json()).kwargs["scenario"]["num_devices"] == 4


@pytest.mark.filterwarnings("ignore")  # moviepy's own
def test_gymnasiums_recorder_makes_one_video_of_an_episode_of_several_slots(tmp_path):
    pytest.importorskip("moviepy")
    pytest.importorskip("matplotlib")
    scenario = Scenario(**NETWORK, slots=3, slot_s=0.2, arrivals={"probability": 0.7})
    env = gym.make(ID, scenario=scenario, render_mode="rgb_array")
    env = gym.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=None)
    env.reset(seed=0)
    over, steps = False, 0
    while not over:
        _, _, over, _, _ = env.step(steps % 2)
        steps += 1
    assert len(env.recorded_frames) == 1 + steps
    assert {frame.shape for frame in env.recorded_frames} == {(800, 960, 3)}
    env.close()
    assert [file.suffix for file in tmp_path.iterdir() if file.stat().st_size] == [".mp4"]
