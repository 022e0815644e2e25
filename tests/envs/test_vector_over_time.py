"""Slots that follow one another: one environment is NumPy's episodes, a batch many of it."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from over_time import ARRIVING, OPTIONS, PLAIN, SCENARIOS, Reference, assert_same_info
from same import assert_same

from mec_gym import Scenario
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.observations import OBSERVATIONS
from mec_gym.rewards import REWARDS

ID = "mec_gym:MEC-Offload-v0"
COPIES = 4
PAIRS = [*((observation, "delay") for observation in sorted(OBSERVATIONS))] + [
    ("servers", reward) for reward in sorted(REWARDS)
]
MODES = ["SAME_STEP", "NEXT_STEP", "DISABLED"]


def chosen(rng, mask):
    """An action: mostly one that is open, at times any."""
    return int(rng.choice(np.flatnonzero(mask)) if rng.random() < 0.8 else rng.integers(len(mask)))


@pytest.mark.parametrize(("observation", "reward"), PAIRS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_one_environment_plays_episodes_as_numpy_does(name, observation, reward):
    scenario = Scenario(**SCENARIOS[name])
    env = gym.make(
        ID, scenario=scenario, observation=observation, reward=reward, disable_env_checker=True
    ).unwrapped
    reference, rng = Reference(scenario, observation, reward), np.random.default_rng(0)
    for episode in scenario.sample_episodes(4, 3):
        seen, info = env.reset(seed=3 if env._state is None else None)
        expected, mask = reference.begin(episode)
        done = False
        while True:
            np.testing.assert_array_equal(seen, expected)
            np.testing.assert_array_equal(info["action_mask"], mask)
            if done:
                break
            if rng.random() < 0.1:
                assert_same_info(env.instance.arrays(), reference.slot.arrays())
            action = chosen(rng, mask)
            seen, earned, done, _, info = env.step(action)
            expected, its, over, its_info = reference.step(action)
            assert (earned, done) == (its, over)
            assert_same_info(info, its_info)
            mask = its_info["action_mask"]


class Singles:
    """Environments one by one, reset as a batch resets its copies."""

    def __init__(self, mode="SAME_STEP", limit=None, **kwargs):
        self.envs = [
            gym.make(ID, disable_env_checker=True, max_episode_steps=limit, **kwargs)
            for _ in range(COPIES)
        ]
        self.mode, self.over = mode, np.zeros(COPIES, bool)
        self.size = self.envs[0].unwrapped.scenario.num_devices

    def reset(self, seed=None, rows=range(COPIES), options=None):
        self.seen, self.masks = getattr(self, "seen", {}), getattr(self, "masks", {})
        for row in rows:
            at = None if seed is None else seed + row
            own = None if options is None else {"episode": options["episode"][row]}
            self.seen[row], info = self.envs[row].reset(seed=at, options=own)
            self.masks[row], self.over[row] = info["action_mask"], False

    def step(self, actions):
        """What the batch is to return."""
        reward, terminated = np.zeros(COPIES), np.zeros(COPIES, bool)
        truncated, infos, finals = np.zeros(COPIES, bool), {}, {}
        last = np.full(COPIES, None, object)
        for row, env in enumerate(self.envs):
            if self.over[row] and self.mode == "NEXT_STEP":
                self.reset(rows=[row])
                infos[row] = {}
                continue
            seen, earned, done, cut, info = env.step(actions[row])
            reward[row], terminated[row], truncated[row] = earned, done, cut
            self.seen[row], self.masks[row] = seen, info["action_mask"]
            infos[row] = {name: value for name, value in info.items() if name != "action_mask"}
            self.over[row] = done or cut
            if self.over[row] and self.mode == "SAME_STEP":
                finals[row], infos[row], last[row] = info, {}, seen
                self.reset(rows=[row])
        told = self._batched(infos)
        told["action_mask"] = np.stack([self.masks[row] for row in range(COPIES)])
        told["_action_mask"] = np.ones(COPIES, bool)
        if finals:
            had = np.array([row in finals for row in range(COPIES)])
            told |= {"final_obs": last, "_final_obs": had, "final_info": self._batched(finals)}
            told["_final_info"] = had
        seen = np.stack([self.seen[row] for row in range(COPIES)])
        return seen, reward, terminated, truncated, told

    def _batched(self, infos):
        told = {}
        for row, info in infos.items():
            for name, value in info.items():
                padded, array = name in ("assignment", "devices"), np.asarray(value)
                if padded or name in ("cpu_hz", "task_delay"):
                    array = np.full(self.size, -padded, array.dtype)
                    array[: len(value)] = value
                default = np.zeros((COPIES, *array.shape), array.dtype)
                told.setdefault(name, default)[row] = array
                told.setdefault(f"_{name}", np.zeros(COPIES, bool))[row] = True
        return told


def check(batch, singles, steps, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        masks = [singles.masks[row] for row in range(COPIES)]
        actions = np.array([chosen(rng, mask) for mask in masks])
        if singles.mode == "DISABLED" and singles.over.any():
            mask = singles.over.copy()
            with pytest.raises(ResetNeeded):
                batch.step(actions)
            seen, info = batch.reset(options={"reset_mask": mask})
            singles.reset(rows=np.flatnonzero(mask))
            np.testing.assert_array_equal(info["_action_mask"], mask)
            assert_seen(batch, singles, seen)
            continue
        results = batch.step(actions), singles.step(actions)
        for one, other in zip(*results, strict=True):
            assert_same(one, other)
        np.testing.assert_array_equal(batch.action_masks(), results[1][-1]["action_mask"])


def assert_seen(batch, singles, seen):
    np.testing.assert_array_equal(seen, [singles.seen[row] for row in range(COPIES)])
    np.testing.assert_array_equal(batch.action_masks(), list(map(singles.masks.get, range(COPIES))))


def both(mode="SAME_STEP", limit=None, num_threads=1, **kwargs):
    batch = gym.make_vec(
        ID,
        num_envs=COPIES,
        autoreset_mode=mode,
        max_episode_steps=limit,
        num_threads=num_threads,
        **kwargs,
    )
    return batch, Singles(mode, limit, **kwargs)


@pytest.mark.parametrize(("observation", "reward"), PAIRS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_batch_plays_what_single_environments_play(name, observation, reward):
    batch, singles = both(scenario=SCENARIOS[name], observation=observation, reward=reward)
    seen, _ = batch.reset(seed=3)
    singles.reset(seed=3)
    assert_seen(batch, singles, seen)
    check(batch, singles, 120)


@pytest.mark.parametrize("limit", [None, 1, 7, 1000])
@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_it_does_in_each_mode_cut_off_or_not(mode, num_threads, limit):
    batch, singles = both(mode, limit, num_threads, scenario=ARRIVING, reward="delay")
    batch.reset(seed=5)
    singles.reset(seed=5)
    check(batch, singles, 150)
    batch.close()


def test_copies_that_are_reset_at_different_times_stay_the_same():
    batch, singles = both(scenario=ARRIVING)
    batch.reset(seed=5)
    singles.reset(seed=5)
    rng = np.random.default_rng(1)
    for turn in range(12):
        check(batch, singles, int(rng.integers(1, 9)), turn)
        mask = rng.random(COPIES) < 0.5
        if mask.any():
            seen, _ = batch.reset(options={"reset_mask": mask})
            singles.reset(rows=np.flatnonzero(mask))
            assert_seen(batch, singles, seen)


def test_episodes_that_are_given_are_played_and_then_the_drawn_ones_go_on():
    batch, singles = both(scenario=ARRIVING, observation="prices")
    batch.reset(seed=5)
    singles.reset(seed=5)
    given = Scenario(**ARRIVING).sample_episodes(COPIES, 99)
    seen, _ = batch.reset(options={"episode": given})
    singles.reset(options={"episode": given})
    assert_seen(batch, singles, seen)
    with pytest.raises(ValueError, match="copy 0 plays a slot that was given"):
        batch.state()
    check(batch, singles, 100)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("steps", [0, 1, 9, 40, 200])
def test_a_batch_goes_on_from_its_state_as_it_would_have(steps, mode):
    batch, singles = both(mode, scenario=OPTIONS, observation="servers", reward="regret")
    batch.reset(seed=5)
    singles.reset(seed=5)
    check(batch, singles, steps)
    state = json.loads(json.dumps(batch.state()))
    again = gym.make_vec(
        ID,
        num_envs=COPIES,
        autoreset_mode=mode,
        scenario=OPTIONS,
        observation="servers",
        reward="regret",
    )
    assert_seen(again, singles, again.restore(state))
    assert again.state() == batch.state()
    check(again, singles, 100)


def test_a_state_of_more_actions_than_an_episode_has_is_refused():
    env = OffloadVectorEnv(1, scenario=ARRIVING)
    env.reset(seed=0)
    (state,) = env.state()
    with pytest.raises(ValueError, match="state: it has more actions"):
        env.restore([state | {"assignment": [0] * 24}])
    with pytest.raises(ValueError, match="state: not that of 1 copies"):
        env.restore([state | {"assignment": [0] * 26}])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_made_mid_slot_goes_on_the_same(duplicate):
    batch, singles = both(scenario=ARRIVING)
    batch.reset(seed=5)
    singles.reset(seed=5)
    check(batch, singles, 33)
    singles = duplicate(singles)
    check(duplicate(batch), singles, 60)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instance": None}, "options: no"),
        ({"episode": 3}, "episode: int is not"),
        ({"episode": Scenario(**ARRIVING).sample_episodes(3, 0)}, r"episode: .* shape \(3,\)"),
        ({"episode": Scenario(**PLAIN).sample_episodes(COPIES, 0)}, "episode: 4 slots"),
    ],
)
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        gym.make_vec(ID, num_envs=COPIES, scenario=ARRIVING).reset(options=options)
