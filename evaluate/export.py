"""`python -m evaluate.export MODEL FILE`: write a trained policy for others to use.

FILE.onnx is for other runtimes, FILE.zip for Stable-Baselines3.
"""

import argparse
import sys
from pathlib import Path

from mec_gym.io.settings import pick
from mec_gym.policies import onnx
from mec_gym.policies.trained import TrainedPolicy, load_policy


def to_zip(policy: TrainedPolicy, file: Path) -> None:
    """Write a Stable-Baselines3 zip."""
    from mec_gym.sb3.agent import export  # imports torch

    export.export(policy, file)


FORMATS = {".onnx": onnx.export, ".zip": to_zip}
"""By the end of a file's name, what writes it."""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m evaluate.export", description=__doc__)
    parser.add_argument("model", help="run directory, or name of a policy that comes with mec_gym")
    parser.add_argument("file", type=Path, help=" or ".join(f"FILE{end}" for end in FORMATS))
    given = parser.parse_args(arguments)
    try:
        policy = load_policy(given.model)
        pick(FORMATS, given.file.suffix, "file")(policy, given.file)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{given.file}: {given.file.stat().st_size:,} bytes; it takes observation"
        f" {policy.observation!r} of `MEC-Offload-v0`"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
