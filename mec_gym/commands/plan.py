"""`mec-gym plan NETWORK --out DIR`: which policy to run, how much to build, and where."""

import math
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import arg

from mec_gym.benchmark import shards
from mec_gym.benchmark.models import load_models
from mec_gym.benchmark.shards import Place
from mec_gym.commands import shell
from mec_gym.commands.arguments import by_default, listed, parse
from mec_gym.commands.workers import Sharing
from mec_gym.io.extras import remedy
from mec_gym.io.progress import remark
from mec_gym.planning import folder, plan, readings, sites, tables, varying, written
from mec_gym.planning.measures import TARGETS
from mec_gym.planning.plan import Request
from mec_gym.planning.targets import Target
from mec_gym.policies import POLICIES, SHIPPED
from mec_gym.presets import PRESETS
from mec_gym.scenario import Scenario

_MOST_AXES = 2
_MAKES = {"deadline_s", "handover_s", "state_bits", "drop_penalty_s", "slots"}
"""Fields that give a network what targets may be of."""


@dataclass(frozen=True, kw_only=True)
class Arguments(Sharing):
    """Plan an edge network: which policy to run, how much to build, which sites to equip.

    Without --vary and --where policies are compared on the network as it is.
    """

    network: Annotated[
        str,
        tyro.conf.Positional,
        arg(metavar="NETWORK", help_behavior_hint="(required)"),
    ]
    """Network to plan: a preset, a TOML file, or your own as "module:name"."""
    out: Annotated[Path, arg(metavar="DIR", help_behavior_hint="(required)")]
    """Directory for tables and pictures; the same command goes on there where it was stopped."""
    vary: Annotated[
        tyro.conf.UseAppendAction[list[tuple[str, str]]],
        arg(
            metavar="FIELD VALUES",
            help="Field of the network to vary, and its values: FROM:TO or FROM:TO:STEP, both ends"
            " included, or A,B,C; channel.FIELD is the channel's, server_ghz is server_hz in GHz."
            " Given twice it is a grid.",
        ),
        by_default("nothing"),
    ] = field(default_factory=list)
    target: Annotated[str | None, arg(metavar='"p95 <= 0.2 s"'), by_default("none")] = None
    """What the network must come to; what is said of it says so with its interval."""
    where: Annotated[int | None, arg(metavar="K"), by_default("all sites")] = None
    """How many of the sites get servers; the best ones are searched for."""
    policies: Annotated[
        list[str], arg(metavar="NAME ..."), by_default("those that suit the network")
    ] = field(default_factory=list)
    """Policies by name, trained ones too, run directories, or your own as "module:name"."""
    instances: Annotated[
        int | None, arg(metavar="INT"), by_default("200, 10 of large networks; 10 episodes, or 4")
    ] = None
    """How many slots of each network to play; episodes, where slots follow one another."""
    seed: int = 1_000_001
    """Seed of the slots and of intervals."""
    time_limit: Annotated[
        float | None, arg(metavar="FLOAT"), by_default("10 s for all slots of a network, 1 at most")
    ] = None
    """Seconds a slot to prove its optimum; beyond them a lower bound stands in its place."""
    pictures: bool = True
    """Whether to draw pictures."""
    processes: Annotated[
        int | None, arg(metavar="K"), by_default("one a core with --vary, else this process")
    ] = None
    """How many pieces to do at a time on this machine."""
    strict: bool = False
    """Take a scenario that can hardly be meant as an error, not as a warning."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, where a file names it; may be repeated."""


def lists() -> list[str]:
    """Return what there is to choose from, for `--help`."""
    return [
        listed("networks", PRESETS),
        listed("quantities", (f"{name} ({each.text})" for name, each in TARGETS.items())),
        listed("policies", [*POLICIES, *SHIPPED]),
    ]


def request_of(given: Arguments) -> Request:
    """Return what a command line asks for, checked as far as it can be before work starts.

    Raises:
        ValueError: it cannot be had; the message names the argument.
    """
    for name, least in (("instances", 1), ("seed", 0)):
        number = getattr(given, name)
        if number is not None and number < least:
            raise ValueError(f"{name}: {number}; it must be at least {least}")
    if given.time_limit is not None and not 0 < given.time_limit < math.inf:
        raise ValueError(f"time_limit: {given.time_limit}; it must be above 0 seconds, and finite")
    if given.where is not None and given.vary:
        raise ValueError("where, vary: give one of the two")
    if len(given.vary) > _MOST_AXES:
        raise ValueError(f"vary: {len(given.vary)} fields; give two at most")
    scenario = Scenario.of(given.network)
    if not given.vary:
        plan.check_network(scenario)
    axes = tuple(varying.axis(name, values, scenario) for name, values in given.vary)
    fields = {axis.field for axis in axes}
    like = scenario  # what is played, which is of episodes also where slots are varied
    if "slots" in fields:
        like = next(each.scenario for each in varying.points(scenario, axes) if each.scenario)
    if like.slots > 1:
        _check_over_time(given)
    if given.where is not None:
        sites.check_count(given.where, scenario.capacities, scenario.num_devices, scenario.columns)
    models = load_models(given.policies or plan.default_policies(like), given.seed)
    for model in models:
        if not model.sees_enough(scenario):
            raise ValueError(
                f"policies: {model.source} looks at tasks that the network's lookahead of"
                f" {scenario.lookahead} hides; give one that was trained for it"
            )
    target = None if given.target is None else Target.parse(given.target)
    count = given.instances or plan.default_instances(like)
    asked = Request(
        given.network,
        scenario,
        models,
        count,
        given.seed,
        given.time_limit or plan.default_time_limit(count),
        axes,
        target,
        given.where,
        tuple(given.imports),
    )
    if target is not None and not _MAKES & fields:
        target.check(scenario.sample(1, given.seed))
    return asked


