"""`mec-gym evaluate`: compare policies and trained runs on the same slots."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import tyro
from tyro.conf import arg

from mec_gym import snapshots
from mec_gym.benchmark import (
    episode_leaderboard,
    frozen,
    frozen_episodes,
    leaderboard,
    report,
    shards,
)
from mec_gym.benchmark.models import Model, Polished, by_name, load_models, made_safe
from mec_gym.benchmark.online import with_online_gaps
from mec_gym.benchmark.shards import Comparison, Place
from mec_gym.commands import over_time, shell
from mec_gym.commands.arguments import by_default, listed, parse
from mec_gym.commands.workers import Sharing
from mec_gym.instance import Instance
from mec_gym.io import markdown
from mec_gym.io.files import check_writable, replace_file
from mec_gym.policies import BASELINES, POLICIES, SHIPPED, Policy, familiar
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.presets import PRESETS
from mec_gym.scenario import Scenario

_INSTANCES = 1000
_EPISODES = 20


@dataclass(frozen=True)
class Arguments(Sharing):
    """Compare policies and trained runs on the same slots: drawn, of a file, or benchmarks."""

    scenario: Annotated[
        str | None,
        arg(metavar="PRESET|FILE.toml"),
        by_default("that of the first trained model, or else paper"),
    ] = None
    """Scenario to draw slots from: a preset, a TOML file, or your own as "module:name"."""
    policies: Annotated[list[str], arg(metavar="NAME ...")] = field(
        default_factory=lambda: [*BASELINES]
    )
    """Policies by name, trained ones too, or your own as "module:name"."""
    model: Annotated[
        list[str],
        arg(
            metavar="RUN ...",
            help="Run directories, or names as for --policies; they come first, and runs that"
            " differ in nothing but the seed become one row, as those of a directory that `train"
            " --seeds` made do.",
        ),
        by_default("none"),
    ] = field(default_factory=list)
    polish: bool = False
    """Also show each model with its assignment improved by local search, as a row of its own."""
    safe: bool = False
    """Also show each trained network made safe by prices, as a row of its own."""
    instances: Annotated[int | None, arg(metavar="INT"), by_default(str(_INSTANCES))] = None
    """How many slots of a scenario to play; 20 episodes where slots follow one another."""
    instance: Annotated[
        Path | None,
        arg(
            metavar="FILE.npz|FILE.csv",
            help="Slots to play instead: an instance file, or a table of tasks, a device a row, on"
            " the network of --scenario.",
        ),
        by_default("slots of --scenario"),
    ] = None
    slot: Annotated[
        int | None,
        arg(
            metavar="K",
            help="Which slot of --instance to play alone: by the table's column slot, or the place"
            " in the file.",
        ),
        by_default("all"),
    ] = None
    seed: int = 1_000_001
    """Seed of the slots; of the seeds a model was trained with it must be none."""
    time_limit: float = 1.0
    """Seconds a slot to prove its optimum; beyond them the gap is to a lower bound."""
    benchmark: Annotated[
        list[str] | None, arg(metavar="[NAME ...]"), by_default("slots of --scenario")
    ] = None
    """Frozen benchmarks to play instead, all if none is named, with every policy there is."""
    json: Annotated[Path | None, arg(metavar="FILE"), by_default("no file")] = None
    """File to write the result to."""
    markdown: Annotated[Path | None, arg(metavar="FILE"), by_default("no file")] = None
    """File whose leaderboards --benchmark replaces, such as README.md."""
    strict: bool = False
    """Take a scenario that can hardly be meant as an error, not as a warning."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, where a run's files name it; may be repeated."""
    processes: Annotated[int | None, arg(metavar="K"), by_default("all slots at once")] = None
    """How many parts of the slots to play at a time on this machine."""
    keep: Annotated[
        Path | None,
        arg(
            metavar="DIR",
            help="Directory to keep finished parts of --processes or --ray in, from which the same"
            " command goes on.",
        ),
        by_default("nowhere"),
    ] = None


_OF_A_SCENARIO = ("scenario", "policies", "instances", "seed", "time_limit")
"""Arguments that have no meaning for a frozen benchmark."""


def lists() -> list[str]:
    """Return what there is to choose from, for `--help`."""
    return [
        listed("scenarios", PRESETS),
        listed("policies", POLICIES),
        listed("trained networks", (f"{name} ({what})" for name, what in SHIPPED.items())),
        listed("benchmarks", [*frozen.names(), *frozen_episodes.names()]),
    ]


def _scenario(given: str | None, models: Sequence[Model]) -> tuple[Scenario, str]:
    """Return the scenario to play, and what the table's title calls it."""
    if given is not None:
        return Scenario.of(given), given
    for model in models:
        if model.scenario is not None:
            preset = model.scenario.label
            return model.scenario, f"scenario of {model.source}" if preset == "custom" else preset
    return Scenario(), "paper"


