"""What a checkpoint costs: seconds with a full replay buffer, and its share of training time."""

import statistics
import tempfile
import time
from pathlib import Path

from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.directory import begin_run, save_checkpoint
from mec_gym.sb3.run.training import CHECKPOINT_SECONDS, make_dqn

REPEATS = 5


def seconds(preset: str) -> float:
    """Return the median seconds of a checkpoint of a preset whose replay buffer is full."""
    config = TrainConfig.preset(preset, epsilon_episodes=1, heldout_slots=2)
    model = make_dqn(config)
    model.learn(500)
    assert model.replay_buffer is not None
    model.replay_buffer.full = True
    taken = []
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        begin_run(directory, config)
        for _ in range(REPEATS):
            model.num_timesteps += 1
            start = time.perf_counter()
            save_checkpoint(directory, model, keep=1)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def figures() -> dict[str, float]:
    found = {}
    for preset in ("paper", "regret"):
        found[f"checkpoint, {preset}, 100 000 transitions, s"] = each = seconds(preset)
        found[f"its share of {CHECKPOINT_SECONDS:.0f} s, {preset}, %"] = (
            100 * each / (CHECKPOINT_SECONDS + each)
        )
    return found
