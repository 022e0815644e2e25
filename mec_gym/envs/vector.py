"""The batched environment: many copies of `MEC-Offload-v0` stepped by one compiled loop."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mec_gym.envs import compiled
from mec_gym.envs.offload import OffloadEnv, check_options
from mec_gym.instance import Instance
from mec_gym.mdp import Slots, State

IntArray = NDArray[np.int64]

_LINKS_KEPT = 1 << 19
"""Slots are drawn ahead, about so many links in all; at least one slot a copy."""

_LINKS_AT_ONCE = 1 << 15
"""They are worked out about so many links at a time, to stay within the cache."""


class Drawn(NamedTuple):
    """Slots to be played, a row each: what `mdp.Slots` holds of them, and their observation."""

    tx_delay: NDArray[Any]
    task_cycles: NDArray[Any]
    server_hz: NDArray[Any]
    observation: NDArray[Any]


class OffloadVectorEnv(VectorEnv[NDArray[np.float32], IntArray, NDArray[Any]]):
    """A batch of copies of `OffloadEnv`, which documents the arguments, spaces and information.

    Copy i reset with seed s plays, bit for bit, the slots of an `OffloadEnv` reset with seed
    s + i. A copy that ends its slot begins its next one in the same step: the observation is then
    the next slot's first, and `info` has `final_obs` and `final_info`, as Gymnasium's
    `SyncVectorEnv` gives them with `AutoresetMode.SAME_STEP`.

    `reset` takes the options `instance`, a batch of as many slots as there are copies, and
    `reset_mask` (num_envs,), which copies to reset.

    Args:
        num_envs: how many copies.
        render_mode: None; a single environment can be rendered.
        **arguments: those of `OffloadEnv`, with its defaults.

    Raises:
        ValueError: a bad argument.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # as VectorEnv declares it
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        copies: Any = num_envs  # a caller may give anything
        if isinstance(copies, bool) or not isinstance(copies, Integral) or int(copies) < 1:
            raise ValueError(f"num_envs: {copies!r} is not a whole number above 0")
        if render_mode is not None:
            raise ValueError(
                f"render_mode: {render_mode!r}; a batch is not rendered, gym.make one environment"
            )
        single = OffloadEnv(**arguments)
        num_envs = self.num_envs = int(copies)
        self.render_mode = None
        self.scenario = single.scenario
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, num_envs)
        self.action_space = batch_space(single.action_space, num_envs)
        self._observer = single.observer
        self._reward_name = single.reward_name
        self._overload_penalty = single.overload_penalty

        num_devices, num_servers = self.scenario.num_devices, self.scenario.num_servers
        links = num_devices * num_servers
        shape = self.single_observation_space.shape or ()
        self._slots = Slots(
            tx_delay=np.empty(num_envs * links),
            task_cycles=np.empty(num_envs * num_devices),
            sqrt_cycles=np.empty(num_envs * num_devices),
            server_hz=np.empty(num_envs * num_servers),
            capacity=np.tile(self.scenario.capacities, num_envs),
            load=np.zeros(num_envs * num_servers, dtype=np.int64),
            sqrt_load=np.zeros(num_envs * num_servers),
        )
        self._device = np.zeros(num_envs, dtype=np.int64)
        self._assignment = np.zeros((num_envs, num_devices), dtype=np.int64)
        self._observation = np.empty((num_envs, *shape), dtype=np.float32)
        self._mask = np.empty((num_envs, num_servers), dtype=np.bool_)

        self._rng: list[np.random.Generator] = []
        self._drawn_ahead = min(max(1, _LINKS_KEPT // (num_envs * links)), 64)
        ahead = num_envs * self._drawn_ahead
        self._ahead = Drawn(
            np.empty((ahead, links)),
            np.empty((ahead, num_devices)),
            np.empty((ahead, num_servers)),
            np.empty((ahead, *shape), dtype=np.float32),
        )
        self._next = np.full(num_envs, self._drawn_ahead)  # of the slots drawn ahead

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next slot of every copy, or of those in `options["reset_mask"]`.

        Args:
            seed: of the first copy, the next ones following; or one for each.
            options: `instance` and `reset_mask`, see the class.

        Raises:
            ValueError: a bad seed or option, or slots that do not fit the scenario.
        """
        options = check_options(options, "instance", "reset_mask")
        rows = self._rows(options.get("reset_mask"))
        instance = options.get("instance")
        if instance is not None:
            self._check_instance(instance)
        seeds = self._seeds(seed)
        if not self._rng and len(rows) < self.num_envs:
            raise ResetNeeded("reset: the first one resets every copy; leave out reset_mask")
        self._seed([row for row in rows if seeds[row] is not None or not self._rng], seeds)
        if instance is None:
            self._begin_next(rows)
        else:
            self._begin(rows, self._drawn(instance), rows)
        had = np.zeros(self.num_envs, dtype=np.bool_)
        had[rows] = True
        mask = np.where(had[:, None], self._mask, False)
        return self._observation.copy(), {"action_mask": mask, "_action_mask": had}

    def step(
        self, actions: IntArray
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Give the current device of each copy to a server, (num_envs,).

        Raises:
            InvalidAction: the actions are not (num_envs,) whole numbers 0..N-1.
            ResetNeeded: there has been no reset.
        """
        if not self._rng:
            raise ResetNeeded("step: called before the first reset; call reset first")
        servers = self._servers(actions)
        reward = np.empty(self.num_envs)
        terminated = np.empty(self.num_envs, dtype=np.bool_)
        compiled.step_of(self._reward_name)(
            self._slots,
            self._device,
            servers,
            self._overload_penalty,
            self._assignment,
            self._observation,
            self._observer.shown_places,
            self._observer.first_place,
            self._mask,
            reward,
            terminated,
        )
        info: dict[str, Any] = {}
        if terminated.any():
            rows = np.flatnonzero(terminated)
            info = self._final(rows, terminated)
            self._begin_next(rows)
        every = np.ones(self.num_envs, dtype=np.bool_)
        info |= {"action_mask": self._mask.copy(), "_action_mask": every}
        never = np.zeros(self.num_envs, dtype=np.bool_)
        return self._observation.copy(), reward, terminated, never, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each server of each copy has a free place, (num_envs, N)."""
        if not self._rng:
            raise ResetNeeded("action_masks: called before the first reset; call reset first")
        return self._mask.copy()

    def _rows(self, reset_mask: Any) -> IntArray:
        if reset_mask is None:
            return np.arange(self.num_envs)
        mask = np.asarray(reset_mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"reset_mask: {mask.dtype} of shape {mask.shape}; it must be ({self.num_envs},)"
                " booleans, at least one True"
            )
        return np.flatnonzero(mask)

    def _check_instance(self, instance: Any) -> None:
        if not isinstance(instance, Instance):
            raise ValueError(f"instance: {type(instance).__name__} is not a mec_gym.Instance")
        if instance.batch_shape != (self.num_envs,):
            raise ValueError(
                f"instance: a batch of shape {instance.batch_shape}; needs one slot for each of"
                f" the {self.num_envs} copies"
            )
        self.scenario.check(instance)

    def _seeds(self, seed: Any) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, Integral):
            return [int(seed) + row for row in range(self.num_envs)]
        seeds = [None if one is None else int(one) for one in seed] if np.iterable(seed) else []
        if len(seeds) != self.num_envs:
            raise ValueError(
                f"seed: {len(seeds)} seeds for {self.num_envs} copies; give one number, or one each"
            )
        return seeds

    def _seed(self, rows: Sequence[int], seeds: Sequence[int | None]) -> None:
        made = {row: seeding.np_random(seeds[row])[0] for row in rows}
        self._rng = [made.get(row) or self._rng[row] for row in range(self.num_envs)]
        self._next[list(rows)] = self._drawn_ahead  # what was drawn ahead is void

    def _servers(self, actions: Any) -> IntArray:
        servers = np.asarray(actions)
        if servers.shape != (self.num_envs,) or servers.dtype.kind not in "iu":
            raise InvalidAction(
                f"action: {servers.dtype} of shape {servers.shape}; it must be ({self.num_envs},)"
                " whole numbers"
            )
        num_servers = self.scenario.num_servers
        if servers.min() < 0 or servers.max() >= num_servers:
            row = int(np.flatnonzero((servers < 0) | (servers >= num_servers))[0])
            raise InvalidAction(
                f"action: {servers[row]} of copy {row} is not a server; they go from 0 to"
                f" {num_servers - 1}"
            )
        return servers.astype(np.int64, copy=False)

    def _begin_next(self, rows: IntArray) -> None:
        """Begin the next slot drawn ahead; draw where none is left."""
        self._draw(rows[self._next[rows] == self._drawn_ahead])
        self._begin(rows, self._ahead, self._next[rows] * self.num_envs + rows)
        self._next[rows] += 1

    def _begin(self, rows: IntArray, drawn: "Drawn", sources: IntArray) -> None:
        compiled.begin(rows, sources, *drawn, self._slots, self._observation, self._device)
        self._mask[rows] = self.scenario.capacities > 0

    def _draw(self, rows: IntArray) -> None:
        """Draw ahead for some copies, each from its own generator."""
        if not len(rows):
            return
        links = self.scenario.num_devices * self.scenario.num_servers
        at_once = max(1, _LINKS_AT_ONCE // (links * self._drawn_ahead))
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            unit = np.empty((len(part), self._drawn_ahead, self.scenario.num_uniforms))
            for row, numbers in zip(part.tolist(), unit, strict=True):
                self._rng[row].random(out=numbers)
            slots = self.scenario.slots_of(unit.reshape(-1, unit.shape[-1]))
            for kept, new in zip(self._ahead, self._drawn(slots), strict=True):
                # All copies' first slots come first, then their second: copies go abreast.
                by_copy = kept.reshape(self._drawn_ahead, self.num_envs, -1).swapaxes(0, 1)
                by_copy[part] = new.reshape(len(part), self._drawn_ahead, -1)
        self._next[rows] = 0

    def _drawn(self, slots: Instance) -> "Drawn":
        return Drawn(
            slots.tx_delay.reshape(len(slots), -1),
            slots.task_cycles,
            slots.server_hz,
            self._observer.begin(State(slots)),
        )

    def _final(self, rows: IntArray, terminated: NDArray[np.bool_]) -> dict[str, Any]:
        """Return `final_obs` and `final_info` of the copies that have just ended."""
        cpu_hz, task_delay = np.zeros(self._assignment.shape), np.zeros(self._assignment.shape)
        overloads = np.zeros(self.num_envs, dtype=np.int64)
        compiled.finish(self._slots, rows, self._assignment, cpu_hz, task_delay, overloads)
        outcome = {
            "action_mask": self._mask & terminated[:, None],
            "assignment": self._assignment * terminated[:, None],
            "cpu_hz": cpu_hz,
            "task_delay": task_delay,
            "average_delay": task_delay.sum(axis=1) / self.scenario.num_devices,
            "overloads": overloads,
            "feasible": (overloads == 0) & terminated,
        }
        last = np.full(self.num_envs, None, dtype=object)
        last[rows] = np.fromiter(self._observation[rows], dtype=object, count=len(rows))
        whose = {f"_{key}": terminated.copy() for key in outcome}
        return {
            "final_obs": last,
            "_final_obs": terminated.copy(),
            "final_info": outcome | whose,
            "_final_info": terminated.copy(),
        }
