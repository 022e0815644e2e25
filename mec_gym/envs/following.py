"""The slots that copies of an environment play where slots follow one another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics, links, mdp, options, system
from mec_gym.envs import turns
from mec_gym.envs.filling import Filling
from mec_gym.envs.stock import room, room_beside
from mec_gym.episodes import ABSENT, Carried, Episodes
from mec_gym.instance import Instance
from mec_gym.mdp import Prepare, Slot, State
from mec_gym.observations import Observation
from mec_gym.observations.over_time import OVER_TIME, OverTime
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_MEANS = turns.SUMMED[: turns.NUM_MEANS]

_TYPES: dict[str, Any] = dict.fromkeys(_MEANS, np.float64) | {"feasible": np.bool_}
_PLAIN: dict[str, Any] = dict.fromkeys(_MEANS, float) | {"feasible": bool}
"""Of numbers that are not whole."""

_PLACES = {name: place for place, name in enumerate(turns.SUMMED)}

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
        prepare: what works out what the reward knows of slots.

    Attributes:
        slots: a `Slot` with a row for each copy; of m tasks the first m places are used.
        prepared: what the observation has worked out of each, see `Observation.prepare`.
        counts: see `turns.part_at`, (B, 3).
        kept: what else outcomes take.
        course: how far copies are.
    """

    def __init__(
        self,
        scenario: Scenario,
        observer: Observation,
        num_envs: int,
        rows: int,
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
            np.empty((0, 2), np.int64) if blocks is None else np.ascontiguousarray(blocks),
        )
        reported = system.reported(options.attributes(scenario))
        self._named = ("average_delay", "overloads", "feasible", *reported, "handovers")
        shown = prepared.dtype, 0 if blocks is None else int(np.prod(prepared.shape[1:]))
        self._drawn = _room_for(scenario, rows, first, *shown)
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
            np.zeros((num_envs, len(turns.SUMMED) + 1)),
        )
        # Of which instances are made, (rows, K, ...) each.
        self._whole: dict[str, NDArray[Any]] = {}
        if self._of_slots:
            self._whole = {
                name: np.empty((rows, scenario.slots, *array.shape[1:]), array.dtype)
                for name, array in first.arrays().items()
            }
        self._begin, self._turn = turns.begin(), turns.turn()
        self._filling: Filling | None = None
        is_plain = options.is_plain(scenario) and scenario.mobility is None
        if is_plain and isinstance(observer, OverTime):
            self._filling = Filling.of(scenario, observer.base)

    def write(self, unit: NDArray[np.float64], rows: IntArray) -> None:
        """Draw episodes of uniform numbers (n, ...) into n rows."""
        if self._filling is None or not unit.size:
            self.keep(dynamics.from_uniforms(self._scenario, unit, False), rows)
        else:
            self._fill(self._filling, unit, rows)

    def _fill(self, filling: Filling, unit: NDArray[np.float64], rows: IntArray) -> None:
        """Do so in compiled loops."""
        scenario, drawn = self._scenario, self._drawn
        counts = dynamics.num_uniforms(scenario)
        of_slots, *others = np.split(unit, np.cumsum(counts[:-1]), axis=-1)
        of_slots = np.ascontiguousarray(of_slots).reshape(-1, scenario.num_uniforms)
        size = len(of_slots)
        slots = room(scenario, size, np.empty((1, 0)))
        shown = np.empty((size, *self.prepared.shape[1:]), self.prepared.dtype)
        kept = room_beside(scenario, 0)
        filling.fill(of_slots, np.arange(size), slots, kept, shown)
        between = dynamics.Between.of(scenario, others[:-1])
        lead = len(rows), scenario.slots
        starts = dict(zip(turns.FIELDS, drawn.starts.tolist(), strict=False))
        for name, values in (
            ("present", between.present),
            ("task_cycles", slots.task_cycles),
            ("size", slots.sqrt_cycles),
            ("tx_power_w", np.broadcast_to(scenario.tx_power_w, scenario.num_devices)),
        ):
            of_devices = values if values.ndim != 2 else values.reshape(*lead, -1)
            drawn.devices[rows, ..., starts[name]] = of_devices
        first = starts["tx_delay"]
        delays = slots.tx_delay.reshape(*lead, *slots.tx_delay.shape[1:])
        drawn.devices[rows, ..., first : first + delays.shape[-1]] = delays
        if between.handover_s is not None:
            drawn.devices[rows, ..., starts["handover_s"]] = between.handover_s[:, None]
        hz = slots.server_hz.reshape(*lead, -1)
        drawn.servers[rows, :, :-1] = hz if between.left_of_hz is None else hz * between.left_of_hz
        drawn.servers[rows, :, -1] = np.arange(scenario.slots)[::-1]
        drawn.shown[rows] = shown.reshape(len(rows), scenario.slots, -1)

    def keep(self, episodes: Episodes, rows: IntArray) -> None:
        """Put episodes (n,) into n rows."""
        drawn, slots = self._drawn, episodes.slots
        starts = drawn.starts.tolist()
        for name, first, end in zip(turns.FIELDS, starts, starts[1:], strict=False):
            if first == end:
                continue
            if name in _OWN:
                values = links.size(slots) if name == "size" else episodes.present
            else:
                values = getattr(slots, name)
            drawn.devices[rows, ..., first:end] = values.reshape(*values.shape[:3], -1)
        drawn.servers[rows, :, :-1], drawn.servers[rows, :, -1] = slots.server_hz, slots.slots_left
        if drawn.shown.size:
            made = self._observer.prepare(slots)
            drawn.shown[rows] = made.reshape(*drawn.shown[rows].shape)
        for name, kept in self._whole.items():
            kept[rows] = getattr(slots, name)

    def begin(self, copies: IntArray, rows: IntArray) -> None:
        """Begin the episodes in some rows, one for each of some copies."""
        self._begin(copies, rows, *self._places())
        self._work_out(copies)

    def turn(self, copies: IntArray, chosen: IntArray) -> tuple[turns.Ended, int]:
        """End the slots of some copies, and begin the next of those whose episodes go on.

        Args:
            copies: whose.
            chosen: action of each task, (B, M).

        Returns:
            what they came to, and of how many the episode is over; see `Course.over`.
        """
        ended = self._room_ended()
        drawn, course, slots, counts, *others = self._places()
        over = self._turn(
            copies, drawn, course, slots, self.prepared, counts, *others, chosen, tuple(ended)
        )
        if over == 0:
            self._work_out(copies)
        elif over < len(copies):
            self._work_out(copies[~self.course.over[copies]])
        return ended, over

    def find(self, episodes: Episodes, at: int, copy: int) -> Whole:
        """Return what makes an instance of the slot that a copy plays, of one of some episodes."""
        course = self.course
        carried = Carried(course.backlog_cycles[copy].copy(), course.last_server[copy].copy())
        return Whole(episodes, at, int(course.number[copy]), carried)

    def instances(self, copies: IntArray) -> Instance:
        """Return the slots that some copies play, of as many tasks each, (n,)."""
        rows, number = self.course.episode[copies], self.course.number[copies]
        arrays = {name: kept[rows, number] for name, kept in self._whole.items()}
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

    def told(self, ended: turns.Ended, now: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Return what is reported of slots that ended, and of episodes that are over, by name.

        Args:
            ended: what they came to.
            now: which copies are to be told of, (B,); others have 0.

        Returns:
            arrays (B, ...), and under `_name` which copies have it.
        """
        told: dict[str, NDArray[Any]] = {}
        if now.any():
            outcome = ended.outcome
            told = {
                "assignment": ended.assignment,
                "cpu_hz": ended.cpu_hz,
                "task_delay": ended.task_delay,
                "slot": ended.number,
                "devices": ended.devices,
                "backlog_cycles": ended.backlog_cycles,
            }
            for name in self._named:
                values = outcome[:, _PLACES[name]]
                told[name] = values.astype(_TYPES.get(name, np.int64))
            told = {name: _only(values, now) for name, values in told.items()}
            told |= {f"_{name}": now.copy() for name in told}
        over = now & self.course.over
        if over.any():
            for name, values in self._in_all(slice(None)).items():
                told[name], told[f"_{name}"] = _only(values, over), over.copy()
        return told

    def told_one(self, ended: turns.Ended) -> dict[str, Any]:
        """Return what is reported of the only copy's slot, and of its episode if it is over."""
        tasks, outcome = int(ended.tasks[0]), ended.outcome[0].tolist()
        told: dict[str, Any] = {
            "assignment": ended.assignment[0, :tasks],
            "cpu_hz": ended.cpu_hz[0, :tasks],
            "task_delay": ended.task_delay[0, :tasks],
            "slot": int(ended.number[0]),
            "devices": ended.devices[0, :tasks],
            "backlog_cycles": ended.backlog_cycles[0],
        }
        for name in self._named:
            told[name] = _PLAIN.get(name, int)(outcome[_PLACES[name]])
        if self.course.over[0]:
            told |= {name: values.item() for name, values in self._in_all(0).items()}
        return told

    def _in_all(self, copies: Any) -> dict[str, Any]:
        """Return what the episodes of some copies came to."""
        sums, found = self.course.sums[copies], {}
        tasks = sums[..., -1]
        for name in self._named:
            values = sums[..., _PLACES[name]]
            if name in _MEANS:
                values = values / np.maximum(tasks, 1)  # 0 as an episode begins
            elif name == "feasible":
                values = values == 0
            else:
                values = values.astype(np.int64)
            found[f"episode_{name}"] = values
        return found | {"episode_tasks": tasks.astype(np.int64)}

    def _places(self) -> tuple[Any, ...]:
        shown = self.prepared.reshape(len(self.prepared), -1)
        named = (tuple(each) for each in (self._drawn, self.course, self.slots))
        return *named, self.counts, tuple(self.kept), shown, tuple(self.rules)

    def _room_ended(self) -> turns.Ended:
        devices, backlog = self.course.devices.shape, self.course.backlog_cycles.shape
        count = devices[0]
        return turns.Ended(
            np.empty(devices, np.int64),
            np.empty(devices),
            np.empty(devices),
            np.empty(devices, np.int64),
            np.empty(backlog),
            np.empty(count, np.int64),
            np.empty(count, np.int64),
            np.zeros((count, len(turns.SUMMED))),  # not any number, which could be no whole one
        )

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


_OWN = ("size", "present")
"""What of `turns.FIELDS` an instance does not have."""


def _room_for(scenario: Scenario, rows: int, slot: Instance, dtype: Any, shown: int) -> turns.Drawn:
    """Return room for so many episodes, of slots like one (1,)."""
    has = {name: name in _OWN or getattr(slot, name) is not None for name in turns.FIELDS}
    of_links = ("tx_delay", "covered", "fetch_delay_s")
    widths = [(slot.num_servers if name in of_links else 1) * has[name] for name in turns.FIELDS]
    lead = rows, scenario.slots
    return turns.Drawn(
        np.empty((*lead, slot.num_devices, sum(widths))),
        np.concatenate([[0], np.cumsum(widths)]),
        np.empty((*lead, slot.num_servers + 1)),
        np.empty((*lead, shown), dtype),
    )


def _only(values: NDArray[Any], now: NDArray[np.bool_]) -> NDArray[Any]:
    """Return what there is of some copies, 0 of the others."""
    if now.all():
        return values
    kept = np.zeros_like(values)
    kept[now] = values[now]
    return kept
