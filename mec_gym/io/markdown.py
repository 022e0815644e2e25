"""Tables in Markdown, and where they stand in a file."""

import re
from collections.abc import Sequence
from pathlib import Path

from mec_gym.io.files import replace_file


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a Markdown table, a row a line.

    Args:
        head: the columns' headings.
        rows: as many cells each.
        left: so many columns, from the left, are flush left; the others flush right.
    """
    rule = ["---" if column < left else "---:" for column in range(len(head))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows])


def _marked(name: str) -> tuple[str, str, re.Pattern[str]]:
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return *marks, re.compile(".*?".join(marks), re.DOTALL)


def check_marks(path: Path, name: str) -> None:
    """Check that a file has the lines that `put` puts something between.

    Raises:
        ValueError: the file is missing, or has no such lines.
    """
    begin, end, between = _marked(name)
    if not path.is_file() or not between.search(path.read_text(encoding="utf-8")):
        raise ValueError(f"markdown: {path} is no file with the lines {begin} and {end}")


def put(path: Path, name: str, text: str) -> None:
    """Replace what stands in a file between `<!-- NAME -->` and `<!-- end of NAME -->`."""
    begin, end, between = _marked(name)
    made = f"{begin}\n{text}\n{end}"
    page = between.sub(lambda _: made, path.read_text(encoding="utf-8"))
    replace_file(path, page.encode())
