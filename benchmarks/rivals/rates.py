"""Steps a second of processor time, of one environment or learner, for each line on stdin.

`python -m benchmarks.rivals.rates NAME` prepares and compiles it, prints "ready", then answers each
line with a number. So many of these, each in a process and an environment of its own, are measured
in turn: `benchmarks.rivals.figure` does so, and says what a step of each is.
"""

import contextlib
import importlib
import io
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

COPIES = 1024
SECONDS = 1.0
"""Least processor time of one measurement."""

ID = "mec_gym:MEC-Offload-v0"

Play = Callable[[], int]
"""Play on, and return how many steps that were."""


def batch(name: str, **settings: Any) -> Play:
    """Play Gymnasium's native batch of an environment; ends and resets are within its step."""
    import gymnasium as gym

    env = gym.make_vec(name, COPIES, vectorization_mode="vector_entry_point", **settings)
    choices: Any = env.single_action_space
    actions = np.random.default_rng(0).integers(0, choices.n, (50, COPIES))
    env.reset(seed=0)

    def play() -> int:
        for action in actions:
            env.step(action)
        return int(actions.size)

    return play


def single(make: Callable[[], Any], steps: int, ended: Callable[[Any], Any] = any) -> Play:
    """Play one environment of Gymnasium or old Gym, without its wrappers; resets are counted in.

    `ended` is what says so of terminated and truncated, or of old Gym's done.
    """
    env = make().unwrapped
    env.action_space.seed(0)
    env.reset()
    actions = [env.action_space.sample() for _ in range(steps)]

    def play() -> int:
        for action in actions:
            outcome = env.step(action)
            if ended(outcome[2:-1]):
                env.reset()
        return len(actions)

    return play


def gymnasium_single(name: str) -> Play:
    """Play one environment of Gymnasium's."""
    import gymnasium as gym

    return single(lambda: gym.make(name), 5000)


def rival_single(name: str) -> Play:
    """Play one environment of `benchmarks.rivals.steps`."""
    from benchmarks.rivals import steps

    rival = steps.RIVALS[name]
    return single(lambda: steps.make(rival), min(rival.steps, 500), np.any)  # of each agent, too


def jumanji(name: str) -> Play:
    """Play Jumanji's environment: `vmap` over the copies, `scan` over 100 steps, one program.

    A copy that ends is reset within the step, and the whole observation is carried on, so that the
    compiler leaves nothing of it out. Actions are the valid one of the highest random number; these
    are drawn before.
    """
    import jax
    import jax.numpy as jnp
    from jumanji import make
    from jumanji.wrappers import VmapAutoResetWrapper

    env: Any = VmapAutoResetWrapper(make(name))
    state, first = env.reset(jax.random.split(jax.random.key(0), COPIES))
    shape = first.observation.action_mask.shape
    chances = jax.random.uniform(jax.random.key(1), (100, *shape))

    def step(carry: Any, chance: Any) -> Any:
        state, seen = carry
        valid = jnp.where(seen.action_mask, chance, -1.0)
        state, after = env.step(state, jnp.argmax(valid, axis=-1))
        return (state, after.observation), (after.reward, after.step_type)

    program = jax.jit(lambda carry: jax.lax.scan(step, carry, chances))
    held = [(state, first.observation)]

    def play() -> int:
        held[0], _ = jax.block_until_ready(program(held[0]))
        return 100 * COPIES

    return play


def pufferlib() -> Play:
    """Play PufferLib's CartPole, all copies in one call of C; ends and resets are within it."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):  # it leaves a link
        from pufferlib.ocean.cartpole.cartpole import Cartpole

    env = Cartpole(num_envs=COPIES, report_interval=sys.maxsize)
    actions = np.random.default_rng(0).integers(0, 2, (50, COPIES))
    env.reset(0)

    def play() -> int:
        for action in actions:
            env.step(action)
        return int(actions.size)

    return play


def learner(module: str) -> Play:
    """Train a DQN of Table I; a step is one decision and one update."""
    model = importlib.import_module(module).make(100, 1)

    def play() -> int:
        before = model._n_updates
        model.learn(900)
        return int(model._n_updates - before)

    return play


MAKERS: dict[str, Callable[[], Play]] = {
    "mec_gym, batch": partial(batch, ID),
    "mec_gym, batch, servers": partial(batch, ID, observation="servers"),
    "Jumanji, batch": partial(jumanji, "CVRP-v1"),
    "PufferLib, batch": pufferlib,
    "CartPole, batch": partial(batch, "CartPole-v1"),
    "mec_gym, single": partial(gymnasium_single, ID),
    "CartPole, single": partial(gymnasium_single, "CartPole-v1"),
    "EdgeEngine, single": partial(rival_single, "EdgeEngine AWARE"),
    "mobile-env, single": partial(rival_single, "mobile-env small central"),
    "UCMEC, single": partial(rival_single, "UCMEC static"),
    "mec_gym, learning": partial(learner, "benchmarks.our_dqn"),
    "Stable-Baselines3, learning": partial(learner, "benchmarks.stock_sb3"),
    "SBX, learning": partial(learner, "benchmarks.rivals.sbx_dqn"),
}
"""By name what is measured."""


def rate(play: Play) -> float:
    """Return steps a second of processor time, of all threads: what waits for others costs none."""
    start, steps = time.process_time(), 0
    while (seconds := time.process_time() - start) < SECONDS:
        steps += play()
    return steps / seconds


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):  # UCMEC prints at every step
        play = MAKERS[sys.argv[1]]()
        play()  # compiles
    print("ready", flush=True)
    for _ in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()):
            measured = rate(play)
        print(measured, flush=True)
