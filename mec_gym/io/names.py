"""Things that are found by name: an entry of a table of ours, or a user's own as "module:name".

A module of a user's is imported where the user names it, never because a file that is read does:
`no_imports` is held meanwhile, and only what has been imported already is found.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, TypeVar

from mec_gym.io.messages import none_called, one_line, quoted

T = TypeVar("T")

_may_import: ContextVar[bool] = ContextVar("may_import", default=True)


@contextmanager
def no_imports() -> Iterator[None]:
    """Import nothing within the block: the names in it come from a file."""
    token = _may_import.set(False)
    try:
        yield
    finally:
        _may_import.reset(token)


def lookup(table: Mapping[str, T], name: str, field: str) -> T:
    """Return the entry of `table` called `name`.

    Raises:
        ValueError: no such entry; the message names `field` and lists the names there are.
    """
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"{field}: {none_called(name, table)}") from None


OWN = 'one of your own is "module:name"'


def find(table: Mapping[str, Any], name: Any, field: str, own: str = OWN) -> Any:
    """Return what is called `name`: an entry of `table`, or the attribute "module:name".

    An entry may itself be such a text, which is imported when it is asked for. `own` says in the
    error how a user's own is given.

    Raises:
        ValueError: no such entry, module or attribute; the message names `field` and the remedy.
    """
    if isinstance(name, str):
        found = table.get(name, name if ":" in name else None)
        if found is not None:
            ours = name in table
            return _imported(found, field, ours) if isinstance(found, str) else found
    raise ValueError(f"{field}: {none_called(name, table)}; {own}")


def name_of(thing: Any, table: Mapping[str, Any], field: str) -> str:
    """Return the name by which `find` finds a function or class.

    Raises:
        ValueError: it would not be found, as a lambda would not; the message names `field`.
    """
    for name, entry in table.items():
        if entry is thing:
            return name
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
    if module in sys.stdlib_module_names:
        raise ValueError(
            f"{field}: {module}:{name} is in a module called as a part of Python is; call it"
            " otherwise"
        )
    if module in sys.modules and vars(sys.modules[module]).get(name) is thing:
        return f"{module}:{name}"
    raise ValueError(
        f"{field}: {quoted(thing)} cannot be found again by a name; define it at the top level of a"
        " module"
    )


def _imported(name: str, field: str, ours: bool) -> Any:
    module, _, attribute = name.partition(":")
    if not ours and not _may_import.get():
        if module not in sys.modules:
            raise ValueError(
                f"{field}: a file names {name!r}, and files import nothing; import {module}"
                f" yourself first (on a command line: --imports {module})"
            )
        if module.partition(".")[0] in sys.stdlib_module_names:  # imported, but not by the user
            raise ValueError(f"{field}: a file names {name!r}, which is a part of Python")
        found = vars(sys.modules[module]).get(attribute)
        if not callable(found) or getattr(found, "__module__", None) != module:
            raise ValueError(
                f"{field}: a file names {name!r}; in files that is a function or class at the top"
                f" level of {module}, defined there"
            )
        return found
    if ours:  # it may raise what an optional extra lacks
        return _attribute(importlib.import_module(module), attribute)
    try:
        return _attribute(import_module(module, field), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{field}: no {name!r}: {one_line(error)}") from None


def import_module(module: str, field: str) -> ModuleType:
    """Import a user's own module, by the name they gave.

    Raises:
        ModuleNotFoundError: there is no such module, or one that it imports is missing.
        ValueError: it fails when it is imported; the message names `field`.
    """
    if not all(part.isidentifier() for part in module.split(".")):
        raise ModuleNotFoundError(f"No module named {module!r}")  # import_module may not say so
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's own module does
        said = one_line(repr(error))
        raise ValueError(f"{field}: {module} cannot be imported: {said}") from error


def _attribute(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = getattr(found, part)
    return found
