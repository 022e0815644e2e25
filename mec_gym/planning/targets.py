"""A target, such as "p95 <= 0.2 s": what it says, and whether a policy meets it."""

import re
from dataclasses import dataclass
from typing import Any, Literal, Self

from mec_gym.instance import Instance
from mec_gym.io.messages import none_called
from mec_gym.planning.measures import OVER_TIME, TARGETS, Measure, Played, Quantity

Verdict = Literal["met", "perhaps", "missed"]
"""Met: the whole interval keeps to it. Perhaps: the value does, the interval does not."""

_SAID = re.compile(r"\s*(\w+)\s*(<=|>=|<|>|≤|≥)\s*([-+.\deE]+)\s*(\S*)\s*")
_UNITS = {
    "s": {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6},
    "J": {"": 1.0, "j": 1.0, "mj": 1e-3, "uj": 1e-6, "µj": 1e-6},
    "%": {"": 1.0, "%": 1e-2},
}
"""By the unit of a quantity, what those that it may be given in are worth."""


@dataclass(frozen=True)
class Target:
    """What a network must come to.

    Attributes:
        text: as it was given.
        name: of the quantity.
        limit: its greatest value, or its least where more is better; SI, a share 0 to 1.
    """

    text: str
    name: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the target that a text says.

        Raises:
            ValueError: it says none; the message has the remedy.
        """
        found = _SAID.fullmatch(text)
        if found is None:
            raise ValueError(
                f"target: {text!r} is not a quantity, <= or >=, and a number, such as"
                ' "p95 <= 0.2 s" or "met >= 99 %"'
            )
        name, sign, number, unit = found.groups()
        if name not in TARGETS:
            raise ValueError(f"target: {none_called(name, TARGETS)}")
        quantity = TARGETS[name]
        if (sign in "<=≤") != quantity.less_is_better:
            better = "<=" if quantity.less_is_better else ">="
            raise ValueError(f"target: {text!r}; {name} ({quantity.text}) takes {better}")
        units = _UNITS[quantity.unit]
        if unit.lower() not in units:
            there_are = ", ".join(filter(None, units))
            raise ValueError(f"target: {unit!r} is no unit of {name}; there are: {there_are}")
        try:
            limit = float(number) * units[unit.lower()]
        except ValueError:
            raise ValueError(f"target: {number!r} is not a number") from None
        if not 0 < limit < float("inf") or (quantity.unit == "%" and limit > 1):
            most = ", 100 % at most" if quantity.unit == "%" else ""
            raise ValueError(
                f"target: {number}{unit and ' ' + unit}; give a finite number above 0{most}"
            )
        return cls(" ".join(text.split()), name, limit)

    @property
    def quantity(self) -> Quantity:
        """What it is of."""
        return TARGETS[self.name]

    @property
    def slowest_s(self) -> float | None:
        """The delay that it sets a limit to, seconds; None where it is of something else."""
        return self.limit if self.name == "mean" or self.name.startswith("p") else None

    def check(self, slots: Instance) -> None:
        """Check that slots have what it is of.

        Raises:
            ValueError: they have no deadlines, or follow no others; the message has the remedy.
        """
        if self.name in OVER_TIME and slots.slots_left is None:
            raise ValueError(f"target: {self.name} needs slots that follow one another; give slots")
        if self.name == "handovers" and slots.last_server is None:
            raise ValueError("target: handovers takes a network with handover_s or state_bits")
        if self.name == "dropped" and "drop" not in slots.columns:
            raise ValueError("target: dropped takes a network with drop_penalty_s")
        if self.name == "met" and slots.deadline_s is None:
            raise ValueError("target: met needs deadlines; give the network deadline_s")

    def of(self, played: Played) -> Measure:
        """Return the quantity of a policy."""
        return played.quantities[self.name]

    def verdict(self, played: Played) -> Verdict:
        """Return whether a policy meets it; one whose slots are not all feasible does not."""
        measure = self.of(played)
        worst = measure.high if self.quantity.less_is_better else measure.low
        if not self._keeps(measure.value) or played.feasible < 1:
            return "missed"
        return "met" if worst is not None and self._keeps(worst) else "perhaps"

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"text": self.text, "quantity": self.name, "limit": self.limit}

    def _keeps(self, value: float) -> bool:
        return value <= self.limit if self.quantity.less_is_better else value >= self.limit
