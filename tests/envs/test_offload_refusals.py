"""`MEC-Offload-v0`: what is refused is refused in one line, and the slot stands still."""

from pathlib import Path

import numpy as np
import pytest
from episodes import digest, play
from gymnasium.error import InvalidAction, ResetNeeded
from slots import changed

from mec_gym import Scenario
from mec_gym.envs.offload import OffloadEnv


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"scenario": "papper"}, "^scenario: .*'papper'.*paper-varied"),
        ({"scenario": 7}, "^scenario: 7"),
        ({"scenario": {"num_devices": 0}}, "^scenario: num_devices: .*got 0"),
        ({"scenario": {"num_devcies": 3}}, "^scenario: num_devcies: no such field"),
        ({"scenario": {3: 3}}, "^scenario: 3 is not the name of a field"),
        ({"scenario": "no-such-file.toml"}, "^no-such-file.toml: "),
        ({"scenario": Path("network.json")}, r"^scenario: .*'network.json'.*\.toml"),
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
    "action",
    [1, np.int64(1), np.int32(1), np.uint8(1), np.array(1), np.array([1]), np.array([[1]])],
    ids=repr,
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
