"""The batched environment: many copies of `MEC-Offload-v0` stepped by one compiled loop."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mec_gym import options as scenario_options
from mec_gym import system
from mec_gym.compiling import refused
from mec_gym.envs import arguments, loops, option_loops, turns
from mec_gym.envs.episode_stock import EpisodeStock
from mec_gym.envs.following import Following
from mec_gym.envs.offload import OffloadEnv
from mec_gym.envs.stock import Stock
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.io.messages import quoted
from mec_gym.mdp import State, assign, slot_at
from mec_gym.observations import OBSERVATIONS
from mec_gym.observations.over_time import OVER_TIME
from mec_gym.rewards import REWARDS, of_decision, preparation

IntArray = NDArray[np.int64]

_TRIED = 12
"""So many decisions of a user's own reward and observation are compared."""

_WORTH_THREADS = 1e-4
"""Copies are played by several threads where they take one so many seconds."""

_REPORTED = {
    "cost": np.float64,
    "energy_j": np.float64,
    "missed": np.int64,
    "dropped": np.int64,
    "barred": np.int64,
}
"""What `option_loops.finish` writes in this order, see `mec_gym.system.report`."""

_OF_EACH_COPY = {
    "action_names": "action_names",
    "action_space": "single_action_space",
    "metadata": "metadata",
    "observation_space": "single_observation_space",
    "overload_penalty": "overload_penalty",
    "render_mode": "render_mode",
    "scenario": "scenario",
    "spec": "spec",
}
"""The attributes of a copy, and what they are called here."""


