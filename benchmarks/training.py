"""Training Table I against a plain Stable-Baselines3 script: the same updates and network.

`python -m benchmarks.training [--json FILE]` times both commands whole, in turn. Ours also plays
held-out slots, writes curves and prints the closing table.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import common

EPISODES = 2000
PAIRS = 2


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of a command of Python's."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - start


def figures() -> dict[str, float]:
    """Return every figure by name."""
    ours, stock = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for pair in range(PAIRS):
            flags = ["--episodes", str(EPISODES), "--epsilon-episodes", str(EPISODES // 2)]
            out = str(Path(scratch) / str(pair))
            ours.append(seconds(["-m", "train", "paper", *flags, "--out", out]))
            stock.append(seconds(["benchmarks/stock_sb3.py", str(EPISODES)]))
    ratios = [theirs / mine for mine, theirs in zip(ours, stock, strict=True)]
    return {
        f"train paper, {EPISODES} episodes, s": statistics.median(ours),
        f"plain Stable-Baselines3 script, {EPISODES} episodes, s": statistics.median(stock),
        "plain script's time / ours, median of pairs": statistics.median(ratios),
        "plain script's time / ours, least": min(ratios),
    }


if __name__ == "__main__":
    common.main(__doc__, {"Training": figures})
