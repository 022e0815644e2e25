"""What error messages show of a value and of another error: one line, whatever it is."""

from typing import Any


def quoted(value: Any, length: int = 200) -> str:
    """Return how a value is written, in one line of no more than `length` characters."""
    try:
        return one_line(repr(value), length)
    except Exception:  # an int of too many digits, or a __repr__ of the caller's
        return f"this {type(value).__name__}"


def one_line(said: object, length: int = 500) -> str:
    """Return what an error or a text says, in one line of no more than `length` characters."""
    text = " ".join(str(said).split()) or type(said).__name__
    return text if len(text) <= length else text[: length - 3] + "..."
