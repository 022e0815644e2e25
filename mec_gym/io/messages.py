"""What error messages show of a value, of another error and of the names there are: one line."""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

_MOST_ITEMS = 4

_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxset = _short.maxfrozenset = _MOST_ITEMS
_short.maxdict = _short.maxarray = _short.maxdeque = _MOST_ITEMS
_short.maxstring = _short.maxother = _short.maxlong = 1000


def quoted(value: Any, length: int = 200) -> str:
    """Return how a value is written, in one line of no more than `length` characters.

    Of a long list the first items are shown, and how many it has.
    """
    try:
        text = _short.repr(value)
    except Exception:  # an int of too many digits, or a __repr__ of the caller's
        return f"this {type(value).__name__}"
    if isinstance(value, list | tuple | set | frozenset | dict) and len(value) > _MOST_ITEMS:
        text += f" ({len(value)} values)"
    return one_line(text, length)


def one_line(said: object, length: int = 500) -> str:
    """Return what an error or a text says, in one line of no more than `length` characters.

    What is too long loses its middle: it begins with the field and ends with the remedy.
    """
    text = " ".join(str(said).split()) or type(said).__name__
    if len(text) <= length:
        return text
    end = (length - 5) // 2
    return f"{text[: length - 5 - end]} ... {text[len(text) - end :]}"


def closest(name: Any, names: Iterable[str]) -> str | None:
    """Return which of some names was probably meant; None: no one is near."""
    if not isinstance(name, str):
        return None
    known = {_plain(each): each for each in names}
    found = difflib.get_close_matches(_plain(name), known, n=1)
    return known[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def none_called(name: Any, names: Iterable[str]) -> str:
    """Return that nothing has this name, which one was probably meant, and which there are."""
    known = list(names)
    meant = closest(name, known)
    guess = "" if meant is None else f" (did you mean {meant!r}?)"
    return f"no {quoted(name)}{guess}; there are: {', '.join(sorted(known))}"
