"""A user's own agent as a policy: Stable-Baselines3's, MaskablePPO, or a function."""

import gymnasium as gym
import numpy as np
import pytest

import mec_gym
from mec_gym.benchmark import leaderboard
from mec_gym.benchmark.comparison import compare
from mec_gym.benchmark.models import Model
from mec_gym.mdp import State
from mec_gym.policies import from_agent

SCENARIO = mec_gym.Scenario.preset("paper-varied")


def played_step_by_step(model, slots, masked=False, **settings):
    """What a model does in the environment, one slot after the other, (B, M)."""
    env = gym.make("MEC-Offload-v0", **settings)
    chosen = []
    for slot in slots:
        seen, info = env.reset(options={"instance": slot})
        done = False
        while not done:
            mask = {"action_masks": env.unwrapped.action_masks()} if masked else {}
            action, _ = model.predict(seen, deterministic=True, **mask)
            seen, _, done, _, info = env.step(int(action))
        chosen.append(info["assignment"])
    return np.array(chosen)


@pytest.mark.parametrize("name", ["DQN", "PPO"])
def test_a_model_of_stable_baselines3_plays_what_it_plays_in_the_environment(name):
    algorithm = getattr(pytest.importorskip("stable_baselines3"), name)
    env = gym.make("MEC-Offload-v0", scenario=SCENARIO)
    model, slots = algorithm("MlpPolicy", env, seed=0, device="cpu"), SCENARIO.sample(12, 5)
    policy = from_agent(model, SCENARIO)
    expected = played_step_by_step(model, slots, scenario=SCENARIO)
    np.testing.assert_array_equal(policy(slots), expected)
    np.testing.assert_array_equal(policy(slots[3]), expected[3])


def test_maskable_ppo_is_given_the_masks_and_overloads_nothing():
    pytest.importorskip("torch")
    from sb3_contrib import MaskablePPO

    from mec_gym.sb3.agent.vec_env import OffloadVecEnv

    settings = {"scenario": SCENARIO, "observation": "servers", "reward": "regret"}
    batch = OffloadVecEnv(gym.make_vec("MEC-Offload-v0", num_envs=8, **settings))
    model = MaskablePPO("MlpPolicy", batch, n_steps=9, batch_size=36, seed=0, device="cpu")
    model.learn(72)
    slots = SCENARIO.sample(20, 5)
    assignment = from_agent(model, SCENARIO, "servers")(slots)
    assert mec_gym.is_feasible(slots, assignment).all()
    expected = played_step_by_step(model, slots[:6], masked=True, **settings)
    np.testing.assert_array_equal(assignment[:6], expected)


def least_loaded(seen):
    """The server with most places left, as Eq. (11) shows them."""
    return seen[:, -3:].argmax(axis=1)


def test_a_function_is_an_agent_and_stands_in_a_comparison_with_paired_gaps():
    slots = SCENARIO.sample(50, 3)
    policies = {"own": [from_agent(least_loaded, SCENARIO)], "roa": [mec_gym.policies.get("roa")]}
    own, roa = compare(policies, slots)
    assert own.feasible_rate == 1
    assert own.gap.values.shape == (1, 50)
    assert own.difference(roa).ci95 > 0


def test_it_stands_on_the_leaderboard_of_its_own_scenario_only():
    own = Model("own", from_agent(least_loaded, "paper-varied"))
    board = leaderboard.play(leaderboard.comparisons(["paper-varied", "large"], [own]))
    assert "own" in {result.name for result in board["paper-varied"]}
    assert "own" not in {result.name for result in board["large"]}


class Counting:
    """A model with a memory: it counts its calls within a slot, and chooses by that."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        assert deterministic
        state = np.zeros(len(observation), dtype=int) if episode_start[0] else state
        return state % 3, state + 1


def test_a_model_with_a_memory_keeps_it_within_a_slot_and_not_beyond():
    policy, slots = from_agent(Counting(), SCENARIO), SCENARIO.sample(4, 0)
    expected = np.tile(np.arange(9) % 3, (4, 1))
    np.testing.assert_array_equal(policy(slots), expected)
    np.testing.assert_array_equal(policy(slots), expected)


class Made:
    """A model that says what it was made for."""

    observation_space = gym.spaces.Box(0, 1, (48,))

    def predict(self, observation, deterministic=False):
        return np.zeros(len(observation), dtype=int)


def test_a_model_made_for_another_observation_or_scenario_is_refused():
    from_agent(Made())
    for settings in ({"observation": "servers"}, {"scenario": "large"}):
        with pytest.raises(ValueError, match=r"^agent: it was made for observations of shape"):
            from_agent(Made(), **settings)
    with pytest.raises(ValueError, match=r"^agent: 3 has no predict"):
        from_agent(3)
    with pytest.raises(ValueError, match="do not fit the scenario"):
        from_agent(Made())(mec_gym.Scenario.preset("large").sample(2, 0))


@pytest.mark.parametrize(
    "chosen", [np.zeros(2, int), np.full(4, 3), np.full(4, -1), np.zeros(4), np.zeros((4, 1), int)]
)
def test_what_is_no_server_for_each_slot_is_refused(chosen):
    with pytest.raises(ValueError, match=r"^agent: it chose .* for 4 observations"):
        from_agent(lambda seen: chosen, SCENARIO)(SCENARIO.sample(4, 0))


def test_the_slot_being_played_is_public():
    env = gym.make("MEC-Offload-v0")
    with pytest.raises(gym.error.ResetNeeded):
        env.unwrapped.instance  # noqa: B018
    observation, _ = env.reset(seed=0)
    again = env.unwrapped.observer.begin(State(env.unwrapped.instance))
    np.testing.assert_array_equal(again, observation)
