"""Functions that compiled loops may call, and a digest of their sources; no compiler is known here.

A function marked with `@kernel` runs in plain Python too: it is written for numbers, for lists and
for arrays. A user's own reward or observation needs no mark; what it calls does.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

KERNELS: list[Callable[..., Any]] = []
"""The functions marked, in the order in which they were."""

INLINED: set[Callable[..., Any]] = set()
"""Those of them that loops take in whole."""


def kernel(function: F) -> F:
    """Mark a function as one that compiled loops may call."""
    KERNELS.append(function)
    return function


def inlined_kernel(function: F) -> F:
    """Mark a kernel that loops take in whole, where handing a slot over would take longer."""
    INLINED.add(function)
    return kernel(function)


def sources(*functions: Callable[..., Any]) -> str:
    """Return a digest of the modules of all kernels, and of those of some more functions.

    A compiler that keeps a loop on disk cannot see that a formula the loop calls has changed; a
    loop that has this digest in its closure is compiled anew.
    """
    texts = {_source(function) for function in (*KERNELS, *functions)}
    return hashlib.sha256("".join(sorted(texts)).encode()).hexdigest()


def _source(function: Callable[..., Any]) -> str:
    """Return the source of a function's module; of one typed at a prompt, what it compiles to."""
    try:
        return inspect.getsource(sys.modules[function.__module__])
    except (KeyError, OSError, TypeError):
        code = function.__code__
        return f"{code.co_code!r} {code.co_consts!r} {code.co_names!r}"
