"""`python -m train PRESET [--field value ...]`: train DQN-RAO, then say how well it does."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from mec_gym import policies
from mec_gym.benchmark import report
from mec_gym.benchmark.comparison import compare
from mec_gym.io.files import check_writable
from mec_gym.sb3.agent.export import export
from mec_gym.sb3.run.config import TRAIN_PRESETS, TrainConfig
from mec_gym.sb3.run.curves import BASELINES
from mec_gym.sb3.run.directory import config_of
from mec_gym.sb3.run.training import CHECKPOINT_SECONDS, default_directory, train

USAGE = f"""usage: python -m train PRESET [--out DIR] [--episodes N] [--seed S] [any other field]

PRESET is one of: {", ".join(TRAIN_PRESETS)}; or a TOML file of fields, such as a run's config.toml.
`python -m train --resume DIR` goes on with a run that was stopped.
`python -m train paper --help` lists the fields, their defaults and where those come from."""

INTERRUPTED = 130
"""The exit status of a run that was cut short, as shells have it for Ctrl-C."""


@dataclass(frozen=True)
class Arguments:
    """Train DQN-RAO into a run directory, and compare it with the baselines on held-out slots."""

    config: tyro.conf.OmitArgPrefixes[TrainConfig]
    out: Path | None = None
    """the run directory to make; by default a new one under runs/"""
    resume: Path | None = None
    """the run directory of a run that was stopped, to go on with; no preset needs to be given"""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    """between two checkpoints"""
    keep: int = 1
    """how many checkpoints to keep"""
    export_sb3: Path | None = None
    """Stable-Baselines3 zip to write as well; it is never read here"""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    resuming = len(arguments) > 1 and arguments[0] == "--resume"
    if not arguments or (arguments[0].startswith("-") and not resuming):
        asked = bool(arguments) and arguments[0] in ("-h", "--help")
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    source, flags = (arguments[1], arguments) if resuming else (arguments[0], arguments[1:])
    directory = default_directory(Path(source).stem)
    try:
        if resuming:
            base = config_of(Path(source))
        elif source.endswith(".toml"):
            base = TrainConfig.from_toml(source)
        else:
            base = TrainConfig.preset(source)
        given = tyro.cli(
            Arguments, default=Arguments(base), args=flags, prog=f"python -m train {source}"
        )
        if given.out is not None and given.resume is not None:
            raise ValueError("out, resume: give one of the two")
        if given.export_sb3 is not None:
            check_writable(given.export_sb3, "export_sb3")
        directory = given.resume or given.out or directory
        result = train(
            given.config,
            directory,
            resume=given.resume is not None,
            checkpoint_seconds=given.checkpoint_seconds,
            keep=given.keep,
        )
        if given.export_sb3 is not None:
            export(result.policy, given.export_sb3)
        rows = {given.config.name: [result.policy]} | {
            name: [policies.get(name)] for name in BASELINES
        }
        scores = compare(rows, result.heldout, given.config.heldout_seed, result.reference)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (FloatingPointError, OSError) as error:
        print(
            f"error: {error}; {directory} keeps what was saved before, --resume {directory} goes on"
            " from there",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:  # before or after the training, which keeps what it has
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    cut = f", cut short after {result.episodes} episodes" if result.interrupted else ""
    if result.interrupted:
        print(f"To go on with it: python -m train --resume {directory}")
    report.show(scores, f"{directory}{cut}: {len(result.heldout)} held-out slots")
    print(
        "Next: make tensorboard (the curves), make evaluate (the newest run on fresh slots), or\n"
        f"python -m evaluate --model {directory} --policies {' '.join(BASELINES)}"
        " --instances 10000"
    )
    return INTERRUPTED if result.interrupted else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    sys.exit(main(sys.argv[1:]))
