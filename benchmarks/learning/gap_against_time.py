"""The README's first picture: gap to the optimum against time to train, and to decide.

`python -m benchmarks.learning.gap_against_time` trains three seeds of each learner and plays the
frozen benchmark `paper-varied` again and again meanwhile, with the clock stopped; about ten minutes
on one core. It writes docs/figures/gap-against-time.json, its numbers, and the picture made of
them; `--redraw` only makes the picture. Times of training are CPU time of the one core that each
learner uses, so that what else runs on the machine counts for little; compilation is not in them.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from threadpoolctl import threadpool_limits

from benchmarks import common, table_i
from benchmarks.learning.gap_figure import draw
from mec_gym import Instance, policies
from mec_gym.benchmark import frozen
from mec_gym.benchmark.comparison import Result, play, slot_seconds
from mec_gym.policies import Policy
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn, snapshot

BENCHMARK = "paper-varied"
SEEDS = (0, 1, 2)
EPISODES = (30, 60, 125, 250, 500, 1000, 2000, 4000)
"""Where training is looked at; it ends with the last."""

FILE = Path("docs/figures/gap-against-time.json")
RULES = ("roa", "goa", "goa-capacity", "least-delay", "local-search", "optimal")
TIMES = 3
"""So often is a decision timed; the least counts."""

ToPolicy = Callable[[], Policy]


def stock(seed: int, observation: str, reward: str) -> tuple[DQN, ToPolicy]:
    """Return Stable-Baselines3's DQN with Table I's settings, and what makes it a policy."""
    env = gym.make(table_i.ID, scenario=BENCHMARK, observation=observation, reward=reward)
    model = DQN("MlpPolicy", env, device="cpu", **table_i.settings(1) | {"seed": seed})
    return model, lambda: policies.from_agent(model, BENCHMARK, observation)


def ours(seed: int, preset: str) -> tuple[DQN, ToPolicy]:
    """Return the DQN of one of our presets, and what makes it a policy."""
    config = TrainConfig.preset(preset, scenario=BENCHMARK, seed=seed)
    assert config.episodes == EPISODES[-1]
    model = make_dqn(config)
    return model, lambda: snapshot(model, config)


LEARNERS: dict[str, Callable[[int], tuple[DQN, ToPolicy]]] = {
    "stock, Table I": partial(stock, observation="paper", reward="paper"),
    "stock, our observation and reward": partial(stock, observation="servers", reward="regret"),
    "paper": partial(ours, preset="paper"),
    "regret": partial(ours, preset="regret"),
}
"""By name, from a seed; the first two are plain Stable-Baselines3, the others our presets."""


def predict_seconds(model: DQN, slots: Instance) -> float:
    """Return the seconds of one `predict`, the median over the decisions of some slots."""
    env = model.get_env()
    seconds = []
    observation = env.reset()
    for _ in range(20 * slots.num_devices):
        start = time.perf_counter()
        action, _ = model.predict(observation[0], deterministic=True)
        seconds.append(time.perf_counter() - start)
        observation, *_ = env.step([action])
    return statistics.median(seconds)


def figures(result: Result) -> dict[str, float]:
    """Return what is kept of a policy on the benchmark."""
    return {"gap_percent": 100 * result.gap.mean, "feasible": result.feasible_rate}


class LookedAt(BaseCallback):
    """Plays the benchmark at given steps, while the clock stands still."""

    def __init__(self, policy: ToPolicy, benchmark: frozen.Benchmark) -> None:
        super().__init__()
        self.points: list[dict[str, float]] = []
        self._policy, self._benchmark = policy, benchmark
        self._spent, self._start = 0.0, time.process_time()

    def _look(self) -> None:
        self._spent += time.process_time() - self._start
        (result,) = play(
            {"": [self._policy()]}, self._benchmark.slots, reference=self._benchmark.reference
        )
        episodes = EPISODES[len(self.points)]
        self.points.append({"episodes": episodes, "cpu_seconds": self._spent} | figures(result))
        self._start = time.process_time()

    def _on_training_start(self) -> None:
        self._start = time.process_time()

    def _on_step(self) -> bool:
        due = self.num_timesteps >= EPISODES[len(self.points)] * table_i.DEVICES
        if due and len(self.points) < len(EPISODES) - 1:  # the last is looked at after all updates
            self._look()
        return True

    def _on_training_end(self) -> None:
        self._look()


def measured() -> dict[str, Any]:
    """Return all numbers of the picture."""
    benchmark = frozen.load(BENCHMARK)
    slots, reference = benchmark.slots, benchmark.reference
    training: dict[str, list[list[dict[str, float]]]] = {}
    final: dict[str, Policy] = {}
    seconds: dict[str, list[float]] = {}
    for name, make in LEARNERS.items():
        make(99)[0].learn(60 * table_i.DEVICES)  # compiles, or loads what was compiled
        training[name] = []
        for seed in SEEDS:
            model, policy = make(seed)
            looked = LookedAt(policy, benchmark)
            model.learn(EPISODES[-1] * table_i.DEVICES, callback=looked)
            training[name].append(looked.points)
            print(name, seed, json.dumps(looked.points[-1]), flush=True)
            if seed == SEEDS[0]:
                final[name] = policy()
                if name.startswith("stock"):
                    seconds[name] = [predict_seconds(model, slots) for _ in range(TIMES)]
    rules = {name: policies.get(name) for name in RULES} | {"regret-mix": load_policy("regret-mix")}
    everyone = final | rules
    played = play({name: [each] for name, each in everyone.items()}, slots, reference=reference)
    decisions: dict[str, dict[str, float]] = {}
    for result in played:
        name = result.name
        if name not in seconds:
            devices = slots.num_devices
            seconds[name] = [slot_seconds(everyone[name], slots) / devices for _ in range(TIMES)]
        decisions[name] = figures(result) | {"microseconds": 1e6 * min(seconds[name])}
        print(name, json.dumps(decisions[name]), flush=True)
    return {
        "benchmark": BENCHMARK,
        "slots": len(slots),
        "seeds": list(SEEDS),
        "training": training,
        "decisions": decisions,
    }


@dataclass(frozen=True)
class Arguments:
    redraw: bool = False
    """Only draw the picture, of the numbers that are there."""


if __name__ == "__main__":
    if not common.given(Arguments, __doc__).redraw:
        torch.set_num_threads(1)
        threadpool_limits(1)
        FILE.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
    draw(json.loads(FILE.read_text(encoding="utf-8")), FILE.with_suffix(".png"))
