"""`mec-gym export MODEL FILE`: write a trained policy for others to use.

FILE.onnx is for other runtimes, FILE.zip for Stable-Baselines3.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from mec_gym.io.names import lookup
from mec_gym.policies import onnx
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

    model: tyro.conf.Positional[str]
    """run directory, or name of a policy that comes with mec_gym"""
    file: tyro.conf.Positional[Path]
    """FILE.onnx or FILE.zip"""


def main(arguments: list[str], launcher: str) -> None:
    """Export what the arguments name."""
    given = tyro.cli(Arguments, args=arguments, prog=f"{launcher} export")
    policy = load_policy(given.model)
    lookup(FORMATS, given.file.suffix, "file")(policy, given.file)
    print(
        f"{given.file}: {given.file.stat().st_size:,} bytes; it takes observation"
        f" {policy.observation!r} of `MEC-Offload-v0`"
    )
