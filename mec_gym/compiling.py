"""How loops are compiled: by numba when first called, and then kept on disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite.ir import Constant  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, register_jitable

from mec_gym import kernels
from mec_gym.io.messages import one_line

F = TypeVar("F", bound=Callable[..., Any])


_kept: ContextVar[bool] = ContextVar("kept", default=True)
"""Whether the loop that is being made is kept on disk."""


def loop(function: F) -> F:
    """Compile a function that loops over slots; other threads run beside it."""
    compiled: Any = numba.njit(cache=_kept.get(), error_model="numpy", nogil=True)(function)
    return cast(F, compiled)


class Settled:
    """A loop whose arguments are of the same types at each call, which are not looked at again.

    To find out the types of some forty arrays takes longer than many a loop takes. Whoever calls it
    sees to it that they stay: others would be taken for these.
    """

    def __init__(self, loop: Callable[..., Any]) -> None:
        self._loop: Any = loop
        self._call: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> Any:
        """Call the loop."""
        if self._call is not None:
            return self._call(*args)
        result = self._loop(*args)
        types_of = tuple(numba.typeof(each) for each in args)  # type: ignore[no-untyped-call]
        self._call = self._loop.overloads[types_of].entry_point
        return result

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out of copies what only this process has."""
        return Settled, (self._loop,)


def _borrow(context: Any, arrays: Any) -> Any:
    """Return arrays, in compiled code, whose rows are not counted as references to them.

    A loop that takes rows of arrays for each slot would count each of them up and down, which takes
    longer than much of what it does with them. The caller holds the arrays meanwhile. They are one
    array, or a tuple of such, of which what is no array stays as it is.
    """

    def lent(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, types.BaseTuple):
            kinds: Any = kind
            for place, each in enumerate(kinds):
                part = lent(context, builder, each, builder.extract_value(value, place))
                value = builder.insert_value(value, part, place)
        elif isinstance(kind, types.Array):
            made = context.make_array(kind)(context, builder, value)
            made.meminfo = Constant(made.meminfo.type, None)
            value = made._getvalue()
        return value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return lent(context, builder, signature.return_type, args[0])

    return arrays(arrays), generate


borrowed: Any = intrinsic(_borrow)


def _empty(context: Any, array: Any) -> Any:
    """Return an array, in compiled code, of which the compiler knows that it is of length 0.

    What is done only where it is not of length 0 is left out of the loop.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.return_type
        made = context.make_array(kind)(context, builder, args[0])
        made.shape = Constant(made.shape.type, [0] * kind.ndim)
        made.nitems, made.meminfo = Constant(made.nitems.type, 0), Constant(made.meminfo.type, None)
        return made._getvalue()

    return array(array), generate


emptied: Any = intrinsic(_empty)


@register_jitable
def index(number: Any) -> Any:
    """Return a whole number, 0 to 2^32 - 1, of which compiled code knows that it is not below 0.

    What an array is indexed with may count from the end, so that each index would be tried for it.
    """
    return np.int64(np.uint32(number))


_CAUSE = "raised a specific error:"

_registered: set[Callable[..., Any]] = set()


def loops_for(make: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what makes a loop for some functions, so that each is made once.

    `make(formulas, *functions)` defines a loop that calls kernels and these functions, and has
    `formulas` in its closure: the digest of their sources. Numba keeps a loop on disk as long as
    the loop's own file and closure stay the same, so one whose formulas have changed is compiled
    anew. The wrapper takes the functions.

    Raises:
        ValueError: by the wrapper, where a function is not what it was when it was compiled in
            this process.
    """
    made: dict[tuple[Callable[..., Any], ...], tuple[str, Any]] = {}

    @wraps(make)
    def made_once(*functions: Callable[..., Any]) -> Any:
        if not functions and made:  # nothing of a user's own, which alone may change
            return made[()][1]
        digest = kernels.sources(make, *functions)
        if functions not in made:
            _register(*kernels.KERNELS, *functions)
            # One that is typed at a prompt could not be found again by another process.
            token = _kept.set(all(kernels.has_file(function) for function in functions))
            made[functions] = digest, make(digest, *functions)
            _kept.reset(token)
        before, compiled = made[functions]
        if before != digest:
            names = ", ".join(f"{each.__module__}:{each.__qualname__}" for each in functions)
            raise ValueError(
                f"{names}: a constant or function that it uses has changed since it was compiled;"
                " define it anew, or start Python again"
            )
        return compiled

    return made_once


def _register(*functions: Callable[..., Any]) -> None:
    """Let compiled loops call functions."""
    for function in functions:
        if function not in _registered:
            # To hand a slot over, an array at a time, would take longer than most of them do.
            register_jitable(forceinline=True, error_model="numpy")(function)
            _registered.add(function)


@contextmanager
def refused(field: str, function: Callable[..., Any]) -> Iterator[None]:
    """Compile within the block: what the compiler refuses in a user's own function is one line.

    Raises:
        ValueError: the compiler refuses `function`; the message names `field`.
    """
    try:
        yield
    except Exception as error:  # whatever the compiler makes of a user's own code
        *_, said = str(error).split(_CAUSE)
        raise ValueError(
            f"{field}: {function.__module__}:{function.__qualname__} cannot be compiled for a"
            f" batch: {one_line(said, 300)}; it may use numbers, arrays, loops and functions marked"
            " with mec_gym.kernels.kernel"
        ) from error
