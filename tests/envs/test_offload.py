"""`MEC-Offload-v0`: the contract, point by point."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import oracle
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import assigned_slots

import mec_gym
from mec_gym import Instance, Scenario
from mec_gym.envs.offload import OffloadEnv
from mec_gym.observations import OBSERVATIONS
from mec_gym.rewards import REWARDS

FIELDS = ("gain", "task_bits", "task_cycles", "server_hz", "capacity")
FIELDS += ("bandwidth_hz", "tx_power_w", "noise_w")
LAST = {"assignment", "cpu_hz", "task_delay", "average_delay", "overloads", "feasible"}


def play(env, actions):
    """Play a slot out; return what each step gave."""
    return [env.step(action) for action in actions]


def digest(steps):
    """Everything a list of steps gave, as bytes and plain values."""
    return [
        (
            observation.tobytes(),
            reward,
            terminated,
            truncated,
            {key: np.asarray(value).tobytes() for key, value in info.items()},
        )
        for observation, reward, terminated, truncated, info in steps
    ]


def tiny():
    """A scenario and a slot of it with every rate a whole number of Mbit/s; see test_rewards."""
    scenario = Scenario(
        num_devices=3,
        num_servers=2,
        capacity=(1, 2),
        task_bits=(2e5, 5e5),
        task_cycles=(4e8, 2e9),
        servers="listed",
        server_hz=(4e9, 8e9),
        channel={"kind": "uniform", "gain": (0.01, 2.0)},
    )
    slot = Instance(
        gain=[[0.63, 0.15], [0.07, 0.31], [1.27, 0.03]],
        task_bits=[2.4e5, 3.0e5, 4.2e5],
        task_cycles=[4e8, 9e8, 16e8],
        server_hz=[4e9, 8e9],
        capacity=[1, 2],
        bandwidth_hz=1e6,
        tx_power_w=0.1,
        noise_w=1e-3,
    )
    return scenario, slot


@pytest.fixture
def env():
    made = OffloadEnv()
    yield made
    made.close()


# Making it.


def test_the_defaults_are_those_of_the_contract():
    env = gym.make("mec_gym:MEC-Offload-v0").unwrapped
    assert env.scenario == Scenario.preset("paper")
    assert env.overload_penalty == 10.0
    assert env.render_mode is None
    assert env.observation_space.shape == (9 * 3 + 2 * 9 + 3,)
    assert env.observation_space.dtype == np.float32
    assert env.action_space == gym.spaces.Discrete(3)


def test_the_plain_id_works_after_the_import():
    assert isinstance(gym.make("MEC-Offload-v0").unwrapped, OffloadEnv)


def test_a_scenario_may_be_named_or_given():
    named = gym.make("mec_gym:MEC-Offload-v0", scenario="slack")
    given_one = gym.make("mec_gym:MEC-Offload-v0", scenario=Scenario.preset("slack"))
    first, second = (env.reset(seed=3)[0] for env in (named, given_one))
    np.testing.assert_array_equal(first, second)
    assert named.unwrapped.scenario == given_one.unwrapped.scenario


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scenario": "papper"}, "^scenario: .*'papper'.*paper-varied"),
        ({"scenario": 7}, "^scenario: 7"),
        ({"scenario": {"num_devices": 3}}, "^scenario: "),
        ({"observation": "si-units"}, "^observation: .*'si-units'.*paper.*si"),
        ({"reward": "speed"}, "^reward: .*'speed'.*delay.*paper"),
        ({"overload_penalty": -1.0}, "^overload_penalty: -1.0"),
        ({"overload_penalty": float("nan")}, "^overload_penalty: nan"),
        ({"overload_penalty": float("inf")}, "^overload_penalty: inf"),
        ({"overload_penalty": "10"}, "^overload_penalty: '10'"),
        ({"render_mode": "text"}, "^render_mode: .*'text'.*ansi"),
    ],
)
def test_a_bad_argument_gets_one_line_with_its_name_value_and_remedy(changes, says):
    with pytest.raises(ValueError, match=says) as caught:
        OffloadEnv(**changes)
    assert "\n" not in str(caught.value)


# One episode.


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("reward", REWARDS)
def test_a_slot_is_m_steps_and_only_the_last_one_terminates(observation, reward):
    env = OffloadEnv(observation=observation, reward=reward)
    env.reset(seed=0)
    steps = play(env, [0, 1, 2] * 3)
    assert [terminated for _, _, terminated, _, _ in steps] == [False] * 8 + [True]
    assert not any(truncated for _, _, _, truncated, _ in steps)
    for observed, earned, terminated, truncated, info in steps:
        assert type(earned) is float
        assert type(terminated) is bool
        assert type(truncated) is bool
        assert env.observation_space.contains(observed)
        assert isinstance(info, dict)


def test_the_mask_is_in_every_info_and_the_outcome_in_the_last_only(env):
    _, info = env.reset(seed=0)
    assert set(info) == {"action_mask"}
    steps = play(env, [0, 1, 2] * 3)
    for *_, info in steps[:-1]:
        assert set(info) == {"action_mask"}
    assert set(steps[-1][-1]) == LAST | {"action_mask"}


def test_eq_13_and_the_outcome_by_hand():
    scenario, slot = tiny()
    env = OffloadEnv(scenario)
    env.reset(options={"instance": slot})
    steps = play(env, [0, 0, 1])
    # 0.04 + 4e8/4e9; 0.10 + 9e8/2e9 and 10 for the full server; 0.21 + 16e8/8e9
    assert [reward for _, reward, *_ in steps] == pytest.approx([-0.14, -10.55, -0.41], rel=1e-12)
    info = steps[-1][-1]
    assert info["assignment"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(info["cpu_hz"], [1.6e9, 2.4e9, 8e9], rtol=1e-12)
    np.testing.assert_allclose(info["task_delay"], [0.29, 0.475, 0.41], rtol=1e-12)
    assert info["average_delay"] == pytest.approx(1.175 / 3, rel=1e-12)
    assert (info["overloads"], info["feasible"]) == (1, False)
    assert type(info["average_delay"]) is float
    assert type(info["overloads"]) is int
    assert type(info["feasible"]) is bool


def test_lambda_is_the_overload_penalty():
    scenario, slot = tiny()
    env = OffloadEnv(scenario, overload_penalty=3)
    env.reset(options={"instance": slot})
    assert play(env, [0, 0])[1][1] == pytest.approx(-3.55, rel=1e-12)


@given(assigned_slots(), st.floats(0, 50))
@settings(max_examples=30)
def test_any_slot_closes_with_objective_6_and_pays_eq_13_or_minus_m_d(case, penalty):
    scenario, slot, assignment = case
    expected = oracle.objective(slot, assignment)
    above = oracle.tasks_above_capacity(slot, assignment)
    earned = {}
    for reward in ("paper", "delay"):
        env = OffloadEnv(scenario, reward=reward, overload_penalty=penalty)
        env.reset(options={"instance": slot})
        steps = play(env, assignment)
        earned[reward] = [value for _, value, *_ in steps]
        info = steps[-1][-1]
        assert info["average_delay"] == pytest.approx(expected, rel=1e-10)
        assert info["task_delay"].mean() == pytest.approx(info["average_delay"], rel=1e-12)
        np.testing.assert_allclose(info["cpu_hz"], oracle.cpu(slot, assignment), rtol=1e-10)
        assert info["assignment"].tolist() == assignment
        assert (info["overloads"], info["feasible"]) == (above, above == 0)
        assert info["average_delay"] == pytest.approx(
            float(mec_gym.average_delay(slot, assignment)), rel=1e-12
        )
    assert earned["paper"] == pytest.approx(
        oracle.rewards_of_eq_13(slot, assignment, penalty), rel=1e-10
    )
    assert sum(earned["delay"]) == pytest.approx(
        -slot.num_devices * info["average_delay"] - penalty * above, rel=1e-12
    )


# Masks.


def test_the_mask_is_the_servers_with_a_free_place(env):
    _, info = env.reset(seed=0)
    masks = [info["action_mask"], *(step[-1]["action_mask"] for step in play(env, [0, 0, 0, 1]))]
    assert [mask.tolist() for mask in masks] == [[True] * 3] * 3 + [[False, True, True]] * 2
    assert all(mask.dtype == bool for mask in masks)
    np.testing.assert_array_equal(env.action_masks(), masks[-1])


def test_the_mask_is_advice_a_masked_action_is_taken_and_pays_the_penalty(env):
    env.reset(seed=0)
    play(env, [0, 0, 0])
    assert not env.action_masks()[0]
    _, reward, terminated, _, _ = env.step(0)
    assert reward < -10.0
    assert not terminated
    info = play(env, [1, 1, 1, 2, 2])[-1][-1]
    assert info["assignment"].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2]
    assert (info["overloads"], info["feasible"]) == (1, False)


def test_a_full_feasible_slot_reports_no_overload(env):
    env.reset(seed=0)
    info = play(env, [0, 1, 2] * 3)[-1][-1]
    assert (info["overloads"], info["feasible"]) == (0, True)
    assert info["action_mask"].tolist() == [False] * 3


# Seeds and slots.


def slots_of(env, seed, n):
    """The first n slots' first observations."""
    seen = [env.reset(seed=seed)[0]]
    return seen + [env.reset()[0] for _ in range(n - 1)]


