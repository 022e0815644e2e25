"""How devices move from slot to slot, by name."""

from typing import Any

import numpy as np

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
    "check",
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


def check(mobility: Mobility, num_slots: int, num_devices: int, slot_s: float, area: Area) -> None:
    """Check that so many devices can move so, and what a model of a user's own makes of it.

    Raises:
        ValueError: they cannot; or the model is not read back from what is written of it, fails,
            or makes other places than it must; the message begins with the field, or the model.
    """
    mobility.check(num_slots, num_devices, slot_s, area)
    if type(mobility) in MOBILITY.values():
        return
    name = type(mobility).__name__
    if from_fields(mobility.model_dump(mode="json", exclude_none=True)) != mobility:
        raise ValueError(f"{name} is not read back from what is written of it")
    rng = np.random.default_rng(0)
    low, high = area.corners_m[0], area.corners_m[-1]
    start = low + (high - low) * rng.random((2, num_devices, 2))
    try:
        unit = rng.random((2, mobility.num_uniforms(num_slots, num_devices)))
        places = np.asarray(mobility.places(unit, start, num_slots, slot_s, area))
        alone = mobility.places(unit[1], start[1], num_slots, slot_s, area)
        reach = mobility.reach(area)
        mobility.fastest_mps(slot_s, area)
    except Exception as error:  # whatever a user's own code raises
        raise ValueError(f"{name} makes no places: {one_line(repr(error))}") from error
    shape = (2, num_slots, num_devices, 2)
    if places.shape != shape:
        raise ValueError(
            f"{name}.places returns shape {places.shape} of 2 episodes, not {shape}: episode, slot,"
            " device, x and y"
        )
    ends = start.reshape(-1, 2) if reach is None else reach
    slack = 1e-6 * area.side_m
    inside = (places >= ends.min(axis=0) - slack) & (places <= ends.max(axis=0) + slack)
    if not inside.all():  # nor where they are no numbers
        raise ValueError(f"{name}.places are beyond its `reach`, or no numbers")
    if (places[1] != alone).any():
        raise ValueError(f"{name} moves devices otherwise beside other episodes than alone")
