"""`mec-gym train foresight`: learn what work left over costs, for slots that follow one another."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import arg

from mec_gym.commands import shell
from mec_gym.commands.arguments import by_default, listed, parse
from mec_gym.presets import PRESETS
from mec_gym.sb3.foresight.config import ForesightConfig
from mec_gym.scenario import Scenario


@dataclass(frozen=True)
class Arguments:
    """Learn what work left over costs later, and keep the policy of the best round."""

    config: tyro.conf.OmitArgPrefixes[ForesightConfig] = field(default_factory=ForesightConfig)
    scenario: Annotated[str, arg(metavar="PRESET|FILE.toml")] = "queues"
    """Scenario of several slots: a preset, a TOML file, or your own as "module:name"."""
    out: Annotated[Path | None, arg(metavar="DIR"), by_default("a new one under runs/")] = None
    """Directory to make."""
    seeds: Annotated[
        str | None,
        arg(metavar="FIRST:END|N,N", help="Learn from each of these seeds, such as 0:5."),
        by_default("one"),
    ] = None
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, for what is given as "module:name"; may be repeated."""


def lists() -> list[str]:
    """Return what there is to choose from, for `--help`."""
    several = (name for name, fields in PRESETS.items() if fields.get("slots", 1) > 1)
    return [listed("scenarios", several)]


def main(arguments: list[str], launcher: str) -> int:
    """Learn what the arguments say, and print how well it does."""
    shell.import_modules(arguments)
    given = parse(Arguments, arguments, f"{launcher} train foresight", lists())
    scenario = Scenario.of(given.scenario)
    config = given.config
    from mec_gym.commands.seeds import seeds_of
    from mec_gym.sb3.foresight.training import check, train_into
    from mec_gym.sb3.run.training import default_directory

    out = given.out or default_directory("foresight")
    folders = {out: config}
    if given.seeds is not None:
        if "--seed" in arguments:
            raise ValueError("seeds: it goes with no --seed")
        numbers = seeds_of(given.seeds)
        folders = {out / f"seed-{number}": config.replace(seed=number) for number in numbers}
    for folder, each in folders.items():
        check(folder, scenario, each)
    for folder, each in folders.items():
        least = float("inf")
        for made in train_into(folder, scenario, each):
            kept = " *" if made.cost < least else ""
            least = min(least, made.cost)
            print(
                f"{folder}, round {made.number} of {each.rounds}: loss {made.loss:.3f}, cost of a"
                f" held-out task {made.cost:.5f} s{kept}",
                flush=True,
            )
    print(f"Next: tensorboard --logdir {out} (the curves), or")
    others = "least-delay local-search lyapunov backlog-prices"
    imports = "".join(f" --imports {module}" for module in given.imports)
    print(
        f"{launcher} evaluate --scenario {given.scenario} --model {out} --policies {others}"
        f"{imports}"
    )
    return 0
