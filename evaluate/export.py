"""`python -m evaluate.export MODEL FILE.onnx`: write a trained policy for other runtimes."""

import argparse
import sys
from pathlib import Path

from mec_gym.policies import onnx
from mec_gym.policies.trained import load_policy


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m evaluate.export", description=__doc__)
    parser.add_argument("model", help="run directory, or name of a policy that comes with mec_gym")
    parser.add_argument("file", type=Path, help="ONNX file to write")
    given = parser.parse_args(arguments)
    try:
        policy = load_policy(given.model)
        onnx.export(policy, given.file)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        f"{given.file}: input observation ({policy.observation}), outputs q_values and server;"
        f" {given.file.stat().st_size:,} bytes"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
