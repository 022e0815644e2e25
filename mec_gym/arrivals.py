"""Which devices have a task in a slot."""

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from mec_gym.io.messages import quoted
from mec_gym.io.settings import Begin, NumberOrEach, Settings, plain

FloatArray = NDArray[np.float64]


class Arrivals(Settings):
    """Tasks arrive at devices, at most one at each in a slot; the others decide nothing in it."""

    kind: Literal["bernoulli", "poisson", "table"] = Field(
        "bernoulli",
        description="Whether each device has a task by itself (bernoulli), the number of those that"
        " have one is drawn, at most all, and then which (poisson), or tasks, the table, says whose"
        " each is and when (table).",
    )
    probability: NumberOrEach | None = Field(
        None,
        description="Mean share of the devices that have a task in a slot, above 0: a number, or a"
        " list, one a slot; none: of kind table. Where poisson would draw more tasks than devices,"
        " these are all.",
    )
    begin: Begin | None = Field(
        None,
        description="Of kind table, its slot, or time in s, with which episodes begin, or drawn:"
        " any from which on an episode stays in it and has a task; none: its first.",
    )

    @field_validator("probability")
    @classmethod
    def _at_most_one(
        cls, value: float | tuple[float, ...] | None
    ) -> float | tuple[float, ...] | None:
        if value is not None and np.max(value) > 1:
            raise ValueError(f"{quoted(plain(value))} must be 1 at most")
        return value

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.kind == "table":
            if self.probability is not None:
                raise ValueError(
                    f"probability: {quoted(plain(self.probability))}, but the table says who has a"
                    " task; leave it out, or take kind = 'bernoulli'"
                )
        elif self.probability is None:
            raise ValueError("probability: must be given, or kind = 'table'")
        elif self.begin is not None:
            raise ValueError(f"begin: {quoted(self.begin)} is of kind 'table' alone; leave it out")
        return self

    def check(self, num_slots: int) -> None:
        """Check that probabilities are given for so many slots.

        Raises:
            ValueError: they are not.
        """
        if isinstance(self.probability, tuple) and len(self.probability) != num_slots:
            raise ValueError(
                f"probability: {len(self.probability)} values; needs a number, or {num_slots}, one"
                " a slot"
            )

    def num_uniforms(self, num_slots: int, num_devices: int) -> int:
        """Return how many uniform numbers an episode takes."""
        if self.kind == "table":
            return int(self.begin == "drawn")
        return num_slots * (num_devices + (self.kind == "poisson"))

    def draw(self, unit: FloatArray, num_slots: int, num_devices: int) -> NDArray[np.bool_]:
        """Return which devices have a task, (..., K, M), of uniform numbers (..., num_uniforms).

        Where nobody had one in a whole episode, the first device has in its first slot. What is of
        kind table is not drawn, but of a `mec_gym.timetable.Timetable`.
        """
        from scipy.special import pdtr  # takes long to import

        unit = unit.reshape(*unit.shape[:-1], num_slots, -1)
        share = self.mean_share(num_slots)[:, None]
        if self.kind == "bernoulli":
            present = unit < share
        else:
            upto = np.arange(num_devices)
            # As many as have a smaller chance to be enough than what is drawn.
            count = (pdtr(upto, share * num_devices) <= unit[..., :1]).sum(axis=-1)
            order = np.argsort(np.argsort(unit[..., 1:], axis=-1), axis=-1)
            present = order < count[..., None]
        present[..., 0, 0] |= ~present.any(axis=(-1, -2))
        return present

    def mean_tasks(self, num_slots: int, num_devices: int) -> FloatArray:
        """Return how many devices have a task in each slot on average, (K,)."""
        from scipy.special import pdtrc

        share = self.mean_share(num_slots)
        if self.kind == "bernoulli":
            return share * num_devices
        # Poisson's mean, cut off where all have one: the sum over j < M of P(more than j).
        chances = pdtrc(np.arange(num_devices), share[:, None] * num_devices)
        return np.asarray(chances.sum(axis=-1))

    def mean_share(self, num_slots: int) -> FloatArray:
        """Return the mean share of devices with a task in each slot, (K,); not of kind table."""
        return np.broadcast_to(np.asarray(self.probability, dtype=np.float64), num_slots)
