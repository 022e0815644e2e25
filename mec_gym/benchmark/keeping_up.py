"""Whether servers keep up with the work that arrives: as it is said, and as it was measured."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mec_gym.benchmark.over_time import EpisodesResult
from mec_gym.estimates import Estimate
from mec_gym.scenario import Scenario
from mec_gym.workload import beyond, mean_load

FloatArray = NDArray[np.float64]

_PART = 5
"""One in so many slots are the middle of an episode, and as many its end."""

_FEWEST = 10
"""Of fewer slots the first ones, which begin without work left over, are too large a part."""

_LITTLE = 0.01
"""Growth a slot, in lengths of a slot, that is not worth a word."""


def growth(result: EpisodesResult) -> Estimate:
    """Return how much more work is left over at the end of an episode than in its middle, seconds.

    The end is the last fifth of the slots, the middle the fifth about their middle; the mean over
    servers and seeds, with its interval over episodes.
    """
    middle, end = _middle_and_end(result)
    return Estimate.of(end - middle)


def grows(result: EpisodesResult, slot_s: float) -> bool:
    """Return whether work left over is measured to grow from the middle of episodes to their end.

    The whole 95% interval is above 0, and the growth above 1% of a slot's length a slot.
    """
    num_slots = result.backlog_s.shape[-1]
    if num_slots < _FEWEST:
        return False
    found = growth(result)
    apart = (num_slots - num_slots // _PART) / 2
    return bool(found.mean > max(found.ci95, _LITTLE * slot_s * apart))


def sentences(results: Sequence[EpisodesResult], scenario: Scenario) -> list[str]:
    """Return what is to be said of work that servers cannot do, and of policies that let it grow.

    Nothing where the servers can do what arrives, and do so with every policy.
    """
    slot_s, said = scenario.slot_s, beyond(scenario)
    assert slot_s is not None  # slots follow one another
    growing = [each for each in results if grows(each, slot_s)]
    lines = []
    if said:
        lines.append(f"{said[0].upper()}{said[1:]}.")
    if not growing:
        return lines
    overloaded = bool(said) and mean_load(scenario) > 1
    if overloaded and len(growing) == len(results):
        least = min(growing, key=lambda each: growth(each).mean)
        with_least = f"it grows with every policy, the least with {least.name}"
        return [*lines, f"Measured, {with_least}: {_measured(least)}."]
    which = "; ".join(f"{each.name}: {_measured(each)}" for each in growing)
    return [*lines, f"Measured, work left over still grows at the end of an episode: {which}."]


def _measured(result: EpisodesResult) -> str:
    middle, end = (float(each.mean()) for each in _middle_and_end(result))
    return f"{middle:.3g} s left over in the middle of an episode, {end:.3g} s at its end"


def _middle_and_end(result: EpisodesResult) -> tuple[FloatArray, FloatArray]:
    """Return the mean work left over in the middle and at the end of each episode, (B,), s."""
    backlog = result.backlog_s.mean(axis=0)
    num_slots = backlog.shape[-1]
    size = max(num_slots // _PART, 1)
    first = (num_slots - size) // 2
    return backlog[:, first : first + size].mean(axis=-1), backlog[:, -size:].mean(axis=-1)
