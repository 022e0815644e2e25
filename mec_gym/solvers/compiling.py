"""How the solvers' loops are compiled: by numba when first called, and then kept on disk."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Return a function that numba compiles when it is first called."""
    return cast(F, numba.njit(cache=True)(function))
