"""Whether a claim holds, as far as the intervals tell."""

from collections.abc import Iterable
from enum import StrEnum

from mec_gym.estimates import Estimate


class Verdict(StrEnum):
    """What measurements say of a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "not settled"


def exceeds(measured: Estimate, threshold: float) -> Verdict:
    """Judge "above the threshold": settled where the whole interval is on one side."""
    if measured.mean - measured.ci95 > threshold:
        return Verdict.HOLDS
    return Verdict.FAILS if measured.mean + measured.ci95 < threshold else Verdict.OPEN


def near(measured: Estimate, value: float, tolerance: float) -> Verdict:
    """Judge "about the value": within `tolerance` of it, relatively; settled as `exceeds` is."""
    distance = abs(measured.mean - value)
    return exceeds(Estimate(-distance, measured.ci95), -tolerance * abs(value))


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """Judge several claims in one: it fails with any of them, and holds with all of them."""
    found = set(verdicts)
    if Verdict.FAILS in found:
        return Verdict.FAILS
    return Verdict.OPEN if Verdict.OPEN in found else Verdict.HOLDS
