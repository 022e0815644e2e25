"""What every channel model has."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mec_gym.channels.fading import FloatArray
from mec_gym.io import names
from mec_gym.io.messages import quoted
from mec_gym.io.settings import Settings
from mec_gym.ranges import to_unit

CHANNELS: dict[str, type["Channel"]] = {}
"""The channel models by kind, as `mec_gym.channels` fills it."""


class Channel(Settings, ABC):
    """What every channel model has; a new one needs `gain_range`, `num_uniforms` and `draw`.

    Its parameters are fields, whose values must be such as `mec_gym.io.settings.Settings` takes.
    """

    correlation: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Correlation rho of a link's complex fading amplitude from one decision step to"
        " the next; 1: constant within the slot, 0: independent.",
    )
    _LATER: ClassVar[tuple[str, ...]] = ("correlation",)
    """Fields that are not written where they have their default."""

    kind: str = Field(
        "", description='Name of the model, or your own class as "module:name"; found by itself.'
    )

    @property
    @abstractmethod
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur, above 0."""

    @abstractmethod
    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes."""

    @abstractmethod
    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers (..., `num_uniforms`).

        T is `num_steps`. Each slot depends on its own numbers alone.
        """

    def distances(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray | None:
        """Return the distance of each link (..., M, N), m, of the numbers that `draw` takes.

        By default None: devices and servers have no places.
        """
        return None

    def places(
        self, unit: FloatArray, num_devices: int, num_servers: int
    ) -> tuple[FloatArray, FloatArray] | None:
        """Return the places x, y of devices (..., M, 2) and of servers (N, 2), m.

        By default None: there are none.

        Args:
            unit: the numbers that `draw` takes.
            num_devices: M.
            num_servers: N.
        """
        return None

    @property
    def default_noise_psd(self) -> float:
        """The noise density of a scenario that gives none, W/Hz: by default Sec. IV-A's."""
        return 1e-9

    def to_unit(self, gain: FloatArray) -> FloatArray:
        """Map gains to [0, 1]; by default linearly."""
        return to_unit(gain, self.gain_range)

    def num_steps(self, num_devices: int) -> int:
        """Return at how many decision steps of a slot the gains differ: 1, or all M."""
        return 1 if self.correlation == 1 else num_devices

    @model_validator(mode="before")
    @classmethod
    def _kind_is_the_class(cls, fields: Any) -> Any:
        """Set the kind by which `from_fields` finds the class."""
        if not isinstance(fields, dict):
            return fields
        name = names.name_of(cls, CHANNELS, "kind")
        if fields.get("kind", name) != name:
            raise ValueError(f"kind: {quoted(fields['kind'])} is not that of {name}; leave it out")
        return fields | {"kind": name}

    @model_serializer(mode="wrap")
    def _leave_out_what_came_later(
        self, fields_of: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        # What was written before there were these fields still reads and compares the same.
        fields: dict[str, Any] = fields_of(self)
        for name in self._LATER:
            if getattr(self, name) == type(self).model_fields[name].default:
                fields.pop(name, None)
        return fields
