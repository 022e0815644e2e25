"""`mec-gym completion SHELL`: print what makes a shell complete the commands on Tab."""

from dataclasses import dataclass, field, make_dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import subcommand

from mec_gym.benchmark import frozen
from mec_gym.commands import evaluate, export, plan, train, verify
from mec_gym.commands.arguments import parse
from mec_gym.policies import POLICIES, SHIPPED
from mec_gym.presets import PRESETS
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.presets import TRAIN_PRESETS


@dataclass(frozen=True)
class Arguments:
    """Print what makes your shell complete the commands, presets and flags of mec-gym on Tab.

    For bash:
      DIR=~/.local/share/bash-completion/completions; mkdir -p $DIR
      mec-gym completion bash > $DIR/mec-gym

    For zsh, where DIR is one of $fpath:
      mec-gym completion zsh > DIR/_mec-gym
    """

    shell: tyro.conf.Positional[Literal["bash", "zsh"]]
    """Shell to complete for."""


def _of_evaluate() -> type:
    """Return `evaluate`'s form with the names there are for values, which are then completed."""
    one_of: Any = Literal
    many: Any = list
    scenario, policy = one_of[tuple(PRESETS)], one_of[(*POLICIES, *SHIPPED)]
    model, benchmark = one_of[tuple(SHIPPED)], one_of[tuple(frozen.names())]
    named: list[tuple[str, Any, Any]] = [
        ("scenario", scenario | None, None),
        ("policies", many[policy], field(default_factory=list)),
        ("model", many[model], field(default_factory=list)),
        ("benchmark", many[benchmark] | None, None),
    ]
    return make_dataclass("Evaluate", named, bases=(evaluate.Arguments,), frozen=True)


def _of_plan() -> type:
    """Return `plan`'s form with the names there are for values, which are then completed."""
    one_of: Any = Literal
    many: Any = list
    policy = one_of[(*POLICIES, *SHIPPED)]
    named: list[tuple[str, Any, Any]] = [("policies", many[policy], field(default_factory=list))]
    return make_dataclass("Plan", named, bases=(plan.Arguments,), frozen=True, kw_only=True)


def commands() -> Any:
    """Return the type of all command lines: a subcommand each, and below train one a preset."""
    presets = [
        Annotated[
            train.Arguments,
            subcommand(name, default=train.Arguments(TrainConfig.preset(name)), prefix_name=False),
        ]
        for name in TRAIN_PRESETS
    ]
    of_train = make_dataclass("Train", [("preset", reduce(or_, presets))])
    named = {
        "train": of_train,
        "evaluate": _of_evaluate(),
        "plan": _of_plan(),
        "export": export.Arguments,
        "verify": verify.Arguments,
        "completion": Arguments,
    }
    return reduce(or_, [Annotated[form, subcommand(name)] for name, form in named.items()])


def main(arguments: list[str], launcher: str) -> None:
    """Print the completion of the shell that the arguments name."""
    given = parse(Arguments, arguments, f"{launcher} completion")
    asked = ["--tyro-write-completion", given.shell, "-"]
    try:
        tyro.cli(commands(), args=asked, prog="mec-gym")
    except SystemExit as end:
        if end.code:
            raise
