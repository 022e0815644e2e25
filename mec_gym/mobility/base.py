"""What every model of how devices move has."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.io.settings import Settings

FloatArray = NDArray[np.float64]

MOBILITY: dict[str, type["Mobility"]] = {}
"""The models by kind, as `mec_gym.mobility` fills it."""


class Mobility(Settings, ABC):
    """What every model has; a new one needs `num_uniforms` and `places`."""

    kind: str = Field(
        "", description='Name of the model, or your own class as "module:name"; found by itself.'
    )

    @abstractmethod
    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return how many uniform numbers an episode takes."""

    @abstractmethod
    def places(
        self, unit: FloatArray, start: FloatArray, num_slots: int, slot_s: float, side_m: float
    ) -> FloatArray:
        """Return where devices are in each slot, (..., K, M, 2), m.

        Args:
            unit: uniform numbers, (..., `num_uniforms`).
            start: where they are in the first slot, (..., M, 2), m.
            num_slots: K.
            slot_s: length of a slot, s.
            side_m: side of the square that they stay in, m.
        """

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
