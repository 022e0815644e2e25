"""Training Table I against Stable-Baselines3 and SBX: the same network and updates.

`python -m benchmarks.training [--json FILE]` times whole commands, in turn: ours also plays
held-out slots, writes curves and prints the closing table; that of the preset `regret` has nothing
beside it. Then it times `learn` alone, without
imports and compilation (ours and SBX learn 40 episodes first; stock compiles nothing). A step is
one decision of one device; an update is one minibatch of 64; in chunks of k, k steps are followed
by k updates.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks import common

EPISODES, PAIRS = 2000, 2
LEARN_EPISODES, RUNS = 500, 3
CHUNKS = (1, 8, 32)

LEARNERS = {
    "ours": partial(common.answer, "benchmarks.our_dqn"),
    "stock": partial(common.answer, "benchmarks.stock_sb3"),
    "SBX": partial(common.rival_answer, "benchmarks.rivals.sbx_dqn"),
}


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of a command of Python's."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - start


def commands() -> dict[str, float]:
    """Return the figures of whole commands."""
    ours, stock = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for pair in range(PAIRS):
            flags = ["--episodes", str(EPISODES), "--epsilon-episodes", str(EPISODES // 2)]
            out = str(Path(scratch) / str(pair))
            ours.append(seconds(["-m", "train", "paper", *flags, "--out", out]))
            stock.append(seconds(["-m", "benchmarks.stock_sb3", str(EPISODES)]))
        regret = seconds(["-m", "train", "regret", "--out", str(Path(scratch) / "regret")])
    ratios = [theirs / mine for mine, theirs in zip(ours, stock, strict=True)]
    return {
        f"train paper, {EPISODES} episodes, s": statistics.median(ours),
        f"plain Stable-Baselines3 script, {EPISODES} episodes, s": statistics.median(stock),
        "plain script's time / ours, median of pairs": statistics.median(ratios),
        "plain script's time / ours, least": min(ratios),
        "train regret, 4000 episodes, s": regret,
    }


def learning(chunk: int) -> dict[str, float]:
    """Return the figures of `learn` in chunks of one length."""
    rates: dict[str, list[float]] = {name: [] for name in LEARNERS}
    for run in range(RUNS):
        for name in list(LEARNERS)[:: 1 if run % 2 == 0 else -1]:
            measured = LEARNERS[name](LEARN_EPISODES, chunk)
            if measured is not None:
                rates[name].append(measured["updates"] / measured["seconds"])
    medians = {name: statistics.median(found) for name, found in rates.items() if found}
    result = {f"chunk {chunk}: {name}, updates/s": rate for name, rate in medians.items()}
    for name, rate in medians.items():
        if name != "ours":
            result[f"chunk {chunk}: ours / {name}"] = medians["ours"] / rate
    return result


def figures() -> dict[str, float]:
    """Return every figure by name."""
    result = commands()
    for chunk in CHUNKS:
        result |= learning(chunk)
    return result


if __name__ == "__main__":
    common.main(__doc__, {"Training": figures})