@pytest.mark.parametrize("name", Scenario.presets())
def test_episodes_are_the_slots_that_the_scenario_draws_from_the_environments_generator(name):
    scenario = Scenario.preset(name)
    n = 3 if name == "city" else 90  # more than one block
    drawn = scenario.draw(n, np.random.default_rng(11))
    env, observer = OffloadEnv(scenario, observation="si"), OBSERVATIONS["si"](scenario)
    for row, seen in enumerate(slots_of(env, 11, n)):
        state = mec_gym.mdp.State(drawn[row])
        np.testing.assert_array_equal(seen, observer.begin(state))


def test_the_outcome_is_that_of_the_drawn_slot():
    scenario, env = Scenario.preset("paper-varied"), OffloadEnv("paper-varied")
    drawn = scenario.sample(2, 5)
    env.reset(seed=5)
    for slot in drawn:
        info = play(env, [2, 1, 0] * 3)[-1][-1]
        assert info["average_delay"] == pytest.approx(oracle.objective(slot, [2, 1, 0] * 3))
        env.reset()


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("reward", REWARDS)
def test_the_same_seed_gives_the_same_bytes(observation, reward):
    runs = []
    for _ in range(2):
        env = OffloadEnv("slack", observation=observation, reward=reward)
        run = [env.reset(seed=4)[0].tobytes()]
        for _ in range(3):
            run.append(digest(play(env, [0, 2, 1, 1, 0, 2, 0, 0, 0])))
            run.append(env.reset()[0].tobytes())
        runs.append(run)
    assert runs[0] == runs[1]


