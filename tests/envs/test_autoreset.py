"""The batch in each autoreset mode: bit for bit what `SyncVectorEnv` gives, under wrappers too."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers
from same import assert_same

from mec_gym import Scenario

ID = "mec_gym:MEC-Offload-v0"
COPIES = 5
MODES = list(AutoresetMode)


def both(mode, max_episode_steps=None, copies=COPIES, **settings):
    """The batched environment, and Gymnasium's batch of scalar ones."""
    settings["max_episode_steps"] = max_episode_steps
    batched = gym.make_vec(ID, num_envs=copies, autoreset_mode=mode, **settings)
    single = [lambda: gym.make(ID, disable_env_checker=True, **settings)] * copies
    return batched, SyncVectorEnv(single, autoreset_mode=mode)


def play(environments, rng, steps, over=None):
    """Step both the same; where the mode is DISABLED, reset those whose slots are over."""
    one = environments[0]
    if over is None:
        over = np.zeros(one.num_envs, dtype=bool)
    for _ in range(steps):
        if over.any() and one.metadata["autoreset_mode"] is AutoresetMode.DISABLED:
            resets = [env.reset(options={"reset_mask": over.copy()}) for env in environments]
            assert_same(*resets[:2])
        actions = rng.integers(0, one.single_action_space.n, one.num_envs)
        if one.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            actions[over] = 99  # which nobody looks at
        results = [env.step(actions) for env in environments]
        for first, second in zip(*results, strict=True):
            assert_same(first, second)
        over = results[0][2] | results[0][3]
    return over


@pytest.mark.parametrize("mode", MODES)
def test_the_mode_is_where_wrappers_and_torchrl_look_for_it(mode):
    for given in (mode, mode.name, mode.value):
        env = gym.make_vec(ID, num_envs=2, autoreset_mode=given)
        assert env.autoreset_mode is env.metadata["autoreset_mode"] is mode
    assert gym.make_vec(ID, num_envs=2).autoreset_mode is AutoresetMode.SAME_STEP
    assert type(env).metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("observation", ["paper", "servers"])
@pytest.mark.parametrize("scenario", ["paper-varied", "fast-fading", "online-slack"])
def test_it_plays_what_scalar_environments_play(scenario, observation, mode):
    environments = both(mode, scenario=scenario, observation=observation, reward="delay")
    assert_same(*[list(env.reset(seed=3)) for env in environments])
    play(environments, np.random.default_rng(0), 700)  # beyond the slots drawn ahead


@pytest.mark.parametrize("mode", MODES)
def test_many_copies_that_are_reset_at_different_times_stay_the_same(mode):
    environments = both(mode, copies=64, scenario="slack")
    for env in environments:
        env.reset(seed=5)
    rng = np.random.default_rng(1)
    over = None
    for _ in range(20):
        over = play(environments, rng, int(rng.integers(1, 7)), over)
        mask = rng.random(64) < 0.3
        seeds = [int(seed) if seed < 9 else None for seed in rng.integers(0, 20, 64)]
        resets = [
            env.reset(seed=list(seeds), options={"reset_mask": mask.copy()}) for env in environments
        ]
        assert_same(*map(list, resets))
        over = over & ~mask


@pytest.mark.parametrize("limit", [1, 4, 9, 20, -1])
@pytest.mark.parametrize("mode", MODES)
def test_slots_are_cut_off_as_by_a_time_limit(mode, limit):
    environments = both(mode, max_episode_steps=limit)
    for env in environments:
        env.reset(seed=5)
    rng = np.random.default_rng(1)
    over = play(environments, rng, 3)
    mask = np.array([True, False, False, True, False])
    for env in environments:
        env.reset(options={"reset_mask": mask.copy()})
    play(environments, rng, 40, over & ~mask)


