"""How long it takes until something can be done: imports, and what commands say of themselves.

`python -m benchmarks.starting [--json FILE]`. Seconds of the processor, so that other work does not
count, the least of some runs; each is a process of its own.
"""

import os
import subprocess
import sys

from benchmarks import common

RUNS = 7

STARTED = {
    "import gymnasium": ["-c", "import gymnasium"],
    "import mec_gym": ["-c", "import mec_gym"],
    "mec-gym --help": ["-m", "mec_gym", "--help"],
    "mec-gym train paper --help": ["-m", "mec_gym", "train", "paper", "--help"],
    "mec-gym evaluate --help": ["-m", "mec_gym", "evaluate", "--help"],
}


def seconds(command: list[str]) -> float:
    """Return the processor's seconds of a command of Python's."""
    before = os.times()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - sum(before[2:4])


def figures() -> dict[str, float]:
    """Return every figure by name."""
    return {
        f"{name}, s": min(seconds(command) for _ in range(RUNS))
        for name, command in STARTED.items()
    }


if __name__ == "__main__":
    common.main(__doc__, {"Starting": figures})