def test_seeding_again_starts_the_same_slots_again(env):
    first = slots_of(env, 9, 5)
    np.testing.assert_array_equal(first, slots_of(env, 9, 5))


def test_different_seeds_give_different_slots(env):
    first = [env.reset(seed=seed)[0].tobytes() for seed in range(50)]
    assert len(set(first)) == 50


def test_a_reset_without_seed_goes_on_to_a_new_slot(env):
    assert len({observation.tobytes() for observation in slots_of(env, 0, 200)}) == 200


def test_environments_without_a_seed_play_different_slots():
    assert OffloadEnv().reset()[0].tobytes() != OffloadEnv().reset()[0].tobytes()


def test_a_reset_in_mid_slot_begins_the_next_one():
    env, other = OffloadEnv(), OffloadEnv()
    env.reset(seed=1)
    play(env, [0, 0])
    other.reset(seed=1)
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])
    assert len(play(env, [0, 1, 2] * 3)) == 9


# Copies.


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deep", "pickle"]
)
@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_a_copy_made_in_mid_slot_goes_on_identically(copied, observation):
    env = gym.make("mec_gym:MEC-Offload-v0", scenario="slack", observation=observation)
    env.reset(seed=2)
    play(env, [0, 1, 2])
    twin = copied(env)
    actions = [2, 2, 1, 0, 1, 2]
    assert digest(play(env, actions)) == digest(play(twin, actions))
    for _ in range(80):  # beyond the block at hand
        np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


@pytest.mark.parametrize("played", [0, 9])
def test_a_copy_made_before_the_first_or_after_the_last_step_goes_on_too(env, played):
    env.reset(seed=2)
    play(env, ([0, 1, 2] * 3)[:played])
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        one, other = copy.deepcopy(env).reset()[0], twin.reset()[0]
        np.testing.assert_array_equal(one, other)
    actions = ([0, 1, 2] * 3)[played:]
    assert digest(play(copy.deepcopy(env), actions)) == digest(play(env, actions))


def test_the_environment_can_be_made_again_from_its_spec():
    env = gym.make("mec_gym:MEC-Offload-v0", scenario=Scenario(num_devices=4), reward="delay")
    again = gym.make(env.spec)
    np.testing.assert_array_equal(env.reset(seed=1)[0], again.reset(seed=1)[0])


def test_playing_a_copy_leaves_the_original_where_it_was(env):
    env.reset(seed=2)
    play(env, [0, 1, 2])
    twin, untouched = copy.deepcopy(env), copy.deepcopy(env)
    play(twin, [0] * 6)
    twin.reset()
    actions = [2, 2, 1, 0, 1, 0]
    assert digest(play(env, actions)) == digest(play(untouched, actions))