def test_a_slot_that_is_over_is_to_be_reset_where_nothing_resets_it():
    env = gym.make_vec(ID, num_envs=3, autoreset_mode="DISABLED")
    env.reset(seed=0)
    env.step(np.zeros(3, int))
    env.reset(options={"reset_mask": np.array([True, False, True])})
    for _ in range(8):
        _, _, terminated, _, info = env.step(np.zeros(3, int))
    assert terminated.tolist() == [False, True, False]
    assert info["assignment"].tolist() == [[0] * 9, [0] * 9, [0] * 9]
    with pytest.raises(ResetNeeded, match=r"^step: the slot of copy 1 is over; reset .*reset_mask"):
        env.step(np.zeros(3, int))
    env.reset(options={"reset_mask": terminated})
    env.step(np.zeros(3, int))


def test_the_step_that_resets_takes_no_action_but_all_others_do():
    env = gym.make_vec(ID, num_envs=2, autoreset_mode="NEXT_STEP")
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros(2, int))
    env.reset(options={"reset_mask": np.array([True, False])})
    for _ in range(6):
        _, _, terminated, _, _ = env.step(np.zeros(2, int))
    assert terminated.tolist() == [False, True]
    with pytest.raises(InvalidAction, match="-1 of copy 0"):
        env.step([-1, 99])
    _, reward, terminated, _, info = env.step([0, 99])
    assert reward[1] == 0
    assert not terminated.any()
    assert info["action_mask"][1].all()


@pytest.mark.parametrize("mode", MODES)
def test_a_batch_goes_on_from_its_state_as_it_would_have(mode):
    first, second = (gym.make_vec(ID, num_envs=3, autoreset_mode=mode) for _ in range(2))
    first.reset(seed=5)
    for _ in range(9):
        seen, *_ = first.step(np.zeros(3, int))
    np.testing.assert_array_equal(second.restore(json.loads(json.dumps(first.state()))), seen)
    over = np.full(3, mode is not AutoresetMode.SAME_STEP)
    play([first, second], np.random.default_rng(0), 700, over)


# What single copies are asked for.


def test_copies_are_asked_as_those_of_gymnasiums_own_batch_are():
    batched, scalar = both(AutoresetMode.SAME_STEP, scenario="slack")
    for env in (batched, scalar):
        env.reset(seed=0)
        for _ in range(5):
            env.step(np.zeros(COPIES, int))
    assert_same(*[list(env.call("action_masks")) for env in (batched, scalar)])
    for name in ("scenario", "overload_penalty", "render_mode"):
        for ask in ("call", "get_attr"):
            assert getattr(batched, ask)(name) == getattr(scalar, ask)(name)
    for name in ("observation_space", "action_space"):
        assert batched.get_attr(name) == scalar.get_attr(name)
    assert [spec.id for spec in batched.get_attr("spec")] == ["MEC-Offload-v0"] * COPIES


