"""`python -m evaluate.verify RUN ...`: check that every file of a run is as it was written."""

import argparse
import sys
from pathlib import Path

from mec_gym.sb3.run.directory import verify


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m evaluate.verify", description=__doc__)
    parser.add_argument("run", nargs="+", type=Path, help="run directory")
    status = 0
    for directory in parser.parse_args(arguments).run:
        try:
            print(f"{directory}: {verify(directory)} files, each as it was written")
        except (ValueError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
