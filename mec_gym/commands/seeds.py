"""`mec-gym train PRESET --seeds 0:5`: the same training from several seeds, side by side."""

import re
from collections.abc import Sequence
from pathlib import Path

from mec_gym import jobs, policies
from mec_gym.commands import shell
from mec_gym.commands.workers import Sharing
from mec_gym.jobs.pieces import Piece
from mec_gym.policies.trained import TrainedPolicy, load_policy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.pieces import training

_RANGE = re.compile(r"(\d+):(\d+)")
_LIST = re.compile(r"\d+(,\d+)*")
_MOST = 100_000
_REFERENCE_SECONDS = 0.1


def seeds_of(text: str) -> list[int]:
    """Return the seeds that a text means: "0:5" are 0, 1, 2, 3 and 4; "0,3,7" these three.

    Raises:
        ValueError: it means none, or one twice.
    """
    if (found := _RANGE.fullmatch(text)) and len(text) < 20:
        first, end = int(found[1]), int(found[2])
        if first < end <= first + _MOST:
            return list(range(first, end))
    elif _LIST.fullmatch(text):
        seeds = [int(seed) for seed in text.split(",")]
        if len(set(seeds)) == len(seeds):
            return seeds
    raise ValueError(f"seeds: {text!r} names none; give FIRST:END, as 0:5 for 0 to 4, or 0,3,7")


def directory_of(name: str, config: TrainConfig, start_from: TrainedPolicy | None) -> Path:
    """Return where runs go if nothing else is said: the same place for the same settings."""
    return Path("runs") / f"{name}-{training('', config.replace(seed=0), start_from).digest[:8]}"


def pieces_of(
    config: TrainConfig,
    seeds: Sequence[int],
    start_from: TrainedPolicy | None,
    imports: Sequence[str],
    checkpoint_seconds: float,
) -> list[Piece]:
    """Return a piece for each seed.

    Raises:
        ValueError: a seed is not one of training.
    """
    return [
        training(
            f"seed-{seed}",
            config.replace(seed=seed),
            start_from,
            tuple(imports),
            checkpoint_seconds=checkpoint_seconds,
        )
        for seed in seeds
    ]


def train(pieces: Sequence[Piece], config: TrainConfig, out: Path, sharing: Sharing) -> int:
    """Train what is not finished, print the table of all, and return the exit status.

    Raises:
        CommandError: a run failed; the message names each.
        ValueError: the directory holds something else, or the workers cannot be had.
    """
    store, workers = jobs.Directories(out), sharing.workers()
    if sharing.dry_run:
        print(jobs.estimate(pieces, store, workers, unit="run"))
        return 0
    failed = jobs.run(pieces, store, workers, unit="run")
    trained = [load_policy(store.path(piece)) for piece in pieces if piece.name not in failed]
    if trained:
        _show(trained, config, out)
    if failed:
        said = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise shell.CommandError(
            f"{len(failed)} of {len(pieces)} runs failed: {said}; the same command does these again"
        )
    return 0


def _show(trained: Sequence[TrainedPolicy], config: TrainConfig, out: Path) -> None:
    from mec_gym.benchmark import report
    from mec_gym.benchmark.comparison import compare, find_reference
    from mec_gym.commands import over_time
    from mec_gym.sb3.run.heldout import episodes_of

    played = {config.name: trained} | {name: [policies.get(name)] for name in policies.BASELINES}
    if config.scenario.slots > 1:
        over_time.show_held_out(played, config, str(out), episodes_of(config))
        return
    heldout = config.scenario.sample(config.heldout_slots, config.heldout_seed)
    count = f"{len(trained)} seeds, " if len(trained) > 1 else ""
    reference = find_reference(heldout, _REFERENCE_SECONDS)
    results = compare(played, heldout, config.heldout_seed, reference)
    report.show(results, f"{out}: {count}{len(heldout)} held-out slots")
