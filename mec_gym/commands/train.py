"""`mec-gym train PRESET [--field value ...]`: train DQN-RAO, then say how well it does."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mec_gym import policies
from mec_gym.benchmark import report
from mec_gym.benchmark.comparison import compare
from mec_gym.commands import shell
from mec_gym.io.files import check_writable
from mec_gym.sb3.agent.export import export
from mec_gym.sb3.run.config import TRAIN_PRESETS, TrainConfig
from mec_gym.sb3.run.curves import BASELINES
from mec_gym.sb3.run.directory import BEST, config_of
from mec_gym.sb3.run.training import CHECKPOINT_SECONDS, default_directory, train

USAGE = f"""usage: {{train}} PRESET [--out DIR] [--episodes N] [--seed S] [any other field]

PRESET is one of: {", ".join(TRAIN_PRESETS)}; or a TOML file of fields, such as a run's config.toml.
`{{train}} --resume DIR` goes on with a run that was stopped.
`{{train}} DIR/config.toml --from DIR --seed N` takes one that is finished further.
`{{train}} paper --help` lists the fields, their defaults and where those come from."""


@dataclass(frozen=True)
class Arguments:
    """Train DQN-RAO into a run directory, and compare it with the baselines on held-out slots."""

    config: tyro.conf.OmitArgPrefixes[TrainConfig]
    out: Path | None = None
    """the run directory to make; by default a new one under runs/"""
    start_from: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """the run directory or shipped network whose weights the run begins with; --seed N, another
    than its own, gives new slots, and --epsilon-start less exploration"""
    resume: Path | None = None
    """the run directory of a run that was stopped, to go on with; no preset needs to be given"""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    """between two checkpoints"""
    keep: int = 1
    """how many checkpoints to keep"""
    export_sb3: Path | None = None
    """Stable-Baselines3 zip to write as well; it is never read here"""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """module of your own to import first, for what is given as "module:name"; may be repeated"""


def main(arguments: list[str], launcher: str) -> int:
    """Train what the arguments say, and print how well it does."""
    command = f"{launcher} train"
    resuming = len(arguments) > 1 and arguments[0] == "--resume"
    if not arguments or (arguments[0].startswith("-") and not resuming):
        asked = bool(arguments) and arguments[0] in ("-h", "--help")
        print(USAGE.format(train=command), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    source, flags = (arguments[1], arguments) if resuming else (arguments[0], arguments[1:])
    directory = default_directory(Path(source).stem)
    try:
        shell.import_modules(flags)
        if resuming:
            base = config_of(Path(source))
        elif source.endswith(".toml"):
            base = TrainConfig.from_toml(source)
        else:
            base = TrainConfig.preset(source)
        given = tyro.cli(Arguments, default=Arguments(base), args=flags, prog=f"{command} {source}")
        if given.out is not None and given.resume is not None:
            raise ValueError("out, resume: give one of the two")
        if given.export_sb3 is not None:
            check_writable(given.export_sb3, "export_sb3")
        directory = given.resume or given.out or directory
        result = train(
            given.config,
            directory,
            start_from=given.start_from,
            resume=given.resume is not None,
            checkpoint_seconds=given.checkpoint_seconds,
            keep=given.keep,
        )
        if given.export_sb3 is not None:
            export(result.policy, given.export_sb3)
        name = given.config.name
        trained = {name: [result.policy]}
        if not result.last_is_best:
            trained[f"{name}-best"] = [result.best]
        played = trained | {baseline: [policies.get(baseline)] for baseline in BASELINES}
        results = compare(played, result.heldout, given.config.heldout_seed, result.reference)
    except (FloatingPointError, OSError) as error:
        raise shell.CommandError(
            f"{error}; {directory} keeps what was saved before, --resume {directory} goes on"
            " from there"
        ) from None
    cut = f", cut short after {result.episodes} episodes" if result.interrupted else ""
    if result.interrupted:
        print(f"To go on with it: {command} --resume {directory}")
    report.show(results, f"{directory}{cut}: {len(result.heldout)} held-out slots")
    models = [str(directory)]
    if result.last_is_best:
        print(f"{name} is the last policy; no held-out evaluation before was better.")
    else:
        models.append(str(directory / BEST))
        print(
            f"{name} is the last policy, {name}-best that of the best held-out evaluation"
            f" ({result.best.training['steps']} decisions), in {directory / BEST}.\n"
            "It was chosen on these slots, so it looks better here than it is; fresh slots decide."
        )
    in_checkout = launcher == "python -m"  # where there is a Makefile
    print(
        "Next: make tensorboard (the curves), make evaluate (the newest run on fresh slots), or"
        if in_checkout
        else f"Next: tensorboard --logdir {directory.parent} (the curves), or"
    )
    print(
        f"{launcher} evaluate --model {' '.join(models)} --policies {' '.join(BASELINES)}"
        " --instances 10000"
    )
    return shell.INTERRUPTED if result.interrupted else 0