def _slots(given: Arguments, models: Sequence[Model]) -> tuple[Instance, Scenario, str]:
    """Return the slots to play, the scenario that policies know, and what the title calls it."""
    if given.instance is not None:
        named = None if given.scenario is None else Scenario.of(given.scenario)
        slots, scenario = snapshots.load(given.instance, named, given.seed, given.slot)
        network = "" if given.scenario is None else f" on {given.scenario}"
        return slots, scenario, f"{given.instance}{network}"
    scenario, called = _scenario(given.scenario, models)
    count = _INSTANCES if given.instances is None else given.instances
    return scenario.sample(count, given.seed), scenario, called


def on_scenario(
    given: Arguments, models: Sequence[Model], others: Sequence[Model]
) -> tuple[Comparison, Scenario]:
    """Return the comparison on slots of one scenario or file, and what policies know of them.

    Its title is what it is called; `models` and `others` are those of --model and --policies.
    """
    slots, scenario, called = _slots(given, [*models, *others])
    for model in [*models, *others]:
        if not model.sees_enough(scenario):
            raise ValueError(
                f"model: {model.source} looks at tasks that the scenario's lookahead of"
                f" {scenario.lookahead} hides; give one that was trained for it"
            )
    policies = by_name([*models, *others], scenario)
    if given.polish:
        better = "polished in hindsight" if scenario.hides_future else "polished"
        to_polish = by_name(models, scenario)
        policies = (
            to_polish
            | {f"{name}, {better}": [*map(Polished, row)] for name, row in to_polish.items()}
            | policies
        )
    policies = _made_safe(policies, slots, scenario, given.safe)
    comparison = Comparison(
        policies, slots, given.seed, given.time_limit, called, tuple(given.imports)
    )
    return comparison, scenario


def _made_safe(
    policies: Mapping[str, Sequence[Policy]], slots: Instance, scenario: Scenario, each: bool
) -> dict[str, Sequence[Policy]]:
    """Return policies, with one more row for a network that the slots are strange to, or for each.

    That is the network's or the assignment of `prices`, whichever costs less in a slot; where the
    future is hidden, the network held to what `prices-online` reckons.
    """
    made: dict[str, Sequence[Policy]] = {}
    for name, row in policies.items():
        made[name] = row
        networks = [policy for policy in row if isinstance(policy, TrainedPolicy)]
        strange = familiar.warn(row[0], name, slots)
        if networks and (strange or each):
            beside = "prices-online" if scenario.hides_future else "prices"
            made[f"{name}, or {beside}"] = [made_safe(network, scenario) for network in networks]
    return made


@contextmanager
def place_of(given: Arguments) -> Iterator[Place | None]:
    """Give the place of the shards; None: all is played in this process.

    Raises:
        ValueError: the flags contradict each other, or the workers cannot be had.
    """
    if not given.shared:
        if given.keep is not None or given.storage is not None:
            raise ValueError("keep, storage: they go with --processes K or --ray")
        yield None
        return
    workers = given.workers()
    with TemporaryDirectory(prefix="mec-gym-") as scratch:
        yield Place(given.keep or Path(scratch), workers)


def shown_on_scenario(
    given: Arguments, comparison: Comparison, scenario: Scenario, place: Place | None
) -> Any:
    """Compare on slots of one scenario, print the table and return the JSON."""
    (results,) = [comparison.here()] if place is None else shards.compare([comparison], place)
    results = with_online_gaps(
        results, comparison.policies, comparison.slots, scenario, comparison.seed
    )
    label, count = comparison.title, len(comparison.slots)
    slots = "1 slot" if count == 1 else f"{count} slots"
    report.show(results, f"{label}: {slots}, seed {given.seed}")
    of_file = {} if given.instance is None else {"instance": str(given.instance)}
    return {
        "scenario": label if given.instance is None else given.scenario,
        **of_file,
        "instances": count,
        "seed": given.seed,
        "difference_to": results[0].name,
        "policies": report.as_json(results),
    }


def _refuse_over_time(given: Arguments) -> None:
    """Refuse what goes with slots by themselves alone.

    Raises:
        ValueError: such a flag is given.
    """
    if given.shared or given.keep is not None:
        raise ValueError(
            "processes, ray, keep: episodes are played in this process; leave them out"
        )
    if given.polish:
        raise ValueError("polish: it improves slots by themselves; leave it out, or give one slot")
    if given.safe:
        raise ValueError("safe: it is for slots by themselves; leave it out, or give one slot")


def _apart(given: Arguments) -> tuple[list[str], list[str]]:
    """Return which of the benchmarks that are asked for are of slots by themselves, which not."""
    alone, follow = over_time.apart(given.benchmark or [*frozen.names(), *frozen_episodes.names()])
    left_out = given.shared and not given.benchmark  # they have no shards
    return alone, [] if left_out else follow


