"""Functions that compiled loops may call, and a digest of their sources; no compiler is known here.

A function marked with `@kernel` runs in plain Python too: it is written for numbers, for lists and
for arrays. A user's own reward or observation needs no mark; what it calls does.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

KERNELS: list[Callable[..., Any]] = []
"""The functions marked, in the order in which they were."""


def kernel(function: F) -> F:
    """Mark a function as one that compiled loops may call."""
    KERNELS.append(function)
    return function


def sources(*functions: Callable[..., Any]) -> str:
    """Return a digest of what all kernels, and some more functions, are compiled from.

    That is the source of each one's module, and what it takes from other modules: their sources,
    and the values of constants. A compiler that keeps a loop on disk cannot see that a formula the
    loop calls has changed; a loop that has this digest in its closure is compiled anew.
    """
    texts = {text for function in (*KERNELS, *functions) for text in _texts(function)}
    return hashlib.sha256("".join(sorted(texts)).encode()).hexdigest()


def _texts(function: Callable[..., Any]) -> Iterator[str]:
    """Yield what one function is compiled from."""
    yield _source(function.__module__) or _code(function.__code__)
    names = inspect.getclosurevars(function)
    for name, value in {**names.globals, **names.nonlocals}.items():
        if inspect.ismodule(value):
            yield _source(value.__name__)
        elif callable(value):
            yield _source(value.__module__)
        else:
            yield f"{name} = {value.tobytes() if hasattr(value, 'tobytes') else value!r}"


def _source(module: str) -> str:
    """Return the source of a module; none of one that is typed at a prompt, or is not Python."""
    try:
        return inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return ""


def _code(code: CodeType) -> str:
    """Return what a function without a source compiles to, and those within it."""
    constants = [_code(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return f"{code.co_code!r} {constants!r} {code.co_names!r}"
