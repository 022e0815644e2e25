"""What a sweep says of a target: where it is met, and the least value that does."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mec_gym.planning.measures import Measure, Played
from mec_gym.planning.points import Found
from mec_gym.planning.targets import Target, Verdict
from mec_gym.planning.varying import Axis, Number


class Reading(NamedTuple):
    """What a policy needs along the last axis, where the axes before it have some values.

    Attributes:
        policy: its name.
        before: values of the axes but the last.
        least: the least value with which the target is met; None: there is none.
        greatest: the greatest that still meets it, where more of it does harm; else None.
        measure: at that value; None where there is none.
        perhaps: values whose own value keeps to the target, but not their whole interval.
        missed_beyond: values beyond that do not meet it again.
    """

    policy: str
    before: tuple[Number, ...]
    least: Number | None
    greatest: Number | None
    measure: Measure | None
    perhaps: tuple[Number, ...]
    missed_beyond: tuple[Number, ...]

    @property
    def value(self) -> Number | None:
        """The value to build."""
        return self.least if self.greatest is None else self.greatest

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        measure = None if self.measure is None else dict(self.measure._asdict())
        return self._asdict() | {"measure": measure}


def read(
    found: Sequence[Found], axes: Sequence[Axis], target: Target, policy: str
) -> list[Reading]:
    """Return what a policy needs of the last axis, for each combination of the axes before."""
    size = len(axes[-1].values)
    return [_read(found[at : at + size], target, policy) for at in range(0, len(found), size)]


def of_policy(found: Found, policy: str) -> Played | None:
    """Return what a policy came to at a point; None where there is no such network."""
    return next((each for each in found.played if each.name == policy), None)


def verdict(found: Found, target: Target, policy: str) -> Verdict:
    """Return whether a policy meets a target at a point."""
    played = of_policy(found, policy)
    return "missed" if played is None else target.verdict(played)


def best_policy(found: Sequence[Found], barred: Sequence[str] = ()) -> str | None:
    """Return the policy of least mean cost over all points, of those that are feasible in each."""
    points = [each for each in found if each.played]
    costs: dict[str, float] = {}
    for name in [each.name for each in points[0].played] if points else []:
        played = [of_policy(point, name) for point in points]
        if name not in barred and all(each is not None and each.feasible == 1 for each in played):
            costs[name] = sum(each.quantities["cost"].value for each in played if each is not None)
    return min(costs, key=lambda name: costs[name]) if costs else None


def _read(row: Sequence[Found], target: Target, policy: str) -> Reading:
    values = [each.values[-1] for each in row]
    verdicts = [verdict(each, target, policy) for each in row]
    met = [place for place, each in enumerate(verdicts) if each == "met"]
    perhaps = tuple(v for v, each in zip(values, verdicts, strict=True) if each == "perhaps")
    before = row[0].values[:-1]
    if not met:
        return Reading(policy, before, None, None, None, perhaps, ())
    there = [place for place, each in enumerate(row) if each.played]
    harmful = met[0] == there[0] and verdicts[there[-1]] != "met" and len(there) > 1
    least, greatest = values[met[0]], None
    place = met[0]
    beyond = [at for at in there if at > place and verdicts[at] != "met"]
    if harmful:
        place = next((at - 1 for at in there if verdicts[at] != "met"), met[-1])
        greatest = values[place]
        beyond = [at for at in met if at > place]
    played = of_policy(row[place], policy)
    measure = None if played is None else target.of(played)
    return Reading(
        policy, before, least, greatest, measure, perhaps, tuple(values[at] for at in beyond)
    )
