"""Episodes whose slots are drawn one after the other, each as it begins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import dynamics, options
from mec_gym.envs import pcg64
from mec_gym.envs.drawn import AT, AT_ONCE, Drawn
from mec_gym.envs.filling import Filling
from mec_gym.envs.stock import room, room_beside
from mec_gym.envs.turns import Course
from mec_gym.observations import Observation
from mec_gym.observations.over_time import OverTime
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def filling_of(scenario: Scenario, observer: Observation) -> Filling | None:
    """Return what makes single slots, or None where an episode is to be drawn as a whole."""
    is_plain = options.is_plain(scenario) and scenario.mobility is None
    if not is_plain or not isinstance(observer, OverTime):
        return None
    return Filling.of(scenario, observer.base)


class InTurn:
    """Draws slots from the numbers that `mec_gym.dynamics.from_uniforms` makes the same ones of.

    What is drawn of an episode as a whole, from numbers behind those of its slots, is drawn ahead;
    a generator for its slots is kept beside it.

    Args:
        scenario: what episodes are of.
        filling: what makes their slots.
        numbers: where they are written.
        shown: of one slot, what the observation has worked out of it.
    """

    def __init__(
        self,
        scenario: Scenario,
        filling: Filling,
        numbers: Drawn,
        shown: NDArray[Any],
    ) -> None:
        self._scenario, self._filling, self._numbers = scenario, filling, numbers
        self._counts = dynamics.num_uniforms(scenario)
        self._leap = pcg64.leap(self._counts[0])
        self._size = scenario.num_uniforms
        self._uniforms, self._skip = pcg64.uniforms(), pcg64.skip()
        rows, shape = numbers.in_turn, (scenario.slots, scenario.num_servers)
        self._of_slots = np.zeros((rows, 4), np.uint64)  # generators, at the next slot
        self._left_of_hz = np.empty((rows if scenario.background else 0, *shape))
        moves = dynamics.moves_services(scenario)
        self._handover_s = np.empty((rows if moves else 0, scenario.num_devices))
        self._slots = room(scenario, AT_ONCE, np.empty((1, 0)))._replace(
            tx_delay=numbers.tx_delay,
            task_cycles=numbers.task_cycles,
            sqrt_cycles=numbers.size,
            server_hz=numbers.server_hz,
        )
        self._kept = room_beside(scenario, 0)
        self._shown = shown
        numbers.others[:AT_ONCE, :, numbers.starts[AT.tx_power_w]] = scenario.tx_power_w

    def begin(self, generators: NDArray[np.uint64], copies: IntArray, rows: IntArray) -> None:
        """Draw of the next episodes of some copies, (n,), what is drawn of them as a whole.

        Args:
            generators: of each copy, (B, 4), see `pcg64`; they go on to the episodes after these.
            copies: whose.
            rows: where the episodes stand, (n,).
        """
        self._of_slots[rows] = generators[copies]
        self._skip(generators, copies, self._leap)
        unit = np.empty((len(copies), sum(self._counts[1:])))
        self._uniforms(generators, copies, unit)
        others = np.split(unit, np.cumsum(self._counts[1:-1]), axis=-1)
        between = dynamics.Between.of(self._scenario, others[:-1])
        self._numbers.present[rows] = between.present
        if between.left_of_hz is not None:
            self._left_of_hz[rows] = between.left_of_hz
        if between.handover_s is not None:
            self._handover_s[rows] = between.handover_s

    def draw(self, course: Course, copies: IntArray) -> None:
        """Draw the next slots of those of some copies, (n,), whose slots are drawn in turn.

        That of copy i of these, whose course this is, is written into place i.
        """
        drawn, rows = self._numbers, course.episode[copies]
        (places,) = (rows < drawn.in_turn).nonzero()
        if len(places) < len(copies):
            copies, rows = copies[places], rows[places]
        unit = np.empty((len(rows), self._size))
        self._uniforms(self._of_slots, rows, unit)
        shown = drawn.shown.view(self._shown.dtype).reshape(-1, *self._shown.shape)
        self._filling.fill(unit, places, self._slots, self._kept, shown)
        if len(self._left_of_hz):
            drawn.server_hz[places] *= self._left_of_hz[rows, course.number[copies] + 1]
        if len(self._handover_s):
            drawn.others[places, :, drawn.starts[AT.handover_s]] = self._handover_s[rows]
