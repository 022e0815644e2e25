"""How devices move from slot to slot, by name."""

from typing import Any

from mec_gym.io import names
from mec_gym.io.messages import one_line, quoted
from mec_gym.mobility.base import MOBILITY, Area, Mobility
from mec_gym.mobility.gauss_markov import GaussMarkov
from mec_gym.mobility.random_waypoint import RandomWaypoint
from mec_gym.mobility.static import Static
from mec_gym.mobility.trace import Trace

__all__ = [
    "MOBILITY",
    "Area",
    "GaussMarkov",
    "Mobility",
    "RandomWaypoint",
    "Static",
    "Trace",
    "from_fields",
]

MOBILITY |= {
    "static": Static,
    "random-waypoint": RandomWaypoint,
    "gauss-markov": GaussMarkov,
    "trace": Trace,
}
"""The models by kind; a new one is a class in a file beside this one, and an entry here."""


def from_fields(fields: Any) -> Any:
    """Return the model of a table of fields, of which `kind` says which it is.

    Raises:
        ValueError: no such kind, or a bad value.
    """
    if isinstance(fields, str):
        fields = {"kind": fields}
    if not isinstance(fields, dict):
        return fields
    kind = names.find(MOBILITY, fields.get("kind"), "kind")
    if not (isinstance(kind, type) and issubclass(kind, Mobility)):
        raise ValueError(
            f"kind: {quoted(fields['kind'])} is not a subclass of mec_gym.mobility.Mobility"
        )
    try:
        return kind(**fields)
    except TypeError as error:  # a method is missing
        raise ValueError(one_line(error)) from None
