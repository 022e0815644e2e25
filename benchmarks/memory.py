"""Memory, and the time of the import: `python -m benchmarks.memory [--json FILE]` (Linux).

MB are 10^6 bytes of resident memory beyond the interpreter with its imports, each in a process of
its own; what first use loads counts, as Numba and the compiled loop do in a batch of any size. A
step is one decision of one device; training stores 100,000 of them.
"""

import subprocess
import sys
import time

from benchmarks import common


def start_seconds(code: str) -> float:
    """Return the least seconds of five that an interpreter takes for some code."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


def figures() -> dict[str, float]:
    """Return every figure by name."""
    result = {"import mec_gym, s": start_seconds("import mec_gym") - start_seconds("")}
    if not sys.platform.startswith("linux"):
        print("  memory is read from /proc, so it is measured on Linux alone")
        return result
    for title, kind, copies in (
        ("batch of 4096", "native", 4096),
        ("batch of 64", "native", 64),
        ("SyncVectorEnv of 64", "sync", 64),
    ):
        answer = common.answer("benchmarks.env_memory", kind, copies)
        result[f"{title}, 3 slots, MB"] = answer["peak"]
    for title, measured in {
        "ours": common.answer("benchmarks.our_dqn", 4000, "--memory"),
        "stock Stable-Baselines3": common.answer("benchmarks.stock_sb3", 4000, "--memory"),
        "SBX": common.rival_answer("benchmarks.rivals.sbx_dqn", 4000, "--memory"),
    }.items():
        if measured is not None:
            result[f"{title}: 100,000 transitions stored, MB"] = measured["stored"]
            result[f"{title}: training with them, MB"] = measured["peak"]
    return result


if __name__ == "__main__":
    common.main(__doc__, {"Memory": figures})
