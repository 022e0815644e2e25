"""Functions that compiled loops may call, and a digest of their sources; no compiler is known here.

A function marked with `@kernel` runs in plain Python too: it is written for numbers, for lists and
for arrays. A user's own reward or observation needs no mark; what it calls does.
"""

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from types import CodeType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

KERNELS: list[Callable[..., Any]] = []
"""The functions marked, in the order in which they were."""

_NOT_FOLLOWED = {"numba", "numpy", *sys.builtin_module_names, *sys.stdlib_module_names} - {
    "__main__"
}
"""Their versions and what they do are no concern of a digest."""


_CONSTANTS = (bool, int, float, complex, str, bytes, tuple, frozenset)


def kernel(function: F) -> F:
    """Mark a function as one that compiled loops may call."""
    KERNELS.append(function)
    return function


def sources(*functions: Callable[..., Any], but: Collection[str] = ()) -> str:
    """Return a digest of all that functions are compiled from.

    That is the source of the module of each, the values of the constants that it names, its own
    or those of an imported module, and likewise of each function that it calls. A compiler that
    keeps a loop on disk cannot see that one of these has changed; a loop that has the digest in
    its closure is compiled anew.

    Args:
        functions: what is compiled.
        but: packages that are not looked into.
    """
    texts: set[str] = set()
    waiting, seen = list(functions), set[int]()
    while waiting:
        function = inspect.unwrap(waiting.pop())
        if id(function) in seen:
            continue
        seen.add(id(function))
        texts.add(_source(function.__module__) or _text(function.__code__))
        for name, value in _named(function, but):
            value = getattr(value, "py_func", value)  # what numba has compiled
            if inspect.isfunction(value):
                waiting += [value] if _is_followed(value.__module__, but) else []
            elif inspect.isclass(value):
                texts.add(_source(value.__module__) if _is_followed(value.__module__, but) else "")
            elif hasattr(value, "tobytes"):
                texts.add(f"{name} = {value.tobytes()!r}")
            elif isinstance(value, _CONSTANTS):  # others have no value that is compiled
                texts.add(f"{name} = {value!r}")
    return hashlib.sha256("".join(sorted(texts)).encode()).hexdigest()


def has_file(function: Callable[..., Any]) -> bool:
    """Return whether a function is in a module that another process can import."""
    return function.__module__ != "__main__" and bool(_source(function.__module__))


def _named(function: Callable[..., Any], but: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield what a function takes from outside, and what of the modules that it takes."""
    known = dict(function.__globals__)
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        known[name] = _content(cell)
    names = set(_names(function.__code__))
    waiting = [(name, known[name]) for name in sorted(names & known.keys())]
    seen = set[int]()
    while waiting:
        name, value = waiting.pop()
        yield name, value
        if inspect.ismodule(value) and id(value) not in seen and _is_followed(value.__name__, but):
            seen.add(id(value))
            own = vars(value)
            waiting += [(each, own[each]) for each in sorted(names & own.keys())]


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function or one within it looks up."""
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is still empty
        return None


def _is_followed(module: str | None, but: Collection[str]) -> bool:
    package = (module or "").partition(".")[0]
    return module is not None and package not in _NOT_FOLLOWED and package not in but


def _source(module: str) -> str:
    """Return the source of a module; none of one that is typed at a prompt, or is not Python."""
    try:
        return inspect.getsource(sys.modules[module])
    except (KeyError, OSError, TypeError):
        return ""


def _text(code: CodeType) -> str:
    """Return what a function without a source compiles to, and those within it."""
    constants = [_text(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return f"{code.co_code!r} {constants!r} {code.co_names!r}"
