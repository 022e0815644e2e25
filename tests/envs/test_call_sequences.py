"""Any sequence of calls, right or wrong: the batch and scalar environments stay the same.

Wrong calls go to one side only, so that what they should not have changed shows in the comparisons
that follow.
"""

import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pairs import PAIRS
from strategies import scenarios, scenarios_with_options

from mec_gym import Instance, Scenario
from mec_gym.envs.offload import OffloadEnv

NAMES = "action|action_masks|instance|options|render|reset|reset_mask|seed|step"
PRESETS = st.sampled_from(["paper", "paper-varied", "slack", "online-slack"]).map(Scenario.preset)
SEEDS = st.integers(0, 2**70) | st.sampled_from([0, np.int64(3), np.uint8(254), 2**64 - 1])
NO_SEED = st.sampled_from(
    [-1, 1.5, np.nan, "7", b"7", np.float32(1), object(), {}, {1: 2}, np.array(-3), 1j]
)
NO_OPTIONS = st.sampled_from(
    [
        {"map": 1},
        {1: 2},
        {None: None},
        [],
        "instance",
        5,
        {"instance": 0},
        {"instance": "slot"},
        {"instance": {"gain": 1}},
        {"instance": np.ones((2, 2))},
        {"instance": Instance},
    ]
)
NO_MASK = st.sampled_from(
    [0, True, "all", [], [[True], [True, False]], np.ones(9, bool), [None], {}, object(), np.nan]
)
NO_NUMBERS = [None, "0", b"0", object(), {}, (), [], ..., Scenario, ["a" * 10_000], [[0], [0, 0]]]
NO_INTS = [0.0, np.nan, np.inf, 1j, np.float64(0), np.array(0.0), np.array("0"), np.array(None)]
NO_SERVERS = [-1, 99, 2**63, 2**64, 10**30, -(2**63), np.uint64(2**64 - 1), np.datetime64(0, "s")]
NO_ACTION = st.sampled_from([*NO_NUMBERS, *NO_INTS, *NO_SERVERS, np.zeros((2, 2), int)])
ONLY_FOR_BATCHES = st.sampled_from([[0], np.array([0, 0])])


def refused(call, *errors):
    """Check that a call is refused in one line that says what was wrong."""
    with pytest.raises(errors) as caught:
        call()
    said = str(caught.value)
    assert re.fullmatch(rf"({NAMES}): \S.{{,600}}", said), said


def same(one, other):
    np.testing.assert_array_equal(one, other)
    assert np.asarray(one).dtype == np.asarray(other).dtype


def misfits(scenario, slots):
    """Slots that do not fit a scenario, made of some that do; the last three are batches only."""
    arrays = slots.arrays()
    arrays.pop("step_gain", None)  # which has to go with the gains
    low, high = scenario.ranges["gain"]
    wider = Scenario(num_servers=scenario.num_servers + 1, num_devices=1)
    return [
        Instance(**(arrays | {"gain": np.full_like(slots.gain, high * 2)})),
        Instance(**(arrays | {"gain": np.full_like(slots.gain, low / 2)})),
        Instance(**(arrays | {"task_bits": slots.task_bits * 1e4})),
        Instance(**(arrays | {"capacity": slots.capacity + 1})),
        wider.sample(len(slots), 0),
        slots[:0],
        Instance(**(arrays | {"gain": slots.gain[None]})),
        scenario.sample(len(slots) + 1, 0),
    ]