class OffloadVectorEnv(VectorEnv[NDArray[np.float32], IntArray, NDArray[Any]]):
    """A batch of copies of `OffloadEnv`, which documents the arguments, spaces and information.

    Copy i reset with seed s plays, bit for bit, the slots of an `OffloadEnv` reset with seed
    s + i, as Gymnasium's `SyncVectorEnv` does with the same autoreset mode:

    | mode | after the last device of a copy's slot |
    |---|---|
    | `SAME_STEP` | its next slot begins in the same step; `info` has `final_obs`, `final_info` |
    | `NEXT_STEP` | the next step takes no action of it, earns 0, and begins its next slot |
    | `DISABLED` | it is to be reset, by `reset(options={"reset_mask": terminated})` |

    Gymnasium's vector wrappers of observations want `NEXT_STEP` or `DISABLED`, and
    `NormalizeObservation` `NEXT_STEP`; TorchRL's `GymWrapper` wants `SAME_STEP` or `DISABLED`, the
    adapter for Stable-Baselines3 (`mec_gym.sb3.agent.vec_env`) `SAME_STEP`.

    `reset` takes the options `instance`, a batch of as many slots as there are copies, and
    `reset_mask` (num_envs,), which copies to reset.

    Where the scenario's slots follow one another an episode is over after its last task, and
    `reset` takes `episode`, as many `mec_gym.Episodes` as there are copies, in place of `instance`.
    What `info` has of a slot stands in M places, of which those behind its tasks are -1 in
    `assignment` and `devices`, and 0 in `cpu_hz` and `task_delay`.

    Args:
        num_envs: how many copies.
        render_mode: None; a single environment can be rendered.
        autoreset_mode: a `gymnasium.vector.AutoresetMode`, or its name.
        max_episode_steps: after how many steps a slot is cut off; as Gymnasium's `TimeLimit`.
        num_threads: how many threads work on it, the caller's among them: the others draw slots
            while it plays, and play some of the copies where there are many. What it returns does
            not depend on it.
        **settings: those of `OffloadEnv`, with its defaults.

    Raises:
        ValueError: a bad argument.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012  # as VectorEnv declares it
        "autoreset_mode": AutoresetMode.SAME_STEP,
        "render_modes": [],
    }
    _spec: EnvSpec | None = None

    def __init__(
        self,
        num_envs: int = 1,
        render_mode: str | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        max_episode_steps: int | None = None,
        num_threads: int = 1,
        **settings: Any,
    ) -> None:
        num_envs = arguments.check_count("num_envs", num_envs)
        self.num_threads = arguments.check_count("num_threads", num_threads)
        if render_mode is not None:
            raise ValueError(
                f"render_mode: {render_mode!r}; a batch is not rendered, gym.make one environment"
            )
        self.autoreset_mode = arguments.check_autoreset_mode(autoreset_mode)
        self._begins_at_once = self.autoreset_mode is AutoresetMode.SAME_STEP
        limit = arguments.check_max_episode_steps(max_episode_steps)
        single = OffloadEnv(**settings)
        self.num_envs = num_envs
        self.render_mode = None
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.scenario = single.scenario
        self.overload_penalty = single.overload_penalty
        self.single_observation_space = single.observation_space
        self.single_action_space = single.action_space
        self.observation_space = batch_space(single.observation_space, num_envs)
        self.action_space = batch_space(single.action_space, num_envs)
        self._observer = single.observer
        self._first_outside = loops.first_outside()
        self._has_options = not scenario_options.is_plain(self.scenario)
        self._reported = system.reported(scenario_options.attributes(self.scenario))

        num_devices, self._num_actions = self.scenario.num_devices, self.scenario.num_actions
        self._shape = (num_envs, *single.observer.space.shape)  # of observations
        self._cut_off_after = limit
        follows = self.scenario.slots > 1
        # Steps of an episode; unknown where slots follow one another.
        self._length = -1 if follows else min(num_devices, limit or num_devices)
        most = num_devices * self.scenario.slots
        self._longest = most if limit is None else min(limit, most)
        self._stock = (EpisodeStock if follows else Stock)(
            self.scenario, single.observer, num_envs, self.num_threads, preparation(single.reward)
        )
        self._slots, self._prepared = self._stock.slots, self._stock.prepared
        # Those of an `EpisodeStock`; where each slot is an episode there is nothing to follow.
        self._following: Following | None = getattr(self._stock, "following", None)
        self._counts = np.empty((0, 3), dtype=np.int64)
        at: tuple[Any, ...] = ()
        if self._following is not None:
            self._counts, at = self._following.counts, (turns.part_at,)
        self._at = at[0] if at else loops.whole_at
        self._observe = loops.observe_of(single.observer.write, *at)
        self._play = loops.play_of(single.reward, single.observer.write, *at)
        self._seconds_a_copy = 0.0  # that a step takes; 0: not yet known
        self._every = np.arange(num_envs)  # copy
        self._row = np.arange(num_envs)  # of the slot that each copy plays
        self._device = np.zeros(num_envs, dtype=np.int64)
        self._is_over = np.zeros(num_envs, dtype=np.bool_)  # where slots follow one another
        self._assignment = np.zeros((num_envs, num_devices), dtype=np.int64)
        none = np.arange(0)  # of the copies: the loops are compiled, and nothing is played
        with refused("observation", single.observer.write):
            self._seen(none)
        with refused("reward", single.reward):
            self._assign(none, none)
        own = single.reward not in REWARDS.values() or type(single.observer) not in (
            *OBSERVATIONS.values(),
            *OVER_TIME.values(),
        )
        if own:
            self._check_compiled(single)

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
        known = "instance" if self._following is None else "episode"
        given = arguments.check_options(options, known, "reset_mask")
        rows = self._rows(given.get("reset_mask"))
        instance = given.get(known)
        if instance is not None:
            self._check_given(instance)
        seeds = self._seeds(seed)
        if not self._stock.seeded and len(rows) < self.num_envs:
            raise ResetNeeded("reset: the first one resets every copy; leave out reset_mask")
        self._seed([row for row in rows if seeds[row] is not None or not self._stock.seeded], seeds)
        if instance is None:
            self._begin_next(rows)
        else:
            self._begin_given(instance[rows], rows)
        had = np.zeros(self.num_envs, dtype=np.bool_)
        had[rows] = True
        observation, mask = self._seen()
        return observation, {
            "action_mask": mask & had[:, None],
            "_action_mask": had,
        }

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
            ResetNeeded: there has been no reset, or one of a copy whose slot is over is missing.
        """
        if not self._stock.seeded:
            raise ResetNeeded("step: called before the first reset; call reset first")
        over = None if self._begins_at_once else self._over()
        servers = self._servers(actions, over)
        if over is not None:
            self._begin_next(np.flatnonzero(over))
        reward, terminated, observation, mask, ended = self._assign(self._every, servers)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        info: dict[str, Any] = {}
        if self._following is not None:
            terminated, truncated, info, observation, mask = self._follow(
                self._following, terminated, bool(ended), observation, mask
            )
        elif ended:
            now = self._device == self._length
            if self._length == self._cut_off_after:
                truncated = now.copy()
            if over is None:
                info, observation, mask = self._final(now, observation, mask, self._outcome(now))
            else:
                info = self._outcome(now)
        every = np.ones(self.num_envs, dtype=np.bool_)
        info |= {"action_mask": mask, "_action_mask": every}
        return observation, reward, terminated, truncated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each server of each copy has a free place, (num_envs, N)."""
        if not self._stock.seeded:
            raise ResetNeeded("action_masks: called before the first reset; call reset first")
        return self._seen()[1].view(np.bool_)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return what a method or an attribute of each copy is, as `SyncVectorEnv.call` does.

        Raises:
            AttributeError: it is of none of the copies, which are not environments of their own.
        """
        if name == "action_masks":
            return tuple(self.action_masks(*args, **kwargs))
        if name not in _OF_EACH_COPY or args or kwargs:
            raise AttributeError(
                f"{name}: a batch has no copy to call it on; there are: action_masks,"
                f" {', '.join(_OF_EACH_COPY)}; begin slots with reset, of some copies with"
                ' reset(options={"reset_mask": ...})'
            )
        return (getattr(self, _OF_EACH_COPY[name]),) * self.num_envs

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return an attribute of each copy; see `call`."""
        return self.call(name)

    def set_attr(self, name: str, values: Any) -> None:
        """Refuse: the copies share their attributes."""
        raise AttributeError(f"{name}: the copies share their attributes; make a new batch")

    def close_extras(self, **kwargs: Any) -> None:
        """End the other threads."""
        if hasattr(self, "_stock"):  # some Gymnasiums close what was refused, and is not made
            self._stock.close()

    @property
    def action_names(self) -> tuple[str, ...]:
        """What each action is called."""
        return self.scenario.action_names

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium made this of, in JSON values."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = arguments.written(spec, self.scenario)

    def state(self) -> list[dict[str, Any]]:
        """Return what `restore` goes on from, JSON values for each copy.

        They are its generator at the beginning of the episode it plays, and the servers chosen so
        far: all else is drawn and assigned anew.

        Raises:
            ResetNeeded: there has been no reset.
            ValueError: a copy plays a slot that was given.
        """
        if not self._stock.seeded:
            raise ResetNeeded("state: called before the first reset; call reset first")
        following = self._following
        row = self._row if following is None else following.course.episode
        given = np.flatnonzero(row >= self._stock.first_given)
        if len(given):
            raise ValueError(f"state: copy {given[0]} plays a slot that was given, not drawn")
        chosen = [
            servers[:device].tolist()
            for servers, device in zip(self._assignment, self._device, strict=True)
        ]
        if following is not None:
            chosen = following.chosen(chosen)
        return [
            {"generator": dict(rng.bit_generator.state), "assignment": servers}
            for rng, servers in zip(self._stock.generators(), chosen, strict=True)
        ]

    def restore(self, state: list[dict[str, Any]]) -> NDArray[np.float32]:
        """Go on from what `state` returned of a batch of the same arguments; return what is seen.

        Raises:
            ValueError: it is not such a state.
        """
        num_devices, num_actions = self.scenario.num_devices, self.scenario.num_actions
        try:
            rng = [_generator(copy["generator"]) for copy in state]
            chosen = [np.array(copy["assignment"], dtype=np.int64) for copy in state]
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ValueError(f"state: not that of a batch: {error!r}") from None
        longest = self._longest - self._begins_at_once  # else a slot that is over is still seen
        fits = all(
            servers.ndim == 1
            and len(servers) <= longest
            and ((servers >= 0) & (servers < num_actions)).all()
            for servers in chosen
        )
        if len(state) != self.num_envs or not fits:
            raise ValueError(
                f"state: not that of {self.num_envs} copies of {num_devices} devices and"
                f" {num_actions} actions"
            )
        self._stock.seed(dict(enumerate(rng)))
        self._begin_next(np.arange(self.num_envs))
        if self._following is not None:
            self._replay(self._following, chosen)
            return self._seen()[0]
        for copy, servers in enumerate(chosen):
            slot = slot_at(self._slots, int(self._row[copy]))
            for device, server in enumerate(servers.tolist()):
                assign(slot, device, server)
                self._assignment[copy, device] = server
            self._device[copy] = len(servers)
        return self._seen()[0]

    def _replay(self, following: Following, chosen: list[IntArray]) -> None:
        """Take the actions of each copy that it took in its episode, (steps,)."""
        for step in range(max(map(len, chosen))):
            copies = np.array([copy for copy, servers in enumerate(chosen) if step < len(servers)])
            if self._is_over[copies].any():
                raise ValueError("state: it has more actions than the episodes of copies")
            servers = np.full(self.num_envs, loops.NONE)
            servers[copies] = [chosen[copy][step] for copy in copies]
            _, ends, *seen, ended = self._assign(copies, servers)
            if ended:
                self._turn(following, copies[ends[copies]], *seen)

    def _seen(self, copies: IntArray | None = None) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return new observations and masks of the batch, written for some copies, or for all."""
        observation, mask = self._unwritten()
        self._write(self._every if copies is None else copies, observation, mask)
        return observation, mask

    def _unwritten(self) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        shape, masks = self._shape, (self.num_envs, self._num_actions)
        return np.empty(shape, dtype=np.float32), np.empty(masks, dtype=np.int8)

    def _write(self, copies: IntArray, observation: NDArray[Any], mask: NDArray[Any]) -> None:
        """Write the observations and masks of some copies."""
        self._in_parts(self._observe, copies, observation, mask)

    def _assign(self, copies: IntArray, servers: IntArray) -> tuple[Any, ...]:
        """Give the devices of some copies to servers, (num_envs,).

        Returns:
            rewards and ends, observations and masks, (num_envs, ...), and how many slots ended.
        """
        observation, mask = self._unwritten()
        reward, terminated = np.empty(self.num_envs), np.empty(self.num_envs, dtype=np.bool_)
        ended = self._in_parts(
            self._play,
            copies,
            observation,
            mask,
            servers,
            self.overload_penalty,
            self._length,
            self._assignment,
            reward,
            terminated,
        )
        return reward, terminated, observation, mask, sum(ended)

    def _in_parts(self, loop: Any, copies: IntArray, *arrays: Any) -> list[Any]:
        """Call a loop for some copies, by several threads where worth it; return what each does."""

        def call(some: IntArray) -> Any:
            constants = self._observer.constants
            place = self._row, self._device, self._prepared, self._counts
            return loop(self._slots, some, *place, constants, *arrays)

        if self.num_threads == 1:
            return [call(copies)]
        if self._seconds_a_copy * len(copies) <= _WORTH_THREADS:
            start = time.perf_counter()
            done = [call(copies)]
            if len(copies) == self.num_envs:
                seconds = (time.perf_counter() - start) / len(copies)
                self._seconds_a_copy = min(self._seconds_a_copy or seconds, seconds)
            return done
        first, *parts = np.array_split(copies, self.num_threads)
        others = [self._stock.pool.submit(call, part) for part in parts]
        done = [call(first)]
        for other, part in zip(others, parts, strict=True):
            # Where it has not begun, that thread is drawing.
            done.append(call(part) if other.cancel() else other.result())
        return done

    def _check_compiled(self, single: OffloadEnv) -> None:
        """Check on slots that a user's own parts do the same compiled as in plain Python.

        Raises:
            ValueError: they do not.
        """
        copies = np.arange(min(self.num_envs, 2))
        slots: Any = self.scenario.sample(len(copies), 0)
        if self._following is None:
            self._begin_given(slots, copies)
        else:
            drawn = self.scenario.sample_episodes(len(copies), 0)
            self._begin_given(drawn, copies)
            slots = [self._following.find(drawn, copy, copy)() for copy in copies.tolist()]
        prepare, constants = preparation(single.reward), single.observer.constants
        states = [State(slot, prepare) for slot in slots]
        for state in states:
            state.prepared = single.observer.prepare(state.instance)
        tried = min(slot.num_devices for slot in slots)
        for device in range(min(tried, self._longest, _TRIED)):
            servers = (device * self._every) % self.scenario.num_actions  # the first overloads one
            seen = self._seen(copies)[0]
            earned = self._assign(copies, servers)[0]
            for copy, (state, server) in enumerate(zip(states, servers.tolist(), strict=False)):
                shown = np.empty_like(seen[copy])
                single.observer.write(state.slot, device, state.prepared, constants, shown)
                reward = of_decision(single.reward, state, server, self.overload_penalty)
                state.assign(server)
                slot, _ = self._at(self._slots, self._prepared, int(self._row[copy]), self._counts)
                for part, plain, compiled in (
                    ("observation", shown, seen[copy]),
                    ("reward", reward, earned[copy]),
                    ("observation, reward", state.slot.load, slot.load),
                    ("observation, reward", state.slot.sqrt_load, slot.sqrt_load),
                ):
                    if not np.array_equal(plain, compiled):
                        raise ValueError(
                            f"{part}: before device {device} compiled code makes {quoted(compiled)}"
                            f" of what is {quoted(plain)} in plain Python, so a batch would not"
                            " play what single environments play; lists and arrays, and whole"
                            " numbers, add, slice and divide differently"
                        )
        self._row[copies], self._device[copies] = copies, 0

    def _over(self) -> NDArray[np.bool_]:
        """Return which copies have their slots behind them, (num_envs,).

        Raises:
            ResetNeeded: some have, and none is reset by itself.
        """
        over: NDArray[np.bool_] = (
            self._device == self._length if self._following is None else self._is_over.copy()
        )
        if self.autoreset_mode is AutoresetMode.DISABLED and over.any():
            raise ResetNeeded(
                f"step: the slot of copy {over.argmax()} is over; reset such copies with"
                ' reset(options={"reset_mask": terminated | truncated})'
            )
        return over

    def _rows(self, reset_mask: Any) -> IntArray:
        if reset_mask is None:
            return np.arange(self.num_envs)
        mask = _array(reset_mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"reset_mask: {mask.dtype} of shape {mask.shape}; it must be ({self.num_envs},)"
                " booleans, at least one True"
            )
        return np.flatnonzero(mask)

    def _check_given(self, given: Any) -> None:
        if self._following is not None:
            if not isinstance(given, Episodes):
                raise ValueError(f"episode: {type(given).__name__} is not a mec_gym.Episodes")
            if given.batch_shape != (self.num_envs,):
                raise ValueError(
                    f"episode: episodes of shape {given.batch_shape}; needs one for each of the"
                    f" {self.num_envs} copies"
                )
            self.scenario.check_episodes(given)
            return
        instance = given
        if not isinstance(instance, Instance):
            raise ValueError(f"instance: {type(instance).__name__} is not a mec_gym.Instance")
        if instance.batch_shape != (self.num_envs,):
            raise ValueError(
                f"instance: a batch of shape {instance.batch_shape}; needs one slot for each of"
                f" the {self.num_envs} copies"
            )
        self.scenario.check(instance)

    def _seeds(self, seed: Any) -> list[int | None]:
        if not np.iterable(seed) or isinstance(seed, str | bytes | Mapping):
            first = arguments.check_seed(seed)
            return [None if first is None else first + row for row in range(self.num_envs)]
        seeds = [arguments.check_seed(one) for one in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(
                f"seed: {len(seeds)} seeds for {self.num_envs} copies; give one number, or one each"
            )
        return seeds

    def _seed(self, rows: Sequence[int], seeds: Sequence[int | None]) -> None:
        self._stock.seed({row: seeding.np_random(seeds[row])[0] for row in rows})

    def _servers(self, actions: Any, ignored: NDArray[np.bool_] | None = None) -> IntArray:
        servers = _array(actions)
        if servers.shape != (self.num_envs,) or servers.dtype.kind not in "iu":
            raise InvalidAction(
                f"action: {servers.dtype} of shape {servers.shape}; it must be ({self.num_envs},)"
                " whole numbers"
            )
        servers, num_actions = servers.astype(np.int64, copy=False), self._num_actions
        if ignored is not None:
            servers = np.where(ignored, 0, servers)
        row = self._first_outside(servers, num_actions)
        if row >= 0:
            raise InvalidAction(
                f"action: {servers[row]} of copy {row} is not a server; they go from 0 to"
                f" {num_actions - 1}"
            )
        if ignored is not None:
            servers[ignored] = loops.NONE
        return servers

    def _begin_next(self, copies: IntArray) -> None:
        """Begin the next slot of some copies, or their next episode."""
        if len(copies):
            self._begin(copies, self._stock.begin_next(copies))

    def _begin_given(self, given: Any, copies: IntArray) -> None:
        """Begin slots or episodes that are given, one for each of some copies."""
        rows = self._stock.first_given + copies
        self._stock.keep(given, rows)
        self._begin(copies, rows)

    def _begin(self, copies: IntArray, rows: IntArray) -> None:
        """Begin what stands in some rows of the stock, one for each of some copies."""
        self._device[copies] = 0
        if self._following is None:
            self._row[copies] = rows
        else:
            self._following.begin(copies, rows)
            self._is_over[copies] = False

    def _turn(
        self,
        following: Following,
        copies: IntArray,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
    ) -> Any:
        """End the slots of some copies; write what those see whose episodes go on."""
        ended, over = following.turn(copies, self._assignment)
        going = copies
        if over:
            is_over = following.course.over[copies]
            self._is_over[copies[is_over]], going = True, copies[~is_over]
        self._device[going] = 0
        if len(going):
            self._write(going, observation, mask)
        return ended

    def _follow(
        self,
        following: Following,
        ends: NDArray[np.bool_],
        ended: bool,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
    ) -> tuple[Any, ...]:
        """Go on from a step, after which the slots of the copies in `ends` (num_envs,) have ended.

        Returns:
            whether episodes are over, and whether they are cut off, (num_envs,); what is told of
            slots and episodes; observations and masks.
        """
        outcome: Any = None
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        if ended:
            outcome = self._turn(following, np.flatnonzero(ends), observation, mask)
            terminated = ends & following.course.over
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        if self._cut_off_after is not None:
            device = np.where(self._is_over, 0, self._device)  # else they are counted as steps
            truncated = following.course.steps + device == self._cut_off_after
        info: dict[str, Any] = {}
        done = terminated | truncated
        if self._begins_at_once and done.any():
            told = following.told(outcome, ends & done) if ended else {}
            info, observation, mask = self._final(done, observation, mask, told)
            ends = ends & ~done
        else:
            self._is_over |= done
        if ended:
            info |= following.told(outcome, ends)
        return terminated, truncated, info, observation, mask

    def _final(
        self,
        now: NDArray[np.bool_],
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
        outcome: dict[str, NDArray[Any]],
    ) -> tuple[dict[str, Any], NDArray[np.float32], NDArray[np.int8]]:
        """Begin the next slots of the copies whose slots are now over.

        Returns their `final_obs` and `final_info`, and observations and masks of all: those that
        are given but for those of the slots that begin.
        """
        ended = np.flatnonzero(now)
        if len(ended) == self.num_envs:  # what they saw is handed on as it is
            last, last_mask = np.fromiter(observation, dtype=object, count=len(ended)), mask
            observation, mask = self._unwritten()
        else:
            last = np.full(self.num_envs, None, dtype=object)
            last[ended] = np.fromiter(observation[ended], dtype=object, count=len(ended))
            last_mask = np.where(now[:, None], mask, np.int8(0))
        masks = {"action_mask": last_mask, "_action_mask": now.copy()}
        info = {
            "final_obs": last,
            "_final_obs": now.copy(),
            "final_info": masks | outcome,
            "_final_info": now.copy(),
        }
        self._begin_next(ended)
        self._write(ended, observation, mask)
        return info, observation, mask

    def _outcome(self, now: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Return what the slots that are now over came to; nothing where they were cut off."""
        if self._length < self.scenario.num_devices:
            return {}
        ended, shape = np.flatnonzero(now), self._assignment.shape
        made = np.empty if len(ended) == self.num_envs else np.zeros  # of the others 0 is reported
        outcome: dict[str, NDArray[Any]] = {
            "assignment": made(shape, dtype=np.int64),
            "cpu_hz": made(shape),
            "task_delay": made(shape),
            "overloads": made(self.num_envs, dtype=np.int64),
            "feasible": made(self.num_envs, dtype=np.bool_),
        }
        common = self._slots, self._row, ended, self._assignment, *outcome.values()
        if self._has_options:
            outcome |= self._finish_with_options(*common)
        else:
            loops.finish()(*common)
        outcome["average_delay"] = outcome["task_delay"].sum(axis=1) / self.scenario.num_devices
        return outcome | {f"_{key}": now.copy() for key in outcome}

    def _finish_with_options(self, *common: Any) -> dict[str, NDArray[Any]]:
        """Write the paper's outcome of slots that have options; return what else is reported."""
        more = {name: np.zeros(self.num_envs, dtype) for name, dtype in _REPORTED.items()}
        option_loops.finish()(
            *common,
            self._stock.kept,
            self.scenario.num_servers,
            "drop" in self.scenario.columns,
            *more.values(),
        )
        return {name: more[name] for name in self._reported}


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
