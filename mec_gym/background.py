"""What else the servers compute: a share of each CPU that is taken, slot by slot."""

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from mec_gym.io.settings import Settings

FloatArray = NDArray[np.float64]


def _taken(value: Any) -> Any:
    """Return shares as tuples; each must leave some of a CPU."""
    if isinstance(value, list | tuple):
        return tuple(_taken(each) for each in value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{value!r}: a share must be 0 or more, below 1")
    return float(value)


Shares = Annotated[tuple[float, ...], BeforeValidator(_taken)]
Table = Annotated[tuple[float | tuple[float, ...], ...], BeforeValidator(_taken)]


class Background(Settings):
    """The share b_n(t) of a server that others have: F_n(t) = F_n (1 - b_n(t)) is left, Eq. (13).

    Either each server goes its own way among `levels` from slot to slot, a Markov chain that
    begins in one as likely as in another, or `shares` says it all.
    """

    levels: Shares | None = Field(
        None, min_length=2, description="Shares that may be taken, below 1; none: shares says it."
    )
    stay: float = Field(
        0.9,
        ge=0,
        le=1,
        description="Probability that a server's level stays from one slot to the next; else it is"
        " one of the others, as likely as any.",
    )
    shares: Table | None = Field(
        None,
        min_length=1,
        description="Share taken in each of K slots, a number for all servers or a list of N.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.levels is None) == (self.shares is None):
            raise ValueError("levels, shares: give one of the two")
        return self

    @property
    def most(self) -> float:
        """The greatest share that is ever taken."""
        return float(max(map(np.max, self.levels or self.shares or ())))

    def mean_share(self, num_slots: int, num_servers: int) -> FloatArray:
        """Return the mean share of each server that is taken in each slot, (K, N)."""
        if self.shares is not None:
            return self._table(num_servers)
        return np.full((num_slots, num_servers), np.mean(self.levels or 0.0))

    def _table(self, num_servers: int) -> FloatArray:
        """Return `shares` of each server, (K, N)."""
        return np.array([np.broadcast_to(share, num_servers) for share in self.shares or ()])

    def check(self, num_slots: int, num_servers: int) -> None:
        """Check that shares are given for so many slots and servers.

        Raises:
            ValueError: they are not.
        """
        if self.shares is None:
            return
        if len(self.shares) != num_slots:
            raise ValueError(f"shares: {len(self.shares)} values; needs {num_slots}, one a slot")
        for slot, share in enumerate(self.shares):
            if isinstance(share, tuple) and len(share) != num_servers:
                raise ValueError(
                    f"shares: {len(share)} values in slot {slot}; needs {num_servers}, one a"
                    " server, or a number for all"
                )

    def num_uniforms(self, num_slots: int, num_servers: int) -> int:
        """Return how many uniform numbers an episode takes."""
        return 0 if self.levels is None else num_slots * num_servers

    def draw(self, unit: FloatArray, num_slots: int, num_servers: int) -> FloatArray:
        """Return the share taken, (..., K, N), of uniform numbers (..., num_uniforms)."""
        lead = unit.shape[:-1]
        if self.levels is None:
            return np.broadcast_to(self._table(num_servers), (*lead, num_slots, num_servers))
        unit = unit.reshape(*lead, num_slots, num_servers)
        count = len(self.levels)
        level = np.empty(unit.shape, np.int64)
        level[..., 0, :] = unit[..., 0, :] * count
        for slot in range(1, num_slots):
            beyond = unit[..., slot, :] - self.stay
            others = count - 1
            by = 1 + np.minimum(beyond * others / max(1 - self.stay, 1e-300), others - 1).astype(
                int
            )
            before = level[..., slot - 1, :]
            level[..., slot, :] = np.where(beyond < 0, before, (before + by) % count)
        return np.asarray(self.levels)[level]
