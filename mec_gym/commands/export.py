"""`mec-gym export MODEL FILE`: write a trained policy for others to use.

FILE.onnx is for other runtimes, FILE.zip for Stable-Baselines3.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from mec_gym.commands import shell
from mec_gym.commands.arguments import listed, parse
from mec_gym.io.names import lookup
from mec_gym.policies import SHIPPED, onnx
from mec_gym.policies.trained import TrainedPolicy, load_policy


def to_zip(policy: TrainedPolicy, file: Path) -> None:
    """Write a Stable-Baselines3 zip."""
    from mec_gym.sb3.agent import export  # imports torch

    export.export(policy, file)


FORMATS = {".onnx": onnx.export, ".zip": to_zip}
"""By the end of a file's name, what writes it."""


@dataclass(frozen=True)
class Arguments:
    """Write a trained policy for others to use: FILE.onnx for other runtimes, FILE.zip for SB3."""

    model: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Run directory, or name of a policy that comes with mec_gym."""
    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """File to write, whose name ends in .onnx or .zip."""
    imports: tyro.conf.UseAppendAction[list[str]] = field(default_factory=list)
    """Module of your own to import first, where the model's files name it; may be repeated."""


def main(arguments: list[str], launcher: str) -> None:
    """Export what the arguments name."""
    shell.import_modules(arguments)
    given = parse(
        Arguments,
        arguments,
        f"{launcher} export",
        [listed("trained networks", (f"{name} ({what})" for name, what in SHIPPED.items()))],
    )
    policy = load_policy(given.model)
    lookup(FORMATS, given.file.suffix, "file")(policy, given.file)
    print(
        f"{given.file}: {given.file.stat().st_size:,} bytes; it takes observation"
        f" {policy.observation!r} of `MEC-Offload-v0`"
    )
