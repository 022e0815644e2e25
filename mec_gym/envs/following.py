"""The slots that copies of an environment play where slots follow one another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics, mdp, options
from mec_gym.compiling import Settled
from mec_gym.envs import endings, in_turn, turns
from mec_gym.envs.drawn import AT_ONCE, DrawnEpisodes, in_words, words_of
from mec_gym.envs.in_turn import InTurn
from mec_gym.envs.stock import room, room_beside
from mec_gym.envs.told import NUM_SUMS, Ended, Telling
from mec_gym.episodes import ABSENT, Carried, Episodes
from mec_gym.instance import Instance
from mec_gym.mdp import Prepare, Slot, State
from mec_gym.observations import Observation
from mec_gym.observations.over_time import OVER_TIME
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_OF_DEVICES = ("tx_delay", "task_cycles", "sqrt_cycles", "link_cost", "allowed", "last_server")
"""What a `Slot` has of each device."""


class Whole:
    """What makes an instance of a slot where it is asked for.

    Args:
        episodes: of one of which it is.
        at: which.
        number: of the slot.
        carried: what it began with.
    """

    __slots__ = ("at", "carried", "episodes", "number")

    def __init__(self, episodes: Episodes, at: int, number: int, carried: Carried) -> None:
        self.episodes, self.at, self.number, self.carried = episodes, at, number, carried

    def __call__(self) -> Instance:
        """Return the slot, of the devices that have a task alone."""
        episode = self.episodes[self.at]
        whole = episode.slot(self.number, self.carried)
        devices = np.flatnonzero(episode.present[self.number])
        return whole if len(devices) == whole.num_devices else whole.of_devices(devices)


class Following:
    """Episodes in rows, and the slot of one of them that each copy plays.

    Args:
        scenario: what they are of; its slots follow one another.
        observer: what shows them.
        num_envs: how many copies, B.
        rows: for how many episodes there is room.
        ahead: in how many of them, the first ones, what is drawn ahead is written; slots of theirs
            may be drawn as they begin, see `in_turn`.
        prepare: what works out what the reward knows of slots.

    Attributes:
        slots: a `Slot` with a row for each copy; of m tasks the first m places are used.
        prepared: what the observation has worked out of each, see `Observation.prepare`.
        counts: see `turns.part_at`, (B, 3).
        kept: what else outcomes take.
        drawn: the episodes.
        in_turn: what draws slots as they begin; None: they are drawn with their episodes.
        course: how far copies are.
    """

    def __init__(
        self,
        scenario: Scenario,
        observer: Observation,
        num_envs: int,
        rows: int,
        ahead: int,
        prepare: Prepare,
    ) -> None:
        self._scenario, self._observer, self._prepare = scenario, observer, prepare
        size, num_servers = scenario.num_devices, scenario.num_servers
        first = scenario.sample(1, 0)
        for_reward, prepared = State(first, prepare).slot.for_reward, observer.prepare(first)
        for name, made in (("reward", for_reward), ("observation", prepared)):
            if made.ndim < 2:
                raise ValueError(
                    f"{name}: prepare returns {made.shape} of (B,) slots; where slots follow one"
                    " another it must return (B, K...)"
                )
        moves = dynamics.moves_services(scenario)
        slots = room(scenario, num_envs, for_reward)
        slots.slot_s[:] = scenario.slot_s
        self.slots = slots._replace(
            wait=np.zeros((num_envs, scenario.num_actions)),
            last_server=np.full((num_envs, size if moves else 0), -1, np.int64),
        )
        self.kept = room_beside(scenario, num_envs)
        self.prepared = np.zeros((num_envs, *prepared.shape[1:]), prepared.dtype)
        self.counts = np.zeros((num_envs, 3), np.int64)
        self.counts[:] = size, prepared.shape[1], for_reward.shape[1]
        ours = type(observer) in OVER_TIME.values()
        has_own = not ours and type(observer).prepare is not Observation.prepare
        blocks = None if has_own else observer.blocks
        # Whether the observation works something out of all devices of a slot together.
        self._of_slots, self._earns = blocks is None, prepare is not mdp.nothing
        self.rules = turns.Rules(
            num_servers,
            float(scenario.slot_s or 0),
            scenario.left_over == "waits",
            moves,
            not options.is_plain(scenario),
            "drop" in scenario.columns,
            np.empty((0, 2), np.int64) if blocks is None else blocks * words_of(prepared.dtype),
        )
        filling = in_turn.filling_of(scenario, observer) if ahead else None
        self.drawn = DrawnEpisodes(
            scenario,
            observer,
            0 if filling is None else ahead,
            rows,
            first,
            None if blocks is None else prepared[0],
        )
        self.in_turn: InTurn | None = None
        if filling is not None:
            drawn = self.drawn.numbers
            self.in_turn = InTurn(scenario, filling, drawn, prepared[0])
        self._telling = Telling(scenario)
        self.course = turns.Course(
            np.zeros(num_envs, np.int64),
            np.zeros(num_envs, np.int64),
            np.zeros(num_envs, np.int64),
            np.zeros(num_envs, np.bool_),
            np.full((num_envs, size), ABSENT, np.int64),
            np.zeros((num_envs, num_servers)),
            np.full((num_envs, size), ABSENT, np.int64),
            np.zeros((num_envs, scenario.slots * size), np.int64),
            np.zeros(num_envs, np.int64),
            np.zeros((num_envs, NUM_SUMS)),
        )
        # What beginning and ending only move, or do not look at, is alike for every observation and
        # reward, so that the loops are compiled once. As plain tuples they are handed over faster.
        slots = self.slots._replace(for_reward=np.empty((num_envs, 0)))
        named = self.drawn.numbers, self.course, slots, self.counts, self.kept, self.rules
        self._places: Any = tuple(
            tuple(each) if isinstance(each, tuple) else each for each in named
        )
        option = turns.as_it_is if self.rules.has_options else turns.without
        self._start, self._end = Settled(turns.start()), Settled(endings.end())
        self._begin = Settled(turns.begin_of(option))

    def start(self, copies: IntArray, rows: IntArray) -> None:
        """Give some copies the episodes in some rows, one each, of which no slot is begun."""
        self._start(copies, rows, *self._places[:2])

    def begin(self, copies: IntArray) -> None:
        """Begin the next slots of some copies, whose episodes go on."""
        shown = in_words(self.prepared)
        if self.in_turn is None:
            self._begin(copies, *self._places, shown, copies)  # all slots are drawn: none waits
        else:
            for start in range(0, len(copies), AT_ONCE):
                waiting = copies[start : start + AT_ONCE]
                while len(waiting):
                    self.in_turn.draw(self.course, waiting)
                    left = np.empty(len(waiting), np.int64)
                    waiting = left[: self._begin(waiting, *self._places, shown, left)]
        self._work_out(copies)

    def end(self, copies: IntArray, chosen: IntArray) -> Ended:
        """End the slots of some copies, of actions `chosen` (B, M); return what they came to.

        Of which the episode is over says `Course.over`.
        """
        _, course, slots, counts, kept, rules = self._places
        ended: Ended = self._end(copies, course, slots, counts, kept, rules, chosen)
        return ended

    def find(self, episodes: Episodes, at: int, copy: int) -> Whole:
        """Return what makes an instance of the slot that a copy plays, of one of some episodes."""
        course = self.course
        carried = Carried(course.backlog_cycles[copy].copy(), course.last_server[copy].copy())
        return Whole(episodes, at, int(course.number[copy]), carried)

    def instances(self, copies: IntArray) -> Instance:
        """Return the slots that some copies play, of as many tasks each, (n,)."""
        rows, number = self.course.episode[copies], self.course.number[copies]
        arrays = {name: kept[rows, number] for name, kept in self.drawn.whole.items()}
        arrays["backlog_cycles"] = self.course.backlog_cycles[copies]
        if self.rules.moves:
            arrays["last_server"] = self.course.last_server[copies]
        tasks = int(self.counts[copies[0], 0])
        return Instance.trusted(**arrays).of_devices(self.course.devices[copies, :tasks])

    def chosen(self, now: list[list[int]]) -> list[list[int]]:
        """Return the actions of each copy in its episode so far; `now` are those in its slot."""
        course = self.course
        return [
            past[:steps].tolist() + ([] if over else servers)
            for past, steps, over, servers in zip(
                course.past, course.steps, course.over, now, strict=True
            )
        ]

    def told(
        self, ended: Ended, now: NDArray[np.bool_], over: NDArray[np.bool_]
    ) -> dict[str, NDArray[Any]]:
        """Return what is reported of slots that ended, and of episodes that are over.

        Args:
            ended: what they came to.
            now: of which copies, (B,).
            over: of which the episode, (B,).
        """
        told = self._telling.of_copies(ended, now)
        return told | self._telling.of_episodes(self.course.sums, over) if over.any() else told

    def told_one(self, ended: Ended) -> dict[str, Any]:
        """Return what is reported of the only copy's slot, and of its episode if it is over."""
        return self._telling.of_one(ended, self.course.sums, bool(self.course.over[0]))

    def _work_out(self, copies: IntArray) -> None:
        """Work out what observation and reward know of the slots that some copies begin."""
        if not (self._of_slots or self._earns):
            return
        for some in self._of_equal_size(copies):
            tasks = int(self.counts[some[0], 0])
            if self._of_slots:
                made = self._observer.prepare(self.instances(some))
                self._put("observation", self.prepared, 1, some, made)
            if self._earns:
                slots = Slot(
                    **{
                        name: np.ascontiguousarray(
                            values[some, :tasks] if name in _OF_DEVICES else values[some]
                        )
                        for name, values in self.slots._asdict().items()
                    }
                )
                made = self._prepare(slots)
                self._put("reward", self.slots.for_reward, 2, some, made)

    def _put(
        self, name: str, kept: NDArray[Any], which: int, copies: IntArray, made: NDArray[Any]
    ) -> None:
        """Keep what `prepare` returned; only along its first axis there may be less of it."""
        count, *others = made.shape[1:]
        if count > kept.shape[1] or others != list(kept.shape[2:]):
            raise ValueError(
                f"{name}: prepare returns {made.shape[1:]} of a slot in which fewer devices have a"
                f" task, {kept.shape[1:]} where all have; only the first of these numbers may"
                " depend on how many there are, and be less"
            )
        kept[copies, :count] = made
        self.counts[copies, which] = count

    def _of_equal_size(self, copies: IntArray) -> Iterator[IntArray]:
        tasks = self.counts[copies, 0]
        if len(copies) == 1 or (tasks == tasks[0]).all():
            yield copies
            return
        for size in np.unique(tasks):
            yield copies[tasks == size]