def _write_json(given: Arguments, result: Any) -> None:
    if given.json is not None:
        replace_file(given.json, f"{json.dumps(result, indent=2)}\n".encode())


def shown_on_benchmarks(
    given: Arguments, comparisons: Sequence[Comparison], place: Place | None
) -> Any:
    """Compare on frozen benchmarks, print the leaderboard and return the JSON."""
    board = leaderboard.play(comparisons, place)
    leaderboard.show(board)
    if given.markdown is not None:
        leaderboard.write_markdown(board, given.markdown)
    return leaderboard.as_json(board)


def evaluate(given: Arguments) -> None:
    """Compare what the arguments name."""
    for name, least in (("instances", 1), ("seed", 0)):
        number = getattr(given, name)
        if number is not None and number < least:
            raise ValueError(f"{name}: {number}; it must be at least {least}")
    if given.instance is None and given.slot is not None:
        raise ValueError(f"slot: {given.slot}; it chooses among those of --instance FILE")
    if given.instance is not None and (given.benchmark is not None or given.instances is not None):
        raise ValueError("instance: its slots are played, so leave out --instances and --benchmark")
    if given.json is not None:
        check_writable(given.json, "json")
    for field_ in ("policies", "model"):
        for name in getattr(given, field_):
            if "," in name and not Path(name).exists():
                apart = " ".join(name.replace(",", " ").split())
                raise ValueError(f"{field_}: {name!r}; spaces go between names: --{field_} {apart}")
    if given.benchmark is not None:
        said = [
            name for name in _OF_A_SCENARIO if getattr(given, name) != getattr(Arguments(), name)
        ]
        if said:
            raise ValueError(
                f"{', '.join(said)}: --benchmark has slots of its own, which every policy plays;"
                " leave that out, or --benchmark"
            )
    if given.safe and given.benchmark is not None:
        raise ValueError("safe: it is for networks on a scenario; give no --benchmark")
    if given.polish and (given.benchmark is not None or not given.model):
        raise ValueError("polish: it improves models on a scenario; give --model, no --benchmark")
    if given.markdown is not None:
        if given.benchmark is None:
            raise ValueError("markdown: it takes the leaderboard; give --benchmark as well")
        check_writable(given.markdown, "markdown")
        boards = zip(_apart(given), (leaderboard, episode_leaderboard), strict=True)
        for board in (board for names, board in boards if names):
            markdown.check_marks(given.markdown, board.MARKS)
    held_out = given.seed if given.benchmark is None else None
    models = load_models(given.model, held_out_seed=held_out)
    others: list[Model] = []
    slots_alone: list[str] = []
    follow: list[str] = []
    if given.benchmark is not None:
        slots_alone, follow = _apart(given)
    else:
        others = load_models(given.policies, held_out_seed=held_out)
        scenario, called = _scenario(given.scenario, [*models, *others])
        if given.instance is None and scenario.slots > 1:
            _refuse_over_time(given)
            count = _EPISODES if given.instances is None else given.instances
            players = [*models, *others]
            _write_json(given, over_time.on_scenario(players, scenario, called, count, given.seed))
            return
    with place_of(given) as place:
        if follow and place is not None:
            raise ValueError(
                f"benchmark: {', '.join(follow)} are episodes, which are played in this process;"
                " leave out --processes, --ray and --keep, or name others"
            )
        if follow and not slots_alone:
            _write_json(given, over_time.on_benchmarks(follow, models, given.markdown))
            return
        if given.benchmark is None:
            comparison, scenario = on_scenario(given, models, others)
            comparisons = [comparison]
        else:
            alone = [
                model for model in models if not (follow and over_time.plays_nothing_else(model))
            ]
            comparisons = leaderboard.comparisons(slots_alone, alone, given.imports)
        if given.dry_run and place is not None:
            print(shards.estimate(comparisons, place))
            return
        result = (
            shown_on_scenario(given, comparison, scenario, place)
            if given.benchmark is None
            else shown_on_benchmarks(given, comparisons, place)
        )
        if follow:
            result |= over_time.on_benchmarks(follow, models, given.markdown)
    _write_json(given, result)


def main(arguments: list[str], launcher: str) -> int:
    """Compare what the arguments name."""
    shell.import_modules(arguments)
    given = parse(Arguments, arguments, f"{launcher} evaluate", lists())
    if "--model" in arguments and not given.model:
        raise ValueError(f"model: none is named; give run directories, or of {', '.join(SHIPPED)}")
    if not (given.policies or given.model):
        raise ValueError(
            f"policies: none is named; give at least 1 of {', '.join([*POLICIES, *SHIPPED])}"
        )
    try:
        evaluate(given)
    except KeyboardInterrupt:
        if given.keep is None:
            raise
        print(f"interrupted; {given.keep} has the finished parts", file=sys.stderr)
        return shell.INTERRUPTED
    return 0
