"""`mec-gym train PRESET [--field value ...]`: train DQN-RAO, then say how well it does."""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Annotated

import tyro
from tyro.conf import arg

from mec_gym import policies
from mec_gym.commands import shell
from mec_gym.commands.arguments import by_default, listed, parse
from mec_gym.commands.workers import Sharing
from mec_gym.io.files import check_writable
from mec_gym.observations import OBSERVATIONS
from mec_gym.presets import PRESETS
from mec_gym.rewards import REWARDS
from mec_gym.sb3.agent.losses import LOSSES
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.presets import TRAIN_PRESETS

# What learns is imported once there is something to train: torch takes seconds.

_USAGE = """usage: {train} PRESET [--out DIR] [--episodes N] [--field VALUE]

PRESET is one of
{presets};
or a TOML file of fields, such as a run's config.toml.
`{train} --resume DIR` goes on with a run that was stopped.
`{train} PRESET --seeds 0:5` trains from five seeds, side by side.
`{train} foresight` learns what work left over costs, where slots follow
one another.
`{train} DIR/config.toml --from DIR --seed N` takes a finished
one further.
`{train} paper --help` lists the fields, their defaults and
where those come from, and the scenarios, observations, rewards and losses."""


@dataclass(frozen=True)
class Arguments(Sharing):
    """Train DQN-RAO into a run directory, and compare it with the baselines on held-out slots."""

    config: tyro.conf.OmitArgPrefixes[TrainConfig]
    out: Annotated[Path | None, arg(metavar="DIR"), by_default("a new one under runs/")] = None
    """Run directory to make."""
    seeds: Annotated[
        str | None,
        arg(
            metavar="FIRST:END|N,N",
            help="Train a run from each of these seeds, such as 0:5, into --out or a directory"
            " under runs/ that is the same for the same settings; the same command goes on where"
            " it was stopped.",
        ),
        by_default("one run"),
    ] = None
    start_from: Annotated[
        str | None,
        arg(
            name="from",
            metavar="DIR|NAME",
            help="Run directory or shipped network whose weights the run begins with; --seed N,"
            " another than its own, gives new slots, and --epsilon-start less exploration.",
        ),
        by_default("new weights"),
    ] = None
    resume: Annotated[Path | None, arg(metavar="DIR"), by_default("a new run")] = None
    """Run directory of a run that was stopped, to go on with; no preset needs to be given."""
    checkpoint_seconds: float = 30.0
    """Seconds between two checkpoints."""
    keep: int = 1
    """How many checkpoints to keep."""
    export_sb3: Annotated[Path | None, arg(metavar="FILE.zip"), by_default("no file")] = None
    """Stable-Baselines3 zip to write as well; it is never read here."""
    strict: bool = False
    """Take a scenario that can hardly be meant as an error, not as a warning."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, for what is given as "module:name"; may be repeated."""


def usage(command: str) -> str:
    """Return what the command says of itself where no preset is given."""
    presets = fill(", ".join(TRAIN_PRESETS), 79, break_on_hyphens=False)
    return _USAGE.format(train=command, presets=presets)


def lists() -> list[str]:
    """Return what there is to choose from, for `--help`."""
    return [
        listed("presets", TRAIN_PRESETS),
        listed("scenarios", PRESETS),
        listed("observations", OBSERVATIONS),
        listed("rewards", REWARDS),
        listed("losses", LOSSES),
    ]


def main(arguments: list[str], launcher: str) -> int:
    """Train what the arguments say, and print how well it does."""
    command = f"{launcher} train"
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(command), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    first, *flags = arguments
    if first == "foresight":
        from mec_gym.commands import foresight

        return foresight.main(flags, launcher)
    resuming = first == "--resume"
    if first.startswith("-") and not (resuming and flags):
        raise ValueError(
            f"{first}: a preset or a TOML file comes first, or --resume DIR; presets:"
            f" {', '.join(TRAIN_PRESETS)}"
        )
    shell.import_modules(flags)
    source, flags = (flags[0], arguments) if resuming else (first, flags)
    given = parse(
        Arguments, flags, f"{command} {source}", lists(), Arguments(_base(source, resuming))
    )
    if given.out is not None and given.resume is not None:
        raise ValueError("out, resume: give one of the two")
    if given.export_sb3 is not None:
        check_writable(given.export_sb3, "export_sb3")
    if given.seeds is not None:
        return _train_seeds(given, Path(source).stem, flags, launcher)
    if given.ray is not None or given.processes is not None or given.storage or given.dry_run:
        raise ValueError("seeds: --processes, --ray, --storage and --dry-run go with --seeds 0:5")
    return _train(given, Path(source).stem, launcher)


