"""Numbers and paragraphs as text."""

import textwrap
from collections.abc import Iterable

from evaluate.paper.stated import DQN_RAO
from mec_gym.estimates import Estimate

NAMES = {
    DQN_RAO: "DQN-RAO",
    "roa": "ROA",
    "goa": "GOA",
    "goa-capacity": "GOA within capacity",
    "least-delay": "least delay",
    "optimal": "optimum",
}


def seconds(value: Estimate) -> str:
    """Return a delay as text."""
    return f"{value.mean:.3f} ± {value.ci95:.3f} s"


def milliseconds(value: Estimate) -> str:
    """Return a difference of delays as text."""
    return f"{value.mean * 1e3:.1f} ± {value.ci95 * 1e3:.1f} ms"


def percent(value: Estimate) -> str:
    """Return a share as text."""
    return f"{value.mean:.1%} ± {value.ci95:.1%}"


def span(values: Iterable[float], digits: int = 1) -> str:
    """Return the least and the greatest of some shares as text."""
    ends = sorted(values)
    low, high = f"{ends[0]:.{digits}%}", f"{ends[-1]:.{digits}%}"
    return low if low == high else f"{low} to {high}"


def wrap(markdown: str) -> str:
    """Return Markdown with its paragraphs broken anew; tables, headings and pictures stay."""
    return "\n\n".join(
        block if block.startswith(("|", "#", "!", "<")) else textwrap.fill(block, 100)
        for block in markdown.strip().split("\n\n")
    )
