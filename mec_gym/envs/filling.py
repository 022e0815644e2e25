"""Slots of uniform gains made in compiled loops: the same numbers as `Scenario.from_uniforms`'s."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import options, ranges
from mec_gym.channels import UniformChannel
from mec_gym.envs import loops
from mec_gym.mdp import Slot
from mec_gym.observations import Observation, PaperObservation, ServersObservation, SIObservation
from mec_gym.scenario import Scenario

FloatArray = NDArray[np.float64]


class Plan(NamedTuple):
    """What the loops know of a scenario; M devices, N servers.

    Attributes:
        limits: least and greatest gain, bits, work and CPU frequency, (4, 2).
        cycles_per_bit: whether work is given by the bit.
        server_hz: frequencies that are the same in each slot, (N,), or none, (0,).
        tx_power_w: of each link, (M N,).
        noise_w: noise power, W.
        bandwidth_hz: of each device, Hz.
        shown: what of gain, bits and cycles the observation shows as 0 and as 1, (3, 2).
        clipped: what it shows at least and at most.
    """

    limits: FloatArray
    cycles_per_bit: bool
    server_hz: FloatArray
    tx_power_w: FloatArray
    noise_w: float
    bandwidth_hz: float
    shown: FloatArray
    clipped: tuple[float, float]


class Filling:
    """Makes slots of uniform numbers and writes them where the batch plays them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._signals = loops.signals_of(ranges.between)
        self._settle = loops.settle_of(ranges.between, ranges.share)

    @classmethod
    def of(cls, scenario: Scenario, observer: Observation) -> Self | None:
        """Return what makes a scenario's slots, or None where they take more than the loops know.

        They know gains that are uniform and constant within the slot, tasks drawn from ranges, and
        our observations.
        """
        channel = scenario.channel
        if type(channel) is not UniformChannel or channel.correlation != 1:
            return None
        if scenario.tasks is not None or not options.is_plain(scenario):
            return None
        shown, clipped = np.empty((0, 2)), (-np.inf, np.inf)
        if type(observer) is PaperObservation:
            shown, clipped = np.array(list(scenario.ranges.values())), (0.0, 1.0)
        elif type(observer) is SIObservation:
            shown = np.array([(0.0, 1.0)] * 3)
        elif type(observer) is not ServersObservation:
            return None
        work = scenario.task_cycles if scenario.cycles_per_bit is None else scenario.cycles_per_bit
        assert work is not None  # one of the two is given
        hz = scenario.deployment_hz
        power = np.broadcast_to(scenario.tx_power_w, scenario.num_devices)
        speeds = scenario.server_hz if hz is None else 0.0
        drawn = (channel.gain, scenario.task_bits, work, speeds)
        return cls(
            Plan(
                np.array([ranges.low_high(limits) for limits in drawn]),  # type: ignore[arg-type]
                scenario.cycles_per_bit is not None,
                np.empty(0) if hz is None else np.array(hz, dtype=np.float64),
                np.repeat(power, scenario.num_servers).astype(np.float64),
                float(scenario.noise_power_w),
                float(scenario.device_bandwidth_hz),
                shown,
                clipped,
            )
        )

    def fill(self, unit: FloatArray, rows: NDArray[Any], slots: Slot, prepared: Any) -> None:
        """Write the slots of uniform numbers (n, `num_uniforms`), unassigned, into n rows."""
        links_delay = slots.tx_delay.reshape(len(slots.tx_delay), -1)
        log = np.empty((len(unit), links_delay.shape[1]))
        self._signals(unit, self._plan, log)
        # By NumPy: a compiler's own logarithm may differ in the last bit.
        np.log1p(log, out=log)
        shown = _NOTHING_SHOWN
        if len(self._plan.shown):
            shown = prepared.reshape(len(prepared), -1)
        else:
            prepared[rows] = True  # the links of later devices are known
        self._settle(unit, log, rows, self._plan, slots, links_delay, shown)


_NOTHING_SHOWN = np.empty((0, 0), np.float32)