# A given slot.


def test_a_given_slot_is_played_and_the_drawn_ones_go_on_after_it():
    scenario, slot = tiny()
    env, other = OffloadEnv(scenario), OffloadEnv(scenario)
    env.reset(seed=0)
    other.reset(seed=0)
    env.reset(options={"instance": slot})
    info = play(env, [0, 1, 1])[-1][-1]
    assert info["average_delay"] == pytest.approx(oracle.objective(slot, [0, 1, 1]))
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_a_given_slot_may_come_with_a_seed_or_before_any_other_reset():
    scenario, slot = tiny()
    one, other = OffloadEnv(scenario), OffloadEnv(scenario)
    np.testing.assert_array_equal(
        one.reset(options={"instance": slot})[0],
        other.reset(seed=3, options={"instance": slot})[0],
    )
    np.testing.assert_array_equal(other.reset()[0], one.reset(seed=3)[0])


def changed(slot, **changes):
    return Instance(**({name: getattr(slot, name) for name in FIELDS} | changes))


BAD_OPTIONS = {
    "a batch": (
        lambda slot: {"instance": Scenario().sample(2, 0)},
        r"batch.*\(2,\).*instance\[i\]",
    ),
    "a batch of one": (lambda slot: {"instance": Scenario().sample(1, 0)}, "batch"),
    "fewer devices": (
        lambda slot: {"instance": Scenario(num_devices=8).sample(1, 0)[0]},
        "8 devices x 3 servers.*9 x 3",
    ),
    "more servers": (
        lambda slot: {"instance": Scenario(num_servers=4).sample(1, 0)[0]},
        "9 devices x 4 servers.*9 x 3",
    ),
    "another capacity": (
        lambda slot: {"instance": Scenario(capacity=4).sample(1, 0)[0]},
        "capacity.*3",
    ),
    "a gain too high": (lambda slot: {"instance": changed(slot, gain=slot.gain * 4)}, "gain"),
    "too many bits": (lambda slot: {"instance": changed(slot, task_bits=6e5)}, "task_bits.*500000"),
    "too little work": (lambda slot: {"instance": changed(slot, task_cycles=1e8)}, "task_cycles"),
    "a dictionary": (lambda slot: {"instance": {"gain": slot.gain}}, "dict"),
    "an array": (lambda slot: {"instance": slot.gain}, "ndarray"),
    "a misspelt option": (lambda slot: {"instnace": slot}, "instnace.*instance"),
    "an option too many": (lambda slot: {"instance": slot, "speed": 1}, "speed"),
}


@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_a_bad_option_is_refused_in_one_line_and_the_environment_goes_on_unharmed(what):
    make, says = BAD_OPTIONS[what]
    env, unharmed = OffloadEnv(), OffloadEnv()
    for each in (env, unharmed):
        each.reset(seed=6)
        play(each, [0, 1])
    with pytest.raises(ValueError, match=says) as caught:
        env.reset(seed=99, options=make(Scenario().sample(1, 0)[0]))
    assert "\n" not in str(caught.value)
    actions = [2, 0, 1, 2, 0, 1, 2]
    assert digest(play(env, actions)) == digest(play(unharmed, actions))
    for _ in range(100):  # beyond the block at hand, so that the generator counts too
        np.testing.assert_array_equal(env.reset()[0], unharmed.reset()[0])


def test_a_bad_option_before_any_reset_leaves_a_usable_environment(env):
    with pytest.raises(ValueError, match="instance"):
        env.reset(options={"instance": 3})
    env.reset(seed=0)
    assert play(env, [0, 1, 2] * 3)[-1][2]


# Bad calls.


@pytest.mark.parametrize(
    "action",
    [3, -1, 1.5, 1.0, None, "1", np.array([0, 1]), np.array(1.0), np.int64(3), [1], (), np.nan],
    ids=repr,
)
def test_an_action_that_is_no_server_is_refused_and_the_slot_stands_still(env, action):
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="0 to 2") as caught:
        env.step(action)
    assert repr(action) in str(caught.value)
    assert "\n" not in str(caught.value)
    steps = play(env, [0, 1, 2] * 3)
    assert [step[2] for step in steps] == [False] * 8 + [True]


@pytest.mark.parametrize(
    "action", [1, np.int64(1), np.int32(1), np.uint8(1), np.array(1)], ids=repr
)
def test_any_whole_number_is_an_action(env, action):
    env.reset(seed=0)
    env.step(action)
    info = play(env, [0] * 8)[-1][-1]
    assert info["assignment"].tolist() == [1] + [0] * 8


