"""Tables on a terminal: however narrow it is, no name and no number is cut."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mec_gym.io import extras

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_FILE_WIDTH = 200
_HEADING_WIDTH = 16
_BETWEEN = 3
"""Characters from one column to the next."""


class Column(NamedTuple):
    """A heading and a cell a row; both may have several lines."""

    heading: str
    cells: Sequence[str]

    @property
    def width(self) -> int:
        """The least width in which no cell is broken, and most headings are not."""
        return max(_longest(self.cells), min(_longest([self.heading]), _HEADING_WIDTH))


def deal(names: int, columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Return columns in blocks that each fit beside the names, in the order given.

    Args:
        names: width of the column of names, which each block begins with.
        columns: the most important first.
        width: of the terminal.
    """
    blocks: list[list[Column]] = []
    left = 0
    for column in columns:
        left -= _BETWEEN + column.width
        if not blocks or left < 0:
            blocks.append([])
            left = width - names - _BETWEEN - column.width
        blocks[-1].append(column)
    return blocks


def broken(text: str, width: int) -> str:
    """Return a text whose words that are wider than `width` go on in a new line after `: _ / -`."""
    return re.sub(rf"\S{{{width + 1},}}", lambda word: _broken(word[0], width), text)


def _broken(word: str, width: int) -> str:
    lines = [""]
    for piece in re.split(r"(?<=[:_/-])", word):
        if len(lines[-1] + piece) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def show(title: str, names: Column, columns: Sequence[Column], caption: str) -> None:
    """Print a table, in blocks one below the other where the terminal is too narrow for it.

    Args:
        title: above it.
        names: of the rows; those longer than a third of the terminal are folded.
        columns: the most important first, which stand in the first block.
        caption: below it.

    Raises:
        ModuleNotFoundError: rich is not installed; the message has the remedy.
    """
    out = console()
    width = min(_longest([names.heading, *names.cells]), max(out.width // 3, 8))
    out.print(f"\n{title}", style="bold", markup=False, highlight=False)
    for block in deal(width, columns, out.width):
        table = _table(names, width, block)
        out.print()
        # Where not even one column fits, the terminal breaks its lines.
        needed = width + sum(_BETWEEN + column.width for column in block)
        out.print(table, width=max(out.width, needed), crop=False, no_wrap=True, overflow="ignore")
    out.print(f"\n{caption}\n", style="dim", markup=False, highlight=False)


def console() -> "Console":
    """Return the console to print to; a file or a pipe, which has no width, gets a wide one.

    Raises:
        ModuleNotFoundError: rich is not installed; the message has the remedy.
    """
    with extras.needed("a table"):
        from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)


def _table(names: Column, width: int, block: Sequence[Column]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(Text(names.heading), width=width, overflow="fold")
    for column in block:
        heading = Text(broken(column.heading, column.width))
        table.add_column(heading, width=column.width, justify="right", overflow="fold")
    for name, *cells in zip(names.cells, *(column.cells for column in block), strict=True):
        table.add_row(Text(broken(name, width)), *map(Text, cells))
    return table


def _longest(texts: Sequence[str]) -> int:
    return max(len(line) for text in texts for line in text.split("\n"))


def say(line: str) -> None:
    """Print a sentence: wrapped on a terminal, in a file one line."""
    out = console()
    out.print(line, markup=False, highlight=False, soft_wrap=not out.is_terminal)
