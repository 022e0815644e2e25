"""What every model of how devices move has, and the square that they move in."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.io.settings import Settings
from mec_gym.networks.projection import Projection

FloatArray = NDArray[np.float64]

MOBILITY: dict[str, type["Mobility"]] = {}
"""The models by kind, as `mec_gym.mobility` fills it."""


@dataclass(frozen=True)
class Area:
    """The square that devices move in, and how places in degrees lie to it.

    Attributes:
        corner_m: x, y of its corner in the south-west.
        side_m: its side.
        plane: what degrees are projected on; None: a table of its own says where its middle is, or
            no place is in degrees.
        middle_m: x and y of the middle of the plane.
    """

    corner_m: tuple[float, float]
    side_m: float
    plane: Projection | None = None
    middle_m: float = 0.0

    @property
    def corners_m(self) -> FloatArray:
        """Its corners, (4, 2)."""
        unit = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)])
        return np.asarray(self.corner_m) + self.side_m * unit


class Mobility(Settings, ABC):
    """What every model has; a new one needs `num_uniforms`, `places` and `fastest_mps`."""

    kind: str = Field(
        "", description='Name of the model, or your own class as "module:name"; found by itself.'
    )

    @abstractmethod
    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return how many uniform numbers an episode takes."""

    @abstractmethod
    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, area: Area
    ) -> FloatArray:
        """Return where devices are in each slot, (..., K, M, 2), m.

        Args:
            unit: uniform numbers, (..., `num_uniforms`).
            start: where they are in the first slot, (..., M, 2), m, within the area.
            num_slots: K.
            slot_s: length of a slot, s.
            area: what they stay in.
        """

    @abstractmethod
    def fastest_mps(self, slot_s: float, area: Area) -> float:
        """Return a speed that devices hardly ever exceed, m/s."""

    def reach(self, area: Area) -> FloatArray | None:
        """Return places (R, 2), m, within whose convex hull devices stay; by default the area.

        None: they stay where they begin.
        """
        return area.corners_m

    def check(self, num_slots: int, num_devices: int, slot_s: float, area: Area) -> None:
        """Check that so many devices can move so over the slots of an episode.

        Raises:
            ValueError: they cannot; the message begins with the field.
        """
        return

    @model_validator(mode="before")
    @classmethod
    def _kind_is_the_class(cls, fields: Any) -> Any:
        """Set the kind by which `from_fields` finds the class."""
        if not isinstance(fields, dict):
            return fields
        name = names.name_of(cls, MOBILITY, "kind")
        if fields.get("kind", name) != name:
            raise ValueError(f"kind: {quoted(fields['kind'])} is not that of {name}; leave it out")
        return fields | {"kind": name}
