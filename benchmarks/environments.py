"""How fast the environments step: `python -m benchmarks.environments [--json FILE]`.

A step is one decision of one device; resets and the drawing of slots are included, but where a row
says `step`. Figures of one ratio are measured in turns. A rival's step decides for all its users at
once, so it is also given by the decision. Rates are of one core, but for those of two threads, and
vary with the machine; read the ratios.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

import mec_gym
from benchmarks import common
from mec_gym.observations import OBSERVATIONS

ID = "mec_gym:MEC-Offload-v0"
STEPS = 30_000
RIVALS = ("mobile-env small central", "EdgeEngine AWARE", "UCMEC static")
COPIES = (1, 64, 1024, 4096)


def step_seconds(env: Any, actions: Sequence[Any]) -> float:
    """Return the seconds of one unwrapped `step`, resets not counted, of Gymnasium or old Gym."""
    env = env.unwrapped
    env.reset()
    total = 0.0
    for action in actions:
        start = time.perf_counter()
        outcome = env.step(action)
        total += time.perf_counter() - start
        if np.any(outcome[2:-1]):  # terminated, truncated; in old Gym, done
            env.reset()
    return total / len(actions)


def scalar_seconds(name: str) -> float:
    """Return the seconds of one unwrapped `step` of an environment of ours or Gymnasium's."""
    env = gym.make(name)
    env.reset(seed=0)
    return step_seconds(
        env, np.random.default_rng(0).integers(0, env.action_space.n, STEPS).tolist()
    )