def _check_over_time(given: Arguments) -> None:
    """Check that what is asked for goes with slots that follow one another.

    Raises:
        ValueError: it does not; the message names the argument.
    """
    if given.where is not None:
        raise ValueError(
            "where: sites are chosen by slots by themselves; leave out slots and what goes with it"
            " from the network, choose, and plan the network.toml of that with slots"
        )
    if given.time_limit is not None:
        raise ValueError("time_limit: it is for optima of slots by themselves; leave it out")
    if given.shared and not given.vary:
        raise ValueError(
            "processes, ray, dry_run: episodes of one network are played in this process; leave"
            " them out"
        )


def main(arguments: list[str], launcher: str) -> int:
    """Plan the network that the arguments name."""
    shell.import_modules(arguments)
    given = parse(Arguments, arguments, f"{launcher} plan", lists())
    if given.pictures and find_spec("matplotlib") is None:
        extra = remedy("a plan's pictures", "matplotlib", "render")
        raise ValueError(f"pictures: {extra}, or give --no-pictures")
    asked = request_of(given)
    folder.check(given.out, asked.settings)
    try:
        with folder.undone(given.out):
            (_sweep if asked.axes else _network)(asked, given)
    except KeyboardInterrupt:
        if not (asked.axes or given.shared):
            raise
        print(
            f"interrupted; {given.out} has what is finished, the same command goes on",
            file=sys.stderr,
        )
        return shell.INTERRUPTED
    return 0


def _network(asked: Request, given: Arguments) -> None:
    if given.storage is not None and given.ray is None:
        raise ValueError("storage: it is for machines of --ray; leave it out")
    place = Place(given.out / folder.PIECES, given.workers()) if given.shared else None
    if given.dry_run and place is not None:
        if asked.where is not None:
            raise ValueError("dry_run: the sites are chosen first; leave it out, or --where")
        folder.begin(given.out, asked.settings)
        _, comparison = plan.comparison(asked, None)
        print(shards.estimate([comparison], place))
        return
    if asked.where is not None:
        remark(f"choosing {asked.where} of {asked.scenario.num_servers} sites")

    def begin() -> None:
        folder.begin(given.out, asked.settings)
        if asked.scenario.slots > 1:
            remark(
                f"playing episodes ({asked.instances}) by policies ({len(asked.models)}), beside a"
                " search over whole ones; what is new here is compiled first, for a minute or more"
            )
            return
        remark(
            f"playing slots ({asked.instances}) by policies ({len(asked.models)}), beside optima;"
            " what is new here is compiled first, once, for a minute or more"
        )

    made = plan.of_network(asked, place, begin)
    of = f"{made.scenario.num_devices} devices, {made.scenario.num_servers} servers"
    title = f"{asked.name}: {of}, {made.said}, seed {asked.seed}"
    # Written first: who reads what is printed may go before its end.
    names = written.write_network(given.out, asked, made, given.pictures)
    tables.show_network(made, title, _energy_counts(asked), asked.target)
    _say(given.out, names)


def _sweep(asked: Request, given: Arguments) -> None:
    points = varying.points(asked.scenario, asked.axes)
    made = plan.pieces(asked, points)
    place = Place(given.out / folder.PIECES, given.workers())
    networks = [point.scenario for point in points if point.scenario is not None]
    plan.check_policies(asked.models, networks, asked.seed)
    folder.begin(given.out, asked.settings)
    if given.dry_run:
        print(plan.estimate(made, place))
        return
    found = plan.of_sweep(points, made, place)
    best = readings.best_policy(found, asked.barred)
    kind = "episodes" if any(each.slots > 1 for each in networks) else "slots"
    title = f"{asked.name}: {asked.instances} {kind} a point, seed {asked.seed}"
    names = written.write_sweep(given.out, asked, found, best, given.pictures)
    tables.show_sweep(found, asked.axes, title, _energy_counts(asked), asked.target, best)
    _say(given.out, names)


def _energy_counts(asked: Request) -> bool:
    scenario, target = asked.scenario, asked.target
    if target is not None and target.name == "energy":
        return True
    varied = {axis.field for axis in asked.axes}
    return any(
        getattr(scenario, name) is not None or name in varied
        for name in ("energy_weight", "local_hz")
    )


def _say(out: Path, names: list[str]) -> None:
    print(f"\n{out} has {', '.join(names)}")
