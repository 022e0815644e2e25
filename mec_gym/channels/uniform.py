"""The paper's channel: uniform gains."""

from pydantic import Field

from mec_gym.channels.base import Channel
from mec_gym.channels.fading import FloatArray, fading, num_fading_uniforms
from mec_gym.io.settings import RangeField
from mec_gym.ranges import from_unit, low_high


class UniformChannel(Channel):
    """Gains h_mn uniform and independent (Sec. IV-A: U[0.5, 2.0])."""

    gain: RangeField = Field((0.5, 2.0), description="Gain h_mn of a link.")

    @property
    def gain_range(self) -> tuple[float, float]:
        """The lowest and the highest gain that can occur."""
        return low_high(self.gain)

    def num_uniforms(self, num_devices: int, num_servers: int) -> int:
        """Return how many uniform numbers one slot takes: those of the fading."""
        return num_fading_uniforms(num_devices, num_servers, self.correlation)

    def draw(self, unit: FloatArray, num_devices: int, num_servers: int) -> FloatArray:
        """Return gains (..., T, M, N) made of uniform numbers; see `Channel.draw`."""
        return from_unit(fading(unit, num_devices, num_servers, self.correlation), self.gain)