class Calls(RuleBasedStateMachine):
    """The batched environment and as many scalar ones, called side by side."""

    @initialize(
        scenario=scenarios(max_devices=4, max_servers=3)
        | scenarios_with_options(max_devices=4, max_servers=3)
        | PRESETS,
        pair=st.sampled_from(PAIRS),
        copies=st.integers(1, 3),
        penalty=st.sampled_from([0, 10.0, 1e300]),
    )
    def make(self, scenario, pair, copies, penalty):
        observation, reward = pair
        arguments = {
            "scenario": scenario,
            "observation": observation,
            "reward": reward,
            "overload_penalty": penalty,
        }
        self.scenario, self.copies, self.begun = scenario, copies, False
        self.batch = gym.make_vec("mec_gym:MEC-Offload-v0", num_envs=copies, **arguments)
        self.scalars = [OffloadEnv(**arguments, render_mode="ansi") for _ in range(copies)]
        self.alike = np.zeros(copies, dtype=bool)  # seeded as their scalar environments are

    # Right calls.

    @rule(data=st.data())
    def reset(self, data):
        copies = self.copies
        each = st.lists(st.none() | SEEDS, min_size=copies, max_size=copies)
        seed = data.draw(st.none() | SEEDS | each, "seed")
        masks = st.lists(st.booleans(), min_size=copies, max_size=copies).filter(any)
        mask = data.draw(st.none() | masks, "mask") if self.begun else None
        slots = None
        if data.draw(st.booleans(), "given"):
            slots = self.scenario.sample(copies, data.draw(st.integers(0, 99), "slots"))
        options = {"instance": slots, "reset_mask": mask and np.array(mask)}
        observation, info = self.batch.reset(seed=seed, options=options)
        self.begun = True
        assert info.keys() == {"action_mask", "_action_mask"}
        same(info["_action_mask"], np.array(mask or [True] * copies))
        self.check_seen(observation, info["action_mask"])
        seeds = seed if isinstance(seed, list) else [None] * copies
        if not isinstance(seed, list) and seed is not None:
            seeds = [int(seed) + row for row in range(copies)]
        for row, env in enumerate(self.scalars):
            if mask and not mask[row]:
                assert not info["action_mask"][row].any()
                continue
            self.alike[row] |= seeds[row] is not None
            given = {} if slots is None else {"instance": slots[row]}
            one, its_info = env.reset(seed=seeds[row], options=given)
            assert one in env.observation_space
            if self.alike[row] or slots is not None:
                same(observation[row], one)
                same(info["action_mask"][row], its_info["action_mask"])

    @precondition(lambda self: self.begun)
    @rule(
        data=st.data(),
        kind=st.sampled_from([list, tuple, np.array, np.int32, np.int8, np.uint64]),
        scalar_kind=st.sampled_from([int, np.int64, np.int32, np.int8, np.uint64, np.array]),
    )
    def step(self, data, kind, scalar_kind):
        servers = st.integers(0, self.scenario.num_actions - 1)
        actions = data.draw(st.lists(servers, min_size=self.copies, max_size=self.copies))
        observation, reward, terminated, truncated, info = self.batch.step(kind(actions))
        self.check_seen(observation, info["action_mask"])
        assert reward.dtype == np.float64
        assert np.isfinite(reward).all()
        same(truncated, np.zeros(self.copies, dtype=bool))
        same(info["_action_mask"], np.ones(self.copies, dtype=bool))
        assert terminated.dtype == np.bool_
        assert ("final_info" in info) == ("final_obs" in info) == terminated.any()
        for row, env in enumerate(self.scalars):
            if not self.alike[row]:
                env.reset()  # it plays on with slots of its own
                env.step(actions[row])
                continue
            one, paid, ended, cut, its_info = env.step(scalar_kind(actions[row]))
            assert one in env.observation_space
            assert (type(paid), type(ended), cut) == (float, bool, False)
            assert (paid, ended) == (reward[row], terminated[row])
            if ended:
                for key, value in its_info.items():
                    assert np.isfinite(value).all()
                    assert info["final_info"][f"_{key}"][row]
                    np.testing.assert_array_equal(info["final_info"][key][row], value)
                same(info["final_obs"][row], one)
                refused(lambda env=env: env.step(0), ResetNeeded)
                one, its_info = env.reset()
            same(observation[row], one)
            same(info["action_mask"][row], its_info["action_mask"])

    def check_seen(self, observation, mask):
        assert observation in self.batch.observation_space
        assert observation.dtype == np.float32
        assert (mask.shape, mask.dtype) == ((self.copies, self.scenario.num_actions), np.int8)

    @precondition(lambda self: self.begun)
    @rule()
    def ask_for_masks_and_a_picture(self):
        masks = self.batch.action_masks()
        for row, env in enumerate(self.scalars):
            assert isinstance(env.render(), str)
            if self.alike[row]:
                same(masks[row], env.action_masks())

    @rule()
    def close(self):
        self.batch.close()
        self.scalars[0].close()

    # Calls too early.

    @precondition(lambda self: not self.begun)
    @rule()
    def begin_late(self):
        refused(self.batch.action_masks, ResetNeeded)
        refused(lambda: self.batch.step([0] * self.copies), ResetNeeded)
        for env in self.scalars:
            for call in (env.action_masks, env.render, lambda env=env: env.step(0)):
                refused(call, ResetNeeded)
        if self.copies > 1:
            some = {"reset_mask": np.arange(self.copies) > 0}
            refused(lambda: self.batch.reset(seed=1, options=some), ResetNeeded)

    # Wrong calls, to one side only.

    @rule(action=NO_ACTION | ONLY_FOR_BATCHES)
    def step_a_scalar_wrongly(self, action):
        refused(lambda: self.scalars[-1].step(action), InvalidAction, ResetNeeded)

    @rule(data=st.data(), action=NO_ACTION)
    def step_the_batch_wrongly(self, data, action):
        servers = [0] * self.copies
        mixed = list(servers)
        mixed[data.draw(st.integers(0, self.copies - 1), "copy")] = action
        shapes = [[*servers, 0], [servers], servers[:-1], np.zeros(self.copies)]
        texts = [np.full(self.copies, "0"), np.zeros(self.copies, bool)]
        given = data.draw(st.sampled_from([action, mixed, *shapes, *texts]))
        refused(lambda: self.batch.step(given), InvalidAction, ResetNeeded)

    @rule(seed=NO_SEED, given=st.booleans())
    def reset_a_scalar_with_a_wrong_seed(self, seed, given):
        options = {"instance": self.scenario.sample(1, 0)[0]} if given else None
        refused(lambda: self.scalars[0].reset(seed=seed, options=options), ValueError)

    @rule(seed=NO_SEED, among=st.booleans())
    def reset_the_batch_with_a_wrong_seed(self, seed, among):
        seed = [5] * (self.copies - 1) + [seed] if among else seed
        refused(lambda: self.batch.reset(seed=seed), ValueError)

    @rule()
    def reset_with_too_few_or_too_many_seeds(self):
        for count in (0, self.copies + 1):
            refused(lambda count=count: self.batch.reset(seed=[1] * count), ValueError)

    @rule(options=NO_OPTIONS, side=st.booleans(), seed=st.none() | SEEDS)
    def reset_with_wrong_options(self, options, side, seed):
        env = self.batch if side else self.scalars[0]
        refused(lambda: env.reset(seed=seed, options=options), ValueError)

    @rule(mask=NO_MASK, seed=st.none() | SEEDS)
    def reset_with_a_wrong_mask(self, mask, seed):
        options = {"reset_mask": mask}
        refused(lambda: self.batch.reset(seed=seed, options=options), ValueError)

    @rule(which=st.integers(0, 7), seed=st.none() | SEEDS, side=st.booleans())
    def reset_with_slots_that_do_not_fit(self, which, seed, side):
        slots = misfits(self.scenario, self.scenario.sample(self.copies, 1))[which]
        env = self.batch if side else self.scalars[0]
        options = {"instance": slots if side or which > 4 else slots[0]}
        refused(lambda: env.reset(seed=seed, options=options), ValueError)


Calls.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestCalls = Calls.TestCase
