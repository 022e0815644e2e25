"""The batched environment: many copies of `MEC-Offload-v0` stepped by one compiled loop."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mec_gym.envs import arguments, batch_arguments, own_parts
from mec_gym.envs.copies import Copies
from mec_gym.envs.following import Following
from mec_gym.envs.offload import OffloadEnv
from mec_gym.envs.outcomes import Outcomes

IntArray = NDArray[np.int64]

_CHECKS: dict[str, Callable[..., Any]] = {
    "instance": batch_arguments.check_instance,
    "episode": batch_arguments.check_episodes,
}
"""Of what can be given to `reset` for the copies to play."""

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
        self._outcomes = Outcomes(self.scenario)
        self._num_actions = self.scenario.num_actions
        num_devices, follows = self.scenario.num_devices, self.scenario.slots > 1
        most = num_devices * self.scenario.slots
        self._cut_off_after = limit
        self._longest = most if limit is None else min(limit, most)
        # Steps of an episode; unknown where slots follow one another.
        self._length = -1 if follows else self._longest
        self._copies = Copies(single, num_envs, self.num_threads, self._length)
        self._stock, self._following = self._copies.stock, self._copies.following
        if not own_parts.all_ours(single.reward, single.observer):
            own_parts.check(self._copies, min(self._longest, num_devices))

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
        rows = batch_arguments.check_rows(given.get("reset_mask"), self.num_envs)
        slots: Any = given.get(known)
        if slots is not None:
            slots = _CHECKS[known](self.scenario, slots, self.num_envs)
        seeds = batch_arguments.check_seeds(seed, self.num_envs)
        if not self._stock.seeded and len(rows) < self.num_envs:
            raise ResetNeeded("reset: the first one resets every copy; leave out reset_mask")
        anew = [row for row in rows if seeds[row] is not None or not self._stock.seeded]
        self._stock.seed({row: seeding.np_random(seeds[row])[0] for row in anew})
        if slots is None:
            self._copies.begin_next(rows)
        else:
            self._copies.begin_given(slots[rows], rows)
        had = np.zeros(self.num_envs, dtype=np.bool_)
        had[rows] = True
        observation, mask = self._copies.seen()
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
        servers = batch_arguments.check_actions(actions, self.num_envs, self._num_actions, over)
        if over is not None:
            self._copies.begin_next(np.flatnonzero(over))
        reward, terminated, observation, mask, ended = self._copies.assign(None, servers)
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        info: dict[str, Any] = {}
        if self._following is not None:
            if ended or self._cut_off_after is not None:
                terminated, info, observation, mask = self._follow(
                    self._following, terminated, truncated, observation, mask
                )
        elif ended:
            now = self._copies.device == self._length
            if self._length == self._cut_off_after:
                truncated = now.copy()
            info = self._told(now)
            if over is None:
                (begun,) = now.nonzero()
                info, observation, mask = self._final(now, begun, observation, mask, info)
                self._copies.start_next(begun)
                self._copies.go_on(begun, observation, mask)
        info["action_mask"] = mask
        info["_action_mask"] = np.ones(self.num_envs, dtype=np.bool_)
        return observation, reward, terminated, truncated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Return whether each server of each copy has a free place, (num_envs, N)."""
        if not self._stock.seeded:
            raise ResetNeeded("action_masks: called before the first reset; call reset first")
        return self._copies.seen()[1].view(np.bool_)

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
        row = self._copies.row if following is None else following.course.episode
        given = np.flatnonzero(row >= self._stock.first_given)
        if len(given):
            raise ValueError(f"state: copy {given[0]} plays a slot that was given, not drawn")
        chosen = self._copies.chosen()
        return [
            {"generator": dict(rng.bit_generator.state), "assignment": servers}
            for rng, servers in zip(self._stock.generators(), chosen, strict=True)
        ]

    def restore(self, state: list[dict[str, Any]]) -> NDArray[np.float32]:
        """Go on from what `state` returned of a batch of the same arguments; return what is seen.

        Raises:
            ValueError: it is not such a state.
        """
        # Of one that begins at once what is over is no longer seen.
        most = self._longest - self._begins_at_once
        rng, chosen = batch_arguments.check_state(state, self.scenario, self.num_envs, most)
        self._stock.seed(dict(enumerate(rng)))
        self._copies.begin_next(np.arange(self.num_envs))
        self._copies.replay(chosen)
        return self._copies.seen()[0]

    def _over(self) -> NDArray[np.bool_]:
        """Return which copies have their slots behind them, (num_envs,).

        Raises:
            ResetNeeded: some have, and none is reset by itself.
        """
        copies, follows = self._copies, self._following is not None
        over = copies.is_over.copy() if follows else copies.device == self._length
        if self.autoreset_mode is AutoresetMode.DISABLED and over.any():
            raise ResetNeeded(
                f"step: the slot of copy {over.argmax()} is over; reset such copies with"
                ' reset(options={"reset_mask": terminated | truncated})'
            )
        return over

    def _follow(
        self,
        following: Following,
        ends: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
    ) -> tuple[Any, ...]:
        """Go on from a step, after which the slots of the copies in `ends` (num_envs,) are through.

        `truncated` (num_envs,) is written: whether episodes are cut off.

        Returns:
            whether episodes are over, (num_envs,); what is told of slots and episodes; observations
            and masks.
        """
        copies, course = self._copies, following.course
        done = terminated = ends & (course.number == course.last)
        if self._cut_off_after is not None:
            # Of one that was over before `device` still counts the steps of its last slot.
            device = np.where(copies.is_over, 0, copies.device)
            truncated |= course.steps + device == self._cut_off_after
            done = terminated | truncated
        (now,), (over,) = ends.nonzero(), done.nonzero()
        if not (self._begins_at_once and len(over)):
            info = self._end(following, ends, terminated)
            copies.is_over |= done
            copies.go_on(now[~terminated[now]], observation, mask)
            return terminated, info, observation, mask
        last = self._end(following, ends & done, terminated)
        told = self._end(following, ends & ~done, terminated)
        if self._cut_off_after is not None:  # what is cut off may be so between two slots
            copies.go_on(now[~terminated[now]], observation, mask)
            now = over
        info, observation, mask = self._final(done, over, observation, mask, last)
        copies.start_next(over)
        copies.go_on(now, observation, mask)
        return terminated, info | told, observation, mask

    def _end(
        self, following: Following, now: NDArray[np.bool_], over: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """End the slots of some copies, (num_envs,); return what is told of them.

        `over` says of which the episode is over, if they are among these.
        """
        (copies,) = now.nonzero()
        if not len(copies):
            return {}
        ended = following.end(copies, self._copies.assignment)
        return following.told(ended, now, now & over)

    def _told(self, now: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Return what the slots that are now over came to; nothing where they were cut off."""
        if self._length < self.scenario.num_devices:
            return {}
        stock, copies = self._stock, self._copies
        return self._outcomes.of(now, stock.slots, copies.row, copies.assignment, stock.kept)

    def _final(
        self,
        now: NDArray[np.bool_],
        ended: IntArray,
        observation: NDArray[np.float32],
        mask: NDArray[np.int8],
        outcome: dict[str, NDArray[Any]],
    ) -> tuple[dict[str, Any], NDArray[np.float32], NDArray[np.int8]]:
        """Return `final_obs` and `final_info` of the copies whose slots are now over, `ended` (n,).

        And arrays for observations and masks of all, in which those of the slots that begin are to
        be written: those that are given, or new ones.
        """
        if len(ended) == self.num_envs:  # what they saw is handed on as it is
            last, last_mask = np.fromiter(observation, dtype=object, count=len(ended)), mask
            observation, mask = self._copies.unwritten()
        else:
            last = np.full(self.num_envs, None, dtype=object)
            last[ended] = np.fromiter(observation[ended], dtype=object, count=len(ended))
            last_mask = np.zeros_like(mask)
            last_mask[ended] = mask[ended]
        masks = {"action_mask": last_mask, "_action_mask": now.copy()}
        info = {
            "final_obs": last,
            "_final_obs": now.copy(),
            "final_info": masks | outcome,
            "_final_info": now.copy(),
        }
        return info, observation, mask
