"""Command lines: what they say, what `--help` lists, and one line for one that cannot be used."""

import contextlib
import dataclasses
import inspect
import io
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import tyro

from mec_gym.io.messages import closest, none_called, one_line

T = TypeVar("T")

_HELP_WIDTH = 80
"""As wide as tyro makes the rest of its help."""


def parse(
    form: type[T],
    arguments: Sequence[str],
    prog: str,
    lists: Iterable[str] = (),
    default: T | None = None,
    about: str | None = None,
) -> T:
    """Return what a command line says.

    Args:
        form: a dataclass, a field an argument.
        arguments: the command line.
        prog: what it begins with.
        lists: what `--help` says beside the fields: the names there are.
        default: of the fields.
        about: what `--help` begins with; None: what the form says of itself.

    Raises:
        ValueError: it cannot be used; one line with the field, the value and the remedy.
    """
    more: dict[str, Any] = {} if default is None else {"default": default}
    width = min(shutil.get_terminal_size().columns, _HELP_WIDTH)
    paragraphs = [about or inspect.getdoc(form) or "", *lists]
    description = "\n\n".join(_wrapped(each, width) for each in paragraphs)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            given: T = tyro.cli(form, args=arguments, prog=prog, description=description, **more)
    except SystemExit as end:
        if not end.code:
            raise  # it was asked for help
        raise ValueError(refusal(end, said.getvalue(), prog, _flags(form, default))) from None
    sys.stderr.write(said.getvalue())
    return given


def _wrapped(paragraph: str, width: int) -> str:
    # tyro joins lines, but those that begin with a space.
    lines = (
        textwrap.wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)
        for line in paragraph.splitlines()
    )
    return "\n".join("\n".join(each) for each in lines)


def by_default(said: str) -> Any:
    """Return what has `--help` say of an argument left out what its default stands for."""
    return tyro.conf.arg(help_behavior_hint=f"(default: {said})")


def listed(what: str, names: Iterable[str]) -> str:
    """Return a line of `--help` that lists names."""
    return f"{what.capitalize()}: {', '.join(names)}"


def _flags(form: type, default: object) -> list[str]:
    """Return the arguments of a form, and of the settings that it has by default."""
    names = [field.name for field in dataclasses.fields(form)]
    within = (type(getattr(default, name, None)) for name in names)
    names += [name for kind in within for name in getattr(kind, "model_fields", ())]
    return [f"--{name.replace('_', '-')}" for name in names]


def refusal(end: SystemExit, said: str, prog: str, flags: Iterable[str] = ()) -> str:
    """Return in one line why tyro refused a command line, where it drew a box round that.

    `flags` are those it takes.
    """
    for error in _causes(end):
        if isinstance(error, ValueError) and _OURS.match(str(error)):
            return one_line(error, 2000)
    said = _COLOURS.sub("", said)
    rows = [line.strip(" │") for line in said.splitlines() if line[:1] not in ("╭", "╰")]
    parts = [part.strip() for part in re.split("─{3,}|-{8,}", " ".join(" ".join(rows).split()))]
    if not said.startswith("╭"):  # no line drawing: the title is a row of its own
        parts = parts[1:] or parts
    reason, text = parts[0], " ".join(parts)
    for pattern, answer in _ANSWERS:
        if found := pattern.match(text):
            words = found.groups()
            if answer is _no_such:
                words = (words[0], words[1] or closest(words[0], flags))
            reason = answer(*words)
            break
    return f"{reason}; `{prog} --help` lists what there is"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


def _no_such(flag: str, meant: str | None) -> str:
    return f"{flag}: no such argument" + (f" (did you mean {meant}?)" if meant else "")


def _no_choice(value: str, flag: str, choices: str) -> str:
    names = re.findall(r"'(.*?)'", choices)
    return f"{flag}: {none_called(value, names)}"


def _must_be_given(what: str) -> str:
    names = re.findall(r"(?:^|\(required\) )(\S+)", what)
    return f"{', '.join(names)}: must be given"


_COLOURS = re.compile(r"\x1b\[[\d;]*m")

_OURS = re.compile(r"\S+(, \S+)*: ")
"""How errors of the package begin: with the field."""

_ANSWERS: list[tuple[re.Pattern[str], Callable[..., str]]] = [
    (
        re.compile(r"Unrecognized options: ([^\s,]+)(?:.*?Perhaps you meant: (--[\w-]+))?"),
        _no_such,
    ),
    (
        re.compile(r"invalid choice '(.*)' for argument '(.*)'\. Expected one of \((.*)\)\."),
        _no_choice,
    ),
    (re.compile(r"Missing from .*?: (.*?)(?: Unrecognized.*| For full.*)?$"), _must_be_given),
    (
        re.compile(r"Missing value for argument '(.*?)'"),
        lambda flag: f"{flag}: it needs a value",
    ),
    (
        re.compile(r"Error parsing (\S+): .*invalid literal for int\(\) with base 10: ('.*?')"),
        lambda flag, value: f"{flag}: must be a whole number (got {value})",
    ),
    (
        re.compile(r"Error parsing (\S+): .*could not convert string to float: ('.*?')"),
        lambda flag, value: f"{flag}: must be a number (got {value})",
    ),
]
"""What tyro says, and what to say instead; anything else is said as it says it."""
