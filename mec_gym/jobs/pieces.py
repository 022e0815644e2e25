"""A piece of work: a function's name, its settings, and the digest of all that decides its result.

The function is found as "module:name" wherever the piece is done, and is called as
`function(settings, inputs, workplace)`. It returns JSON values, or bytes. The workplace is a
directory that may hold what it left there when it was killed before, and is removed once the result
is written; nothing else may depend on what was done before.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import mec_gym
from mec_gym.io import names
from mec_gym.io.digests import sha256
from mec_gym.io.messages import one_line

_DIGITS = 16


@dataclass(frozen=True)
class Piece:
    """A piece of work.

    Attributes:
        name: what people call it; of no other piece beside it.
        function: "module:name" of what does it, at the top level of its module.
        settings: JSON values.
        inputs: contents of files that it needs, by name.
        hints: JSON values that decide nothing of the result, such as how often to save; the
            function finds them among the settings.
        weight: how long it takes, relative to the others.
        imports: modules of a user's own to import first.
    """

    name: str
    function: str
    settings: Mapping[str, Any]
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    imports: tuple[str, ...] = ()

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that decides the result, as JSON values."""
        return {
            "function": self.function,
            "inputs": {name: sha256(self.inputs[name]) for name in sorted(self.inputs)},
            "mec_gym": mec_gym.__version__,
            "settings": dict(self.settings),
        }

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the facts, its first digits."""
        text = json.dumps(self.facts, sort_keys=True, allow_nan=False)
        return sha256(text.encode())[:_DIGITS]

    @property
    def key(self) -> str:
        """Name and digest, as a file is called."""
        plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in self.name)
        return f"{plain[:80]}-{self.digest}"


class Outcome(NamedTuple):
    """What became of a piece.

    Attributes:
        piece: which.
        result: None where it failed.
        failure: why it failed, in one line.
        seconds: it took.
        starts: how often it was started; more than once where its process or node was lost.
    """

    piece: Piece
    result: bytes | None
    failure: str = ""
    seconds: float = 0.0
    starts: int = 1


def do(piece: Piece, unfinished: Path | None) -> Outcome:
    """Do a piece in this process; what its function raises becomes its failure.

    Args:
        piece: to do.
        unfinished: where its workplace is made, or found again; None: a temporary one.
    """
    start = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="mec-gym-") as temporary:
            result = _called(piece, Path(temporary) if unfinished is None else unfinished)
    except Exception as error:  # whatever a piece's code raises
        return Outcome(piece, None, f"{type(error).__name__}: {one_line(error)}")
    return Outcome(piece, result, seconds=time.perf_counter() - start)


def _called(piece: Piece, unfinished: Path) -> bytes:
    for module in piece.imports:
        names.import_module(module, "imports")
    function = names.find({}, piece.function, "function")
    workplace = unfinished / piece.key
    workplace.mkdir(parents=True, exist_ok=True)
    result = function({**piece.settings, **piece.hints}, dict(piece.inputs), workplace)
    return result if isinstance(result, bytes) else json.dumps(result, allow_nan=False).encode()