@pytest.mark.parametrize("name", ["reset", "step", "close", "np_random", "_state", "speed"])
def test_what_no_copy_can_be_asked_for_is_refused(name):
    env = gym.make_vec(ID, num_envs=2)
    env.reset(seed=0)
    with pytest.raises(AttributeError, match=f"^{name}: .*action_masks.*reset_mask") as caught:
        env.call(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(AttributeError, match=f"^{name}: the copies share"):
        env.set_attr(name, 1)


# Gymnasium's vector wrappers: the same as round its own batch, be it results or a refusal.


def halved(observation):
    return observation / 2


WRAPPERS = {  # the others are for continuous actions, pictures or dictionaries
    "ClipReward": lambda env: wrappers.ClipReward(env, -1, 0),
    "DictInfoToList": wrappers.DictInfoToList,
    "DtypeObservation": lambda env: wrappers.DtypeObservation(env, np.float64),
    "FlattenObservation": wrappers.FlattenObservation,
    "NormalizeObservation": wrappers.NormalizeObservation,
    "NormalizeReward": wrappers.NormalizeReward,
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "RescaleObservation": lambda env: wrappers.RescaleObservation(env, -1, 1),
    "ReshapeObservation": lambda env: wrappers.ReshapeObservation(env, (4, 12)),
    "TransformAction": lambda env: wrappers.TransformAction(env, lambda actions: 2 - actions),
    "TransformObservation": lambda env: wrappers.TransformObservation(env, halved),
    "TransformReward": lambda env: wrappers.TransformReward(env, lambda reward: 1 + reward),
    "VectorizeTransformAction": lambda env: wrappers.VectorizeTransformAction(
        env, gym.wrappers.TransformAction, func=lambda action: 2 - action, action_space=None
    ),
    "VectorizeTransformObservation": lambda env: wrappers.VectorizeTransformObservation(
        env, gym.wrappers.TransformObservation, func=halved, observation_space=None
    ),
    "VectorizeTransformReward": lambda env: wrappers.VectorizeTransformReward(
        env, gym.wrappers.TransformReward, func=lambda reward: 1 + reward
    ),
}
WANT_ANOTHER_MODE = {
    AutoresetMode.SAME_STEP: {
        "DtypeObservation",
        "FlattenObservation",
        "NormalizeObservation",
        "RescaleObservation",
        "ReshapeObservation",
        "TransformObservation",
        "VectorizeTransformObservation",
    },
    AutoresetMode.NEXT_STEP: set(),
    AutoresetMode.DISABLED: {"NormalizeObservation"},
}


def without_times(infos):
    """Leave out the seconds that an episode took."""
    if isinstance(infos, list):
        return [without_times(info) for info in infos]
    if "episode" in infos:
        infos["episode"] = {key: infos["episode"][key] for key in ("r", "l")}
    return infos


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # in DtypeObservation's space
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(WRAPPERS))
def test_gymnasiums_vector_wrappers_work_as_round_its_own_batch_or_say_why(name, mode):
    environments = both(mode, scenario="slack")
    wrap = WRAPPERS[name]
    if name in WANT_ANOTHER_MODE[mode]:
        for env in environments:
            with pytest.raises((ValueError, AssertionError)):  # the latter before Gymnasium 1.3
                wrap(env)
        return
    wrapped = [wrap(env) for env in environments]
    assert_same(*[env.reset(seed=4)[0] for env in wrapped])
    rng = np.random.default_rng(0)
    over = np.zeros(COPIES, dtype=bool)
    for _ in range(30):
        if over.any() and mode is AutoresetMode.DISABLED:
            resets = [env.reset(options={"reset_mask": over.copy()}) for env in environments]
            assert_same(*[seen for seen, _ in resets])
            for env in wrapped:
                if name == "RecordEpisodeStatistics":  # which was not told
                    env.episode_lengths[over] = env.episode_returns[over] = 0
                    env.prev_dones[over] = False
        actions = rng.integers(0, 3, COPIES)
        *results, infos = zip(*[env.step(actions.copy()) for env in wrapped], strict=True)
        for first, second in results:
            assert_same(first, second)
        assert_same(*map(without_times, infos))
        over = results[2][0] | results[3][0]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Gymnasium's own
def test_a_batch_makes_no_pictures_and_says_so(tmp_path):
    with pytest.raises(ValueError, match=r"^render_mode: 'rgb_array'; a batch is"):
        gym.make_vec(ID, num_envs=2, render_mode="rgb_array")
    record = getattr(wrappers, "RecordVideo", None)
    if record is None:
        pytest.skip("this Gymnasium records no batches")
    with pytest.raises(ValueError, match=r"[Rr]ender mode is None"):
        record(gym.make_vec(ID, num_envs=2), str(tmp_path))


def test_a_batch_is_made_again_from_its_specification():
    scenario = Scenario(num_devices=4, num_servers=2, capacity=2)
    env = gym.make_vec(ID, num_envs=3, scenario=scenario, autoreset_mode=AutoresetMode.NEXT_STEP)
    text = env.spec.to_json()
    again = gym.make_vec(gym.envs.registration.EnvSpec.from_json(text))
    assert again.spec.to_json() == text
    assert (again.num_envs, again.scenario) == (3, scenario)
    assert again.autoreset_mode is AutoresetMode.NEXT_STEP
