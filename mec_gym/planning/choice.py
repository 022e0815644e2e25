"""Which of some policies to run.

The rule: the least mean cost wins, of those that keep every slot within its places and links. One
whose decisions take at most a tenth of the time takes its place where the slots do not tell the two
apart, the 95% interval of the difference slot by slot reaching 0 but not 1% of the cost, or where
it costs at most 0.1% more; among several such the one of least cost. Of one slot alone, which has
no interval, only the 0.1% counts. What looks at tasks that the network hides is never chosen.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

from mec_gym.benchmark.comparison import Reference, Result
from mec_gym.benchmark.over_time import EpisodesResult

MUCH_FASTER = 0.1
NEGLIGIBLE, LITTLE = 1e-3, 1e-2


_R = TypeVar("_R", Result, EpisodesResult)


class Choice(NamedTuple):
    """A policy to run.

    Attributes:
        name: of it.
        why: in a sentence's latter half.
    """

    name: str
    why: str


def chosen(results: Sequence[_R], barred: Collection[str] = ()) -> Choice | None:
    """Return which policy to run; None: none keeps within places in every slot.

    Args:
        results: of the policies, with the time of their decisions.
        barred: names of those that cannot be run, as they look ahead.
    """
    fit = [each for each in results if each.feasible_rate == 1 and each.name not in barred]
    if not fit:
        return None
    best = min(fit, key=lambda each: each.average_cost.mean)
    alike = [each for each in fit if _much_faster(each, best) and _as_good(each, best)]
    if not alike:
        return Choice(best.name, _why_best(best, fit))
    instead = min(alike, key=lambda each: each.average_cost.mean)
    more = instead.average_cost.mean / best.average_cost.mean - 1
    ratio = (best.slot_seconds or 0) / (instead.slot_seconds or 1)
    how_much = "which is negligible" if more <= NEGLIGIBLE else "no more than these slots can tell"
    return Choice(
        instead.name,
        f"it costs {more:.2%} more than {best.name}, the best, {how_much}, and decides"
        f" {ratio:.0f} times as fast",
    )


def bounded_by(reference: Reference) -> str:
    """Return what gaps are above, as sentences have it."""
    share = reference.proven.mean()
    if share == 1:
        return "the proven optimum"
    return "a lower bound" if share == 0 else f"a bound, the proven optimum in {share:.0%} of slots"


def _much_faster(one: _R, other: _R) -> bool:
    if one.slot_seconds is None or other.slot_seconds is None:
        return False
    return one.slot_seconds <= MUCH_FASTER * other.slot_seconds


def _as_good(one: _R, best: _R) -> bool:
    difference, cost = one.difference(best), best.average_cost.mean
    if difference.mean <= NEGLIGIBLE * cost:
        return True
    return difference.mean <= difference.ci95 <= LITTLE * cost - difference.mean


def _why_best(best: _R, fit: Sequence[_R]) -> str:
    above = f"{best.gap.mean:.2%} above {bounded_by(best.reference)}"
    if len(fit) == 1:
        return f"it is the only one that keeps within places and links, {above}"
    second = min((each for each in fit if each is not best), key=lambda e: e.average_cost.mean)
    more = second.average_cost.mean / best.average_cost.mean - 1
    return f"its mean cost is the least, {above}; {second.name}, the next, costs {more:.2%} more"
