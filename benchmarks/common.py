"""What every benchmark does with its figures: print them as they come, and write them as JSON."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

Figures = Callable[[], dict[str, float]]

RIVALS = Path(".venv-rivals")


@dataclass(frozen=True)
class Arguments:
    json: Path | None = None
    """File to write the figures to."""


def main(doc: str | None, benchmarks: Mapping[str, Figures]) -> None:
    """Run benchmarks, by title, from the command line."""
    report(benchmarks, given(Arguments, doc).json)


def given(form: type[T], doc: str | None) -> T:
    """Return what the command line of the module that was started says; one line if it is wrong."""
    from mec_gym.commands import shell  # what measures memory imports this module, parses nothing
    from mec_gym.commands.arguments import parse

    module = sys.modules["__main__"].__spec__.name.removesuffix(".__main__")
    joined = re.sub(r"(?<!\n)\n(?!\n)", " ", doc or "").strip()
    try:
        return parse(form, sys.argv[1:], f"python -m {module}", about=joined)
    except ValueError as error:
        shell.complain(error)
        sys.exit(2)


def report(benchmarks: Mapping[str, Figures], file: Path | None) -> None:
    """Run benchmarks, by title; print the figures and write them as JSON where a file is named."""
    measured: dict[str, float] = {}
    for title, figures in benchmarks.items():
        print(f"\n{title}", flush=True)
        part = {name: float(value) for name, value in figures().items()}
        width = max(map(len, part))
        for name, value in part.items():
            print(f"  {name:<{width}}  {value:.4g}", flush=True)
        measured |= part
    if file is not None:
        file.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def answer(module: str, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """Return the JSON object that a module prints when it is run in a process of its own."""
    command = [python, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    parsed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return parsed


@cache
def has_rivals() -> bool:
    """Return whether the rivals are installed, and say so once if they are not."""
    installed = (RIVALS / "installed").exists()
    if not installed:
        print(f"  no {RIVALS}, so no rivals are measured: make {RIVALS}/installed says why")
    return installed


def rival_answer(module: str, *arguments: object) -> dict[str, Any] | None:
    """Return what a module says in the rivals' environment, or None, with the reason printed."""
    if not has_rivals():
        return None
    try:
        return answer(module, *arguments, python=str(RIVALS / "bin" / "python"))
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        print(f"  left out: {module} {' '.join(map(str, arguments))}: {reason}", flush=True)
        return None


def resident(which: str = "VmRSS") -> float:
    """Return MB of memory that this process holds, or with "VmHWM" held at most (Linux)."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(which)