def _train_seeds(given: Arguments, name: str, flags: list[str], launcher: str) -> int:
    """Train from several seeds, and return the exit status."""
    from mec_gym.benchmark.models import runs_of
    from mec_gym.commands import seeds
    from mec_gym.policies.trained import load_policy

    if given.resume is not None or given.export_sb3 is not None or "--seed" in flags:
        raise ValueError(
            "seeds: it goes with no --seed, --resume or --export-sb3; the same command goes on with"
            " runs that were stopped"
        )
    config = given.config
    if given.out is not None and (given.out / "config.toml").exists():
        raise ValueError(f"out: {given.out} is a run itself; give a directory for runs")
    first = None if given.start_from is None else load_policy(given.start_from)
    numbers = seeds.seeds_of(given.seeds or "")
    modules = _modules(given)
    pieces = seeds.pieces_of(config, numbers, first, modules, given.checkpoint_seconds)
    out = given.out or seeds.directory_of(name, config, first)
    status = seeds.train(pieces, config, out, given)
    if not given.dry_run:
        runs = [str(out / piece.name) for piece in pieces]
        models = str(out) if runs_of(str(out)) == runs else " ".join(runs)
        imports = "".join(f" --imports {module}" for module in modules)
        print(f"Next: tensorboard --logdir {out} (the curves), or")
        print(f"{launcher} evaluate --model {models}{_many(config)}{imports}")
    return status


def _base(source: str, resuming: bool) -> TrainConfig:
    """Return the configuration that flags change: a run's, a file's or a preset's."""
    if resuming:
        from mec_gym.sb3.run.directory import config_of

        return config_of(Path(source))
    if source.endswith(".toml"):
        return TrainConfig.from_toml(source)
    return TrainConfig.preset(source)


def _in_flags(error: ValueError, directory: Path) -> str:
    """Return what `train` says of its arguments in the words of the command line."""
    said = re.sub(r"^directory: ", "out: ", str(error))
    said = said.replace("train(..., resume=True)", f"--resume {directory}")
    return said.replace("start_from", "from")


def _modules(given: Arguments) -> list[str]:
    """Return the modules of a user's own that the run's files name or that were asked for."""
    config = given.config
    kinds = [scenario.channel.kind for scenario in (config.scenario, *config.scenarios)]
    named = [config.observation, config.reward, config.loss, *kinds]
    own = [name.partition(":")[0] for name in named if ":" in name]
    return list(dict.fromkeys([*given.imports, *own]))


def _many(config: TrainConfig) -> str:
    """Return the flag that has many slots played; episodes are many already."""
    return " --instances 10000" if config.scenario.slots == 1 else ""


def _train(given: Arguments, name: str, launcher: str) -> int:
    """Train, print how well it does, and return the exit status."""
    from mec_gym.benchmark import report
    from mec_gym.benchmark.comparison import Reference, compare
    from mec_gym.benchmark.over_time import Yardsticks
    from mec_gym.commands import over_time
    from mec_gym.episodes import Episodes
    from mec_gym.sb3.agent.export import export
    from mec_gym.sb3.run.directory import BEST
    from mec_gym.sb3.run.training import default_directory, train

    directory = given.resume or given.out or default_directory(name)
    imports = "".join(f" --imports {module}" for module in _modules(given))
    try:
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
        cut = f", cut short after {result.episodes} episodes" if result.interrupted else ""
        if not result.last_is_best:
            trained[f"{name}-best"] = [result.best]
        played = trained | {baseline: [policies.get(baseline)] for baseline in policies.BASELINES}
        title, heldout = f"{directory}{cut}", result.heldout
        results = None
        if isinstance(heldout, Episodes):
            assert isinstance(result.reference, Yardsticks)  # of episodes
            over_time.show_held_out(played, given.config, title, heldout, result.reference)
        else:
            assert isinstance(result.reference, Reference)  # of slots
            results = compare(played, heldout, given.config.heldout_seed, result.reference)
    except (FloatingPointError, OSError) as error:
        raise shell.CommandError(
            f"{error}; {directory} keeps what was saved before, --resume {directory} goes on"
            " from there"
        ) from None
    except ValueError as error:
        raise ValueError(_in_flags(error, directory)) from None
    if result.interrupted:
        print(f"To go on with it: {launcher} train --resume {directory}{imports}")
    if results is not None:
        report.show(results, f"{title}: {len(heldout)} held-out slots")
    models = [str(directory)]
    if result.last_is_best:
        print(f"{name} is the last policy; no held-out evaluation before was better.")
    else:
        models.append(str(directory / BEST))
        print(
            f"{name} is the last policy, {name}-best that of the best held-out evaluation\n"
            f"({result.best.training['steps']} decisions), in {directory / BEST}.\n"
            "It was chosen on these slots, so it looks better here than it is;\nfresh slots decide."
        )
    # Where there is a Makefile, whose verbs look in runs/ and import nothing.
    in_checkout = launcher == "python -m" and directory.parent == Path("runs") and not imports
    print(
        "Next: make tensorboard (the curves), make evaluate (on fresh slots), or"
        if in_checkout
        else f"Next: tensorboard --logdir {directory.parent} (the curves), or"
    )
    print(f"{launcher} evaluate --model {' '.join(models)}{_many(given.config)}{imports}")
    return shell.INTERRUPTED if result.interrupted else 0