def test_a_step_before_the_first_reset_is_refused(env):
    for call in (lambda: env.step(0), env.action_masks):
        with pytest.raises(ResetNeeded, match="before the first reset"):
            call()


def test_a_step_after_the_end_is_refused_until_the_next_reset(env):
    env.reset(seed=0)
    play(env, [0, 1, 2] * 3)
    for _ in range(2):
        with pytest.raises(ResetNeeded, match="call reset"):
            env.step(0)
    env.reset()
    env.step(0)


@pytest.mark.parametrize("seed", [-1, 1.5, "7", np.nan, [1]])
def test_a_seed_that_is_no_whole_number_is_refused_by_name_and_changes_nothing(env, seed):
    other = OffloadEnv()
    for each in (env, other):
        each.reset(seed=2)
        play(each, [0, 1])
    with pytest.raises(ValueError, match=r"^seed: .* is not a whole number, 0 or more$"):
        env.reset(seed=seed)
    assert digest(play(env, [0, 1, 2])) == digest(play(other, [0, 1, 2]))
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_what_cannot_be_written_in_one_short_line_is_refused_in_one(env):
    env.reset(seed=0)
    for action in (10**5000, np.zeros((9, 9)), "a" * 10_000):
        with pytest.raises(InvalidAction, match=r"^action: .{1,300}$"):
            env.step(action)
    for seed in (-(10**5000), "a" * 10_000):
        with pytest.raises(ValueError, match=r"^seed: .{1,300}$"):
            env.reset(seed=seed)
    with pytest.raises(ValueError, match=r"^options: .{1,300}$"):
        env.reset(options={"a\n" * 1000: 1})


# What is handed out is the caller's.


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_what_was_returned_before_does_not_change_later(observation):
    env = OffloadEnv(observation=observation)
    first, info = env.reset(seed=0)
    kept = [(first, info["action_mask"])]
    kept += [(step[0], step[-1]["action_mask"]) for step in play(env, [0, 0, 0, 1, 1, 1, 2, 2, 2])]
    was = [(one.copy(), mask.copy()) for one, mask in kept]
    env.reset()
    play(env, [0] * 9)
    for (one, mask), (one_was, mask_was) in zip(kept, was, strict=True):
        np.testing.assert_array_equal(one, one_was)
        np.testing.assert_array_equal(mask, mask_was)
    assert len({id(one) for one, _ in kept}) == len(kept)
    assert not any(np.shares_memory(kept[i][0], kept[i + 1][0]) for i in range(len(kept) - 1))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_writing_to_what_was_returned_does_not_reach_the_environment(observation):
    env, other = (OffloadEnv(observation=observation) for _ in range(2))
    seen, info = env.reset(seed=0)
    other.reset(seed=0)
    for action in [0, 0, 0, 0, 1, 1, 2, 2, 1]:
        seen[...] = -7
        info["action_mask"][...] = False
        env.action_masks()[...] = False
        seen, reward, *_, info = env.step(action)
        expected, expected_reward, *_, expected_info = other.step(action)
        np.testing.assert_array_equal(seen, expected)
        np.testing.assert_array_equal(info["action_mask"], expected_info["action_mask"])
        assert reward == expected_reward


def test_the_last_assignment_stays_after_the_next_slot(env):
    env.reset(seed=0)
    info = play(env, [0, 1, 2] * 3)[-1][-1]
    kept = {key: np.array(value) for key, value in info.items()}
    env.reset()
    play(env, [2, 1, 0] * 3)
    for key, value in kept.items():
        np.testing.assert_array_equal(info[key], value)


def test_the_environment_does_not_write_to_a_given_slot():
    scenario, slot = tiny()
    before = {name: getattr(slot, name).copy() for name in FIELDS}
    env = OffloadEnv(scenario)
    env.reset(options={"instance": slot})
    play(env, [0, 0, 0])
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(slot, name), value)


# Several at once.


def test_copies_of_make_vec_play_different_slots_and_the_same_ones_again_with_the_seed():
    envs = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=4)
    first, _ = envs.reset(seed=0)
    assert len({row.tobytes() for row in first}) == 4
    for _ in range(9):
        _, reward, terminated, truncated, _ = envs.step(np.zeros(4, dtype=np.int64))
        assert reward.shape == (4,)
    assert terminated.all()
    assert not truncated.any()
    again, _ = envs.reset(seed=0)
    np.testing.assert_array_equal(first, again)
    envs.close()
