"""Floating car data (FCD) of SUMO, `sumo --fcd-output`: read as a stream, without trusting it."""

import os
import re
import stat
from typing import Any
from xml.parsers import expat

from mec_gym.io.messages import one_line, quoted
from mec_gym.networks.tables import MOST_ROWS

_AT_ONCE = 1 << 16
_MOST_DEEP = 8
_LONGEST_TOKEN = 1 << 16
_MOVING = ("vehicle", "person")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_fcd(path: str, begin: float | None, until: float | None) -> dict[str, list[Any]]:
    """Return the columns time_s, device, x and y of vehicles and persons in SUMO's FCD.

    `<fcd-export><timestep time="0.00"><vehicle id="a" x="1.0" y="2.0" .../>`: other attributes and
    elements are passed over. The file is never held as a whole, whatever its size; rows out of
    [begin, until] are not kept. There is no document type in FCD, so one, which alone could define
    entities, is refused.

    Args:
        path: of the file.
        begin: time of the first rows, s; None: the first there is.
        until: time of the last, s; None: the last there is.

    Raises:
        ValueError: it cannot be read, is no FCD, or has no row or too many of them between the two.
    """
    reader = _Reader(begin, until)
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("it is not a file")
            while part := file.read(_AT_ONCE):
                reader.feed(part)
            reader.feed(b"", True)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or one_line(error)}") from None
    except expat.ExpatError as error:
        raise ValueError(f"{path}: it is no XML: {one_line(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not reader.columns["device"]:
        wanted = "" if begin is None and until is None else f" from begin {begin} to until {until}"
        raise ValueError(f"{path}: it has no vehicle or person{wanted}")
    return reader.columns


class _Reader:
    """What has been read so far, as columns."""

    def __init__(self, begin: float | None, until: float | None) -> None:
        self.columns: dict[str, list[Any]] = {name: [] for name in ("time_s", "device", "x", "y")}
        self._begin = -float("inf") if begin is None else begin
        self._until = float("inf") if until is None else until
        self._within: list[str] = []
        self._time = 0.0
        self._fed = self._begun = 0
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def feed(self, part: bytes, last: bool = False) -> None:
        """Read on.

        Raises:
            ValueError: this is no FCD.
            xml.parsers.expat.ExpatError: this is no XML.
        """
        self._fed += len(part)
        self._parser.Parse(part, last)
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN + _AT_ONCE:
            raise ValueError(f"{self._here}: what begins there is too long; it is no FCD")

    @property
    def _here(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _refuse_doctype(self, *_: Any) -> None:
        raise ValueError(f"{self._here}: it has a DOCTYPE, as FCD has not; take it out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._within)
        if depth == 0 and name != "fcd-export":
            raise ValueError(
                f"{self._here}: it begins with <{quoted(name)[1:-1]}>, not with <fcd-export>; give"
                " what sumo --fcd-output writes"
            )
        if depth >= _MOST_DEEP:
            raise ValueError(f"{self._here}: elements lie too deep in each other; it is no FCD")
        self._within.append(name)
        if depth == 1 and name == "timestep":
            self._time = self._number(name, attributes, "time")
        elif depth == 2 and name in _MOVING and self._within[1] == "timestep":
            if not self._begin <= self._time <= self._until:
                return
            if len(self.columns["device"]) == MOST_ROWS:
                raise ValueError(
                    f"{self._here}: it has more than {MOST_ROWS:,} rows; give begin and until"
                )
            if not attributes.get("id"):
                raise ValueError(f"{self._here}: <{name}> has no id")
            self.columns["time_s"].append(self._time)
            self.columns["device"].append(attributes["id"])
            self.columns["x"].append(self._number(name, attributes, "x"))
            self.columns["y"].append(self._number(name, attributes, "y"))

    def _end(self, name: str) -> None:
        self._within.pop()

    def _number(self, name: str, attributes: dict[str, str], attribute: str) -> float:
        text = attributes.get(attribute, "")
        if not _NUMBER.fullmatch(text.strip()):
            said = f"{attribute} {quoted(text, 40)} is not a number" if text else f"no {attribute}"
            raise ValueError(f"{self._here}: <{name}> has {said}")
        return float(text)
