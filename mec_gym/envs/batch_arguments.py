"""What a batch of environments is given: checked, and brought into arrays over copies."""

from typing import Any

import numpy as np
from gymnasium.error import InvalidAction
from numpy.typing import NDArray

from mec_gym.envs import arguments, loops
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.scenario import Scenario

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def check_rows(reset_mask: Any, num_envs: int) -> IntArray:
    """Return the copies that are to be reset, all of them for None.

    Raises:
        ValueError: it is no mask of the copies, (num_envs,), or none is to be reset.
    """
    if reset_mask is None:
        return np.arange(num_envs)
    mask = _array(reset_mask)
    if mask.shape != (num_envs,) or mask.dtype != np.bool_ or not mask.any():
        raise ValueError(
            f"reset_mask: {mask.dtype} of shape {mask.shape}; it must be ({num_envs},)"
            " booleans, at least one True"
        )
    return np.flatnonzero(mask)


def check_seeds(seed: Any, num_envs: int) -> list[int | None]:
    """Return the seed of each copy; where one number is given it is that of the first.

    Raises:
        ValueError: one is no seed, or there are not so many.
    """
    if not np.iterable(seed) or isinstance(seed, str | bytes | dict):
        first = arguments.check_seed(seed)
        return [None if first is None else first + row for row in range(num_envs)]
    seeds = [arguments.check_seed(one) for one in seed]
    if len(seeds) != num_envs:
        raise ValueError(
            f"seed: {len(seeds)} seeds for {num_envs} copies; give one number, or one each"
        )
    return seeds


def check_instance(scenario: Scenario, instance: Any, num_envs: int) -> Instance:
    """Return slots that are given to a batch, one for each copy.

    Raises:
        ValueError: they are not such slots, or not of the scenario.
    """
    if not isinstance(instance, Instance):
        raise ValueError(f"instance: {type(instance).__name__} is not a mec_gym.Instance")
    if instance.batch_shape != (num_envs,):
        raise ValueError(
            f"instance: a batch of shape {instance.batch_shape}; needs one slot for each of"
            f" the {num_envs} copies"
        )
    scenario.check(instance)
    return instance


def check_episodes(scenario: Scenario, episodes: Any, num_envs: int) -> Episodes:
    """Return episodes that are given to a batch, one for each copy.

    Raises:
        ValueError: they are not such episodes, or not of the scenario.
    """
    if not isinstance(episodes, Episodes):
        raise ValueError(f"episode: {type(episodes).__name__} is not a mec_gym.Episodes")
    if episodes.batch_shape != (num_envs,):
        raise ValueError(
            f"episode: episodes of shape {episodes.batch_shape}; needs one for each of the"
            f" {num_envs} copies"
        )
    scenario.check_episodes(episodes)
    return episodes


def check_actions(
    actions: Any, num_envs: int, num_actions: int, ignored: BoolArray | None = None
) -> IntArray:
    """Return the action of each copy; of those that are ignored, (num_envs,), it is `loops.NONE`.

    Raises:
        InvalidAction: they are not (num_envs,) whole numbers 0..N-1.
    """
    servers = _array(actions)
    if servers.shape != (num_envs,) or servers.dtype.kind not in "iu":
        raise InvalidAction(
            f"action: {servers.dtype} of shape {servers.shape}; it must be ({num_envs},)"
            " whole numbers"
        )
    servers = np.ascontiguousarray(servers, np.int64)
    if ignored is not None:
        servers = np.where(ignored, 0, servers)
    row = loops.first_outside()(servers, num_actions)
    if row >= 0:
        raise InvalidAction(
            f"action: {servers[row]} of copy {row} is not a server; they go from 0 to"
            f" {num_actions - 1}"
        )
    if ignored is not None:
        servers[ignored] = loops.NONE
    return servers


def check_state(
    state: Any, scenario: Scenario, num_envs: int, most: int
) -> tuple[list[np.random.Generator], list[IntArray]]:
    """Return the generators and the actions of copies of which a state has been kept.

    Args:
        state: what `OffloadVectorEnv.state` returned.
        scenario: what the copies play.
        num_envs: how many copies.
        most: so many actions can have been taken.

    Raises:
        ValueError: it is not such a state.
    """
    try:
        rng = [_generator(copy["generator"]) for copy in state]
        chosen = [np.array(copy["assignment"], dtype=np.int64) for copy in state]
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ValueError(f"state: not that of a batch: {error!r}") from None
    fits = all(
        servers.ndim == 1
        and len(servers) <= most
        and ((servers >= 0) & (servers < scenario.num_actions)).all()
        for servers in chosen
    )
    if len(state) != num_envs or not fits:
        raise ValueError(
            f"state: not that of {num_envs} copies of {scenario.num_devices} devices and"
            f" {scenario.num_actions} actions"
        )
    return rng, chosen


def _generator(state: dict[str, Any]) -> np.random.Generator:
    made: Any = np.random.PCG64()
    made.state = state
    return np.random.Generator(made)


def _array(value: Any) -> NDArray[Any]:
    """Return what a caller gave as an array, whatever it is."""
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        return np.empty(len(value), dtype=object)