def with_resets_seconds(env: Any, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of one unwrapped `step` with its share of the resets, by a clock."""
    num_actions = env.action_space.n
    actions = np.random.default_rng(0).integers(0, num_actions, STEPS).tolist()
    start = clock()
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            env.reset()
    return (clock() - start) / STEPS


def in_turns(measures: Sequence[Callable[[], float]], turns: int = 7) -> NDArray[np.float64]:
    """Return what each of some measures gives, turn about, (turns, measures)."""
    return np.array([[measure() for measure in measures] for _ in range(turns)])


def with_resets() -> dict[str, float]:
    """Return how long a step takes when the resets count, beside CartPole's."""
    envs = [gym.make(name).unwrapped for name in (ID, "CartPole-v1")]
    for env in envs:
        env.reset(seed=0)
    seconds = in_turns([partial(with_resets_seconds, env) for env in envs])
    ours, cartpole = seconds.min(axis=0)
    return {
        "scalar step with resets, us": ours * 1e6,
        "CartPole-v1 step with resets, us": cartpole * 1e6,
        "scalar rate with resets / CartPole-v1's": float(np.median(seconds[:, 1] / seconds[:, 0])),
    }


def threads(observation: str, copies: int = 1024) -> dict[str, float]:
    """Return how much faster two threads step a batch than one."""
    envs = [
        gym.make_vec(ID, num_envs=copies, observation=observation, num_threads=count)
        for count in (1, 2)
    ]
    rates = in_turns([partial(rate, env, 0.3) for env in envs])
    row = f"batch of {copies}, {observation}, num_threads=2"
    return {
        f"{row}, decisions/s": float(rates[:, 1].max()),
        f"{row} / num_threads=1": float(np.median(rates[:, 1] / rates[:, 0])),
    }


def with_options(observation: str, copies: int = 1024) -> dict[str, float]:
    """Return how fast scenarios with options play beside one without, in processor time."""
    names = ("paper-varied", "energy", "tiers", "deadlines")
    envs = [
        gym.make_vec(ID, num_envs=copies, scenario=name, observation=observation) for name in names
    ]
    rates = in_turns([partial(rate, env, 0.3, time.process_time) for env in envs])
    return {
        f"batch of {copies}, {observation}, {name} / {names[0]}": float(
            np.median(each / rates[:, 0])
        )
        for name, each in zip(names[1:], rates.T[1:], strict=True)
    }


def slots_that_follow(copies: int = 1024) -> dict[str, float]:
    """Return how long a decision takes in 50 slots that follow one another, beside one slot's."""
    several = mec_gym.Scenario.preset("queues")
    scenarios, result = (several.one_slot, several), dict[str, float]()
    for observation in ("paper", "servers"):
        made: dict[str, Any] = {"observation": observation}
        batches = [gym.make_vec(ID, copies, scenario=each, **made) for each in scenarios]
        singles = [gym.make(ID, scenario=each, **made).unwrapped for each in scenarios]
        batches[0].reset(seed=0)
        spread(batches[1], several.slots * several.num_devices)
        for single in singles:
            single.reset(seed=0)
        for name, measures in (
            (f"batch of {copies}", [partial(played_seconds, env) for env in batches]),
            ("single", [partial(with_resets_seconds, env, time.process_time) for env in singles]),
        ):
            seconds = in_turns(measures)
            row = f"{name}, {observation}, queues, {several.slots} slots"
            result[f"{row}, ns a decision"] = float(seconds[:, 1].min()) * 1e9
            ratio = np.median(seconds[:, 1] / seconds[:, 0])
            result[f"{row}, time a decision / one slot's"] = float(ratio)
    return result


def spread(env: gym.vector.VectorEnv[Any, Any, Any], steps: int) -> None:
    """Reset the copies of a batch at different steps: in the long run their episodes end so."""
    env.reset(seed=0)
    at = np.arange(env.num_envs) % steps
    for step in range(steps):
        env.step(np.zeros(env.num_envs, np.int64))
        if (at == step).any():
            env.reset(options={"reset_mask": at == step})


def played_seconds(env: gym.vector.VectorEnv[Any, Any, Any], steps: int = 400) -> float:
    """Return the processor time of a decision of a batch that is played on."""
    num_servers = env.single_action_space.n
    actions = np.random.default_rng(0).integers(0, num_servers, (50, env.num_envs))
    start = time.process_time()
    for step in range(steps):
        env.step(actions[step % len(actions)])
    return (time.process_time() - start) / (steps * env.num_envs)


def rate(
    env: gym.vector.VectorEnv[Any, Any, Any],
    seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return decisions a second of a batch by a clock, everything included."""
    num_servers = env.single_action_space.n
    actions = np.random.default_rng(0).integers(0, num_servers, (50, env.num_envs))
    env.reset(seed=0)
    for action in actions[:20]:  # compiles, and draws the first slots
        env.step(action)
    start, steps = clock(), 0
    while clock() - start < seconds:
        for action in actions:
            env.step(action)
        steps += len(actions)
    return steps * env.num_envs / (clock() - start)


def sync(copies: int) -> SyncVectorEnv:
    """Return Gymnasium's own batch of scalar environments."""
    make: Callable[[], gym.Env[Any, Any]] = lambda: gym.make(ID, disable_env_checker=True)  # noqa: E731
    return SyncVectorEnv([make] * copies, autoreset_mode=AutoresetMode.SAME_STEP)


def figures() -> dict[str, float]:
    """Return every figure by name."""
    ours = min(scalar_seconds(ID) for _ in range(3))
    cartpole = min(scalar_seconds("CartPole-v1") for _ in range(3))
    result = {
        "scalar step, us": ours * 1e6,
        "CartPole-v1 step, us": cartpole * 1e6,
        "scalar step rate / CartPole-v1's": cartpole / ours,
    }
    result |= with_resets()
    for name in RIVALS:
        rival = common.rival_answer("benchmarks.rivals.steps", name)
        if rival is not None:
            result[f"{name} step, {rival['decisions']} decisions, us"] = rival["seconds"] * 1e6
            result[f"{name}, time a decision / ours"] = rival["seconds"] / rival["decisions"] / ours
    base = rate(sync(64))
    result["SyncVectorEnv of 64, decisions/s"] = base
    for observation in OBSERVATIONS:
        for copies in COPIES:
            reached = rate(gym.make_vec(ID, num_envs=copies, observation=observation))
            result[f"batch of {copies}, {observation}, decisions/s"] = reached
            result[f"batch of {copies}, {observation} / SyncVectorEnv of 64"] = reached / base
        result |= threads(observation)
        result |= with_options(observation)
    result |= slots_that_follow()
    for preset in ("paper", "large", "city"):
        scenario = mec_gym.Scenario.preset(preset)
        reached = rate(gym.make_vec(ID, num_envs=16, scenario=preset, observation="si"))
        result[f"16 copies of {preset}, ns a decision and server"] = (
            1e9 / reached / scenario.num_servers
        )
    return result


if __name__ == "__main__":
    common.main(__doc__, {"Environments": figures})
