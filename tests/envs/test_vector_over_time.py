"""Slots that follow one another: one environment is NumPy's episodes, a batch many of it."""

import copy
import json
import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from over_time import ARRIVING, OPTIONS, PLAIN, SCENARIOS, Reference, assert_same_info
from pairs import PAIRS
from same import assert_same

from mec_gym import Scenario
from mec_gym.envs.recording import OutcomeAtEveryStep
from mec_gym.envs.vector import OffloadVectorEnv
from mec_gym.kernels import kernel
from mec_gym.observations import Observation

ID = "mec_gym:MEC-Offload-v0"
COPIES = 4
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
    check(batch, singles, 70)


def test_tasks_and_load_of_tables_are_played_alike():
    rows = [
        {"slot": slot, "device": f"d{m}", "bits": 1e5 * (1 + m), "cycles": 1e8 * (1 + slot + m)}
        for slot in range(7)
        for m in range(3)
        if (slot * m) % 3 != 1
    ]
    scenario = {
        "num_devices": 3,
        "slots": 4,
        "slot_s": 0.3,
        "tasks": rows,
        "arrivals": {"kind": "table", "begin": "drawn"},
        "background": {"table": {"slot": [0, 1], "share": [0.5, 0.1]}, "begin": "drawn"},
        "handover_s": 0.1,
    }
    batch, singles = both(scenario=scenario, observation="servers", reward="delay")
    batch.reset(seed=3)
    singles.reset(seed=3)
    check(batch, singles, 100)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "observation", "reward"),
    [*(("queues", *pair) for pair in PAIRS), ("rush-hour", "servers", "delay")],
)
def test_it_does_in_our_presets(name, observation, reward):
    batch, singles = both(scenario=name, observation=observation, reward=reward)
    batch.reset(seed=3)
    singles.reset(seed=3)
    check(batch, singles, 400)  # an episode has about 360 tasks


@kernel
def share(slot, device):
    return slot.slots_left + slot.wait[0] + (slot.last_server[device] + 1) / 10


def own_reward(slot, device, server):
    return -slot.tx_delay[device][server] - slot.for_reward[device] * share(slot, device)


def relative(slots):
    """One number a task, so fewer where fewer devices have one."""
    return slots.task_cycles / slots.task_cycles.mean(axis=-1, keepdims=True)


own_reward.prepare = relative


class OwnObservation(Observation):
    """What came before, and a number of the device that is prepared of all."""

    free_at = slice(0, 3)

    @property
    def space(self):
        return gym.spaces.Box(-1e3, 1e3, (6,), np.float32)

    def prepare(self, instance):
        return instance.task_bits / instance.task_bits.sum(axis=-1, keepdims=True)

    @staticmethod
    def write(slot, device, prepared, constants, out):
        for server in range(3):
            out[server] = slot.load[server] < slot.capacity[server]
        out[3] = slot.wait[1]
        out[4] = len(slot.task_cycles)
        out[5] = prepared[device] if device < len(prepared) else -1.0


def test_what_a_user_brings_knows_what_came_before_and_only_the_tasks_there_are():
    batch, singles = both(scenario=ARRIVING, observation=OwnObservation, reward=own_reward)
    batch.reset(seed=3)
    singles.reset(seed=3)
    check(batch, singles, 150)


def squares(slots):
    return np.ones((len(slots.task_cycles), 1, slots.task_cycles.shape[1]))


def of_squares(slot, device, server):
    return slot.for_reward[0][device]


of_squares.prepare = squares


def test_what_is_prepared_may_have_fewer_numbers_along_its_first_axis_only():
    everyone = ARRIVING | {"arrivals": None}
    gym.make_vec(ID, num_envs=COPIES, scenario=everyone, reward=of_squares).reset(seed=0)
    with pytest.raises(ValueError, match=r"reward: prepare returns .* in which fewer devices"):
        gym.make_vec(ID, num_envs=COPIES, scenario=ARRIVING, reward=of_squares).reset(seed=0)


def test_gymnasiums_statistics_count_the_decisions_of_an_episode():
    env = gym.wrappers.RecordEpisodeStatistics(
        gym.make(ID, scenario=ARRIVING, reward="delay", observation="servers")
    )
    for seed in range(3):
        _, info = env.reset(seed=seed)
        total, done = 0.0, False
        while not done:
            _, reward, done, _, info = env.step(int(info["action_mask"].argmax()))
            total += reward
        assert info["episode"]["l"] == info["episode_tasks"]
        assert info["episode"]["r"] == pytest.approx(total)
        mean = info["episode_average_delay"] * info["episode_tasks"]
        assert mean == pytest.approx(-total + 10 * info["episode_overloads"])


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorders_find_the_same_keys_shapes_and_types_at_every_step(name):
    plain = gym.make(ID, scenario=SCENARIOS[name])
    env = OutcomeAtEveryStep(gym.make(ID, scenario=SCENARIOS[name]))
    infos, done = [env.reset(seed=4)[1]], False
    plain.reset(seed=4)
    while not done:
        *_, done, _, info = env.step(0)
        expected = plain.step(0)[-1]
        for key, value in expected.items():
            np.testing.assert_array_equal(np.resize(info[key], np.shape(value)), value)
        infos.append(info)
    for info in infos:
        assert info.keys() == infos[-1].keys()
        for key, value in info.items():
            assert np.shape(value) == np.shape(infos[-1][key]), key
            assert np.asarray(value).dtype == np.asarray(infos[-1][key]).dtype, key


def test_sb3_is_told_of_slots_and_of_episodes():
    pytest.importorskip("stable_baselines3")
    sb3 = pytest.importorskip("mec_gym.sb3.agent.vec_env")
    env = sb3.OffloadVecEnv(gym.make_vec(ID, num_envs=COPIES, scenario=ARRIVING, reward="delay"))
    singles = Singles(scenario=ARRIVING, reward="delay")
    env.seed(3)
    env.reset()
    singles.reset(seed=3)
    lengths, ends = np.zeros(COPIES, int), 0
    for _ in range(150):
        actions = np.array([singles.masks[row].argmax() for row in range(COPIES)])
        _, _, dones, infos = env.step(actions)
        told = singles.step(actions)[-1]
        lengths += 1
        for row, info in enumerate(infos):
            its = told["final_info"] if dones[row] else told
            had = {key for key in its if f"_{key}" in its and its[f"_{key}"][row]}
            assert had - {"final_info", "final_obs"} <= info.keys()
            assert ("slot" in info) == ("slot" in had)
            if dones[row]:
                assert info["episode"]["l"] == info["episode_tasks"] == lengths[row]
                lengths[row], ends = 0, ends + 1
    assert ends > 5


@pytest.mark.parametrize("limit", [None, 1, 7, 1000])
@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_it_does_in_each_mode_cut_off_or_not(mode, num_threads, limit):
    batch, singles = both(mode, limit, num_threads, scenario=ARRIVING, reward="delay")
    batch.reset(seed=5)
    singles.reset(seed=5)
    check(batch, singles, 80)
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
    batch, singles = both(scenario=ARRIVING, observation="prices", reward="delay")
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
    batch, singles = both(mode, scenario=OPTIONS, observation="servers", reward="delay")
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
        reward="delay",
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
