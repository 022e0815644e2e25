"""Whether slots show a trained network what its training showed it."""

import json
import warnings
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym import observations, plausibility
from mec_gym.families import scenarios_of
from mec_gym.instance import Instance
from mec_gym.mdp import State
from mec_gym.plausibility import PlausibilityWarning
from mec_gym.policies.trained import TrainedPolicy
from mec_gym.scenario import Scenario

Array = NDArray[np.float64]

_MARGIN = 1.0
"""A feature is strange beyond what training showed by more than that range is wide."""

_SLOTS, _SEED = 200, 12_345
"""Of each scenario that a network was trained on, to find that range."""

_LINKS = 150_000
"""Of the slots of each such scenario: of large ones fewer are looked at."""

_MOST_LINKS = 10**7
"""Of the slots that are looked at; of more the first."""


class Unfamiliar(NamedTuple):
    """What a network sees as slots begin that training never showed it.

    Attributes:
        share: of the slots that are so.
        features: numbers of the columns of its observation that are, rising.
        beyond: how far the farthest is beyond the range in training, in widths of that range.
    """

    share: float
    features: tuple[int, ...]
    beyond: float


def unfamiliar(policy: TrainedPolicy, slots: Instance) -> Unfamiliar | None:
    """Return what of slots is beyond all that a network met in training; None if nothing is.

    The ranges are those of its features as slots of its training begin, which are drawn again from
    the scenarios in its files. A network for one size has none: it refuses other slots itself.

    Args:
        policy: told the scenario that it is to play, see `TrainedPolicy.for_scenario`.
        slots: with one leading dimension.
    """
    if not (policy.scores_servers and policy.observer.any_size):
        return None
    config = policy.training.get("config", {})
    own = policy.scenario
    alone = None if config.get("family") or _listed(config) else own
    low, high = _ranges(policy.observation, json.dumps(config), own.lookahead, alone)
    links = slots.num_devices * slots.num_servers
    seen = _begun(policy.observation, policy.scenario, slots[: max(1, _MOST_LINKS // links)])
    width = np.maximum(high - low, np.finfo(np.float32).eps)
    beyond = np.maximum(low - seen, seen - high) / width
    strange = ~(beyond <= _MARGIN)  # NaN is, too
    if not strange.any():
        return None
    features = tuple(np.flatnonzero(strange.any(axis=(0, 1))).tolist())
    return Unfamiliar(float(strange.any(axis=(1, 2)).mean()), features, float(np.nanmax(beyond)))


def warn(policy: Any, name: str, slots: Instance) -> bool:
    """Warn where slots show a policy what its training never did, and return whether they do.

    A policy that is not a trained network has seen all there is to see.

    Args:
        policy: any, told the scenario that it is to play.
        name: what to call it.
        slots: with one leading dimension.
    """
    found = unfamiliar(policy, slots) if isinstance(policy, TrainedPolicy) else None
    if found is None:
        return False
    columns = ", ".join(map(str, found.features))
    warnings.warn(
        f"model: {found.share:.0%} of the slots show {name} what its training never did, columns"
        f" {columns} of observation {policy.observation!r} by up to {found.beyond:.3g} times the"
        " range it met; its decisions mean little there, so train one on such slots, or play"
        " another policy",
        PlausibilityWarning,
        stacklevel=2,
    )
    return True


@lru_cache(maxsize=16)
def _ranges(
    observation: str, config: str, lookahead: int | None, alone: Scenario | None
) -> tuple[Array, Array]:
    """Return the least and the greatest value of each column in training, (F,) each.

    `alone` is the scenario where the configuration names none.
    """
    said = json.loads(config)
    with plausibility.quiet():
        scenarios: tuple[Scenario, ...] = tuple(Scenario(**each) for each in _listed(said))
        if said.get("family"):
            of = said.get("family_of", "small")
            scenarios = scenarios_of(of, said["family"], said["seed"], lookahead)
    if alone is not None:
        scenarios = (alone,)
    counts = [
        min(_SLOTS, max(1, _LINKS // (each.num_devices * each.num_actions))) for each in scenarios
    ]
    rows = [
        _begun(observation, each, each.sample(count, _SEED))
        for each, count in zip(scenarios, counts, strict=True)
    ]
    low = np.min([each.min(axis=(0, 1)) for each in rows], axis=0)
    high = np.max([each.max(axis=(0, 1)) for each in rows], axis=0)
    return low, high


def _listed(config: dict[str, Any]) -> list[dict[str, Any]]:
    trained_on = config.get("scenarios") or [config.get("scenario")]
    return [each for each in trained_on if isinstance(each, dict)]


def _begun(observation: str, scenario: Scenario, slots: Instance) -> Array:
    """Return what is seen as slots begin, (B, N, F)."""
    with np.errstate(all="ignore"):
        return observations.make(observation, scenario).begin(State(slots)).astype(np.float64)
