"""The copies of a batch: the slots that they play, how far they are, and the loops over them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym.compiling import Settled, refused
from mec_gym.envs import loops, turns
from mec_gym.envs.episode_stock import EpisodeStock
from mec_gym.envs.following import Following
from mec_gym.envs.offload import OffloadEnv
from mec_gym.envs.sharing import Sharing
from mec_gym.envs.stock import Stock
from mec_gym.mdp import Slot, assign, slot_at
from mec_gym.rewards import preparation

IntArray = NDArray[np.int64]


class Copies:
    """Copies of an environment that are stepped together.

    Args:
        single: what they are copies of.
        num_envs: how many, B.
        num_threads: how many threads work on them, the caller's among them.
        length: decisions of an episode; -1 where slots follow one another.

    Raises:
        ValueError: the observation or the reward cannot be compiled.

    Attributes:
        single: what they are copies of.
        stock: the slots or episodes that are drawn ahead, or given.
        following: where slots follow one another, the episodes and the slots that are played.
        row: of the slot that each copy plays, (B,).
        device: that decides next, (B,).
        is_over: whether the episode is; told only where slots follow one another, (B,).
        assignment: actions of the devices before it, (B, M).
    """

    def __init__(self, single: OffloadEnv, num_envs: int, num_threads: int, length: int) -> None:
        scenario, observer = single.scenario, single.observer
        self.single, self._length = single, length
        follows = scenario.slots > 1
        self.stock = (EpisodeStock if follows else Stock)(
            scenario, observer, num_envs, num_threads, preparation(single.reward)
        )
        self.following: Following | None = getattr(self.stock, "following", None)
        self._counts = np.empty((0, 3), dtype=np.int64)
        at: tuple[Any, ...] = ()
        if self.following is not None:
            self._counts, at = self.following.counts, (turns.part_at,)
        self._at = at[0] if at else loops.whole_at
        self._observe = Settled(loops.observe_of(observer.write, *at))
        self._play = Settled(loops.play_of(single.reward, observer.write, *at))
        self._sharing = Sharing(num_threads, num_envs, self.stock)
        self._every = np.arange(num_envs)
        self._shapes = (num_envs, *observer.space.shape), (num_envs, scenario.num_actions)
        self.row = np.arange(num_envs)
        self.device = np.zeros(num_envs, dtype=np.int64)
        self.is_over = np.zeros(num_envs, dtype=np.bool_)
        self.assignment = np.zeros((num_envs, scenario.num_devices), dtype=np.int64)
        none = np.arange(0)  # of the copies: the loops are compiled, and nothing is played
        with refused("observation", observer.write):
            self.seen(none)
        with refused("reward", single.reward):
            self.assign(none, none)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._every)

    def slot(self, copy: int) -> Slot:
        """Return the slot that a copy plays, as views of its row."""
        slots, prepared = self.stock.slots, self.stock.prepared
        made: Slot = self._at(slots, prepared, int(self.row[copy]), self._counts)[0]
        return made

    def begin_next(self, copies: IntArray) -> None:
        """Begin the next slot of some copies, or their next episode."""
        if len(copies):
            self.start_next(copies)
            self._begin(copies)

    def begin_given(self, given: Any, copies: IntArray) -> None:
        """Begin slots or episodes that are given, one for each of some copies."""
        rows = self.stock.first_given + copies
        self.stock.keep(given, rows)
        self._start(copies, rows)
        self._begin(copies)

    def start_next(self, copies: IntArray) -> None:
        """Give some copies their next slot or episode, of which no slot is begun."""
        self._start(copies, self.stock.begin_next(copies))

    def go_on(self, copies: IntArray, observation: NDArray[Any], mask: NDArray[Any]) -> None:
        """Begin what slots of some copies are next; write their observations and masks."""
        if len(copies):
            self._begin(copies)
            self.write(copies, observation, mask)

    def _start(self, copies: IntArray, rows: IntArray) -> None:
        """Give some copies what stands in some rows of the stock, one each."""
        if self.following is None:
            self.row[copies] = rows
        else:
            self.following.start(copies, rows)
            self.is_over[copies] = False

    def _begin(self, copies: IntArray) -> None:
        """Begin the slots of some copies."""
        self.device[copies] = 0
        if self.following is not None:
            self.following.begin(copies)

    def unwritten(self) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return new arrays for observations and masks, (B, ...)."""
        shown, masks = self._shapes
        return np.empty(shown, dtype=np.float32), np.empty(masks, dtype=np.int8)

    def seen(self, copies: IntArray | None = None) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return new observations and masks, written for some copies, or for all."""
        observation, mask = self.unwritten()
        self.write(self._every if copies is None else copies, observation, mask)
        return observation, mask

    def write(self, copies: IntArray, observation: NDArray[Any], mask: NDArray[Any]) -> None:
        """Write the observations and masks of some copies."""
        self._call(self._observe, copies, observation, mask)

    def assign(self, copies: IntArray | None, servers: IntArray) -> tuple[Any, ...]:
        """Give the devices of some copies, or of all, to servers, (B,).

        Returns:
            rewards and ends, observations and masks, (B, ...), and how many slots ended.
        """
        observation, mask = self.unwritten()
        reward, ends = np.empty(len(self)), np.empty(len(self), dtype=np.bool_)
        ended = self._call(
            self._play,
            self._every if copies is None else copies,
            observation,
            mask,
            servers,
            self.single.overload_penalty,
            self._length,
            self.assignment,
            reward,
            ends,
        )
        return reward, ends, observation, mask, sum(ended)

    def chosen(self) -> list[list[int]]:
        """Return the actions of each copy in its episode so far."""
        now = [
            servers[:device].tolist()
            for servers, device in zip(self.assignment, self.device, strict=True)
        ]
        return now if self.following is None else self.following.chosen(now)

    def replay(self, chosen: list[IntArray]) -> None:
        """Take the actions of each copy that it took in its episode, (steps,).

        Raises:
            ValueError: an episode has not so many.
        """
        if self.following is not None:
            self._replay_slots(self.following, chosen)
            return
        for copy, servers in enumerate(chosen):
            slot = slot_at(self.stock.slots, int(self.row[copy]))
            for device, server in enumerate(servers.tolist()):
                assign(slot, device, server)
                self.assignment[copy, device] = server
            self.device[copy] = len(servers)

    def _replay_slots(self, following: Following, chosen: list[IntArray]) -> None:
        for step in range(max(map(len, chosen))):
            copies = np.array([copy for copy, servers in enumerate(chosen) if step < len(servers)])
            if self.is_over[copies].any():
                raise ValueError("state: it has more actions than the episodes of copies")
            servers = np.full(len(self), loops.NONE)
            servers[copies] = [chosen[copy][step] for copy in copies]
            _, ends, *seen, ended = self.assign(copies, servers)
            if ended:
                copies = copies[ends[copies]]
                following.end(copies, self.assignment)
                over = following.course.over[copies]
                self.is_over[copies] = over
                self.go_on(copies[~over], *seen)

    def _call(self, loop: Any, copies: IntArray, *arrays: Any) -> list[Any]:
        """Call a loop for some copies; return what it returns for each part of them."""

        def call(some: IntArray) -> Any:
            slots, prepared, constants = (
                self.stock.slots,
                self.stock.prepared,
                self.single.observer.constants,
            )
            place = self.row, self.device, prepared, self._counts
            return loop(slots, some, *place, constants, *arrays)

        return self._sharing.call(call, copies)
