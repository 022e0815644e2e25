"""Slots of uniform gains made in compiled loops: the same numbers as `Scenario.from_uniforms`'s."""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mec_gym import options, ranges
from mec_gym.channels import UniformChannel
from mec_gym.compiling import Settled
from mec_gym.envs import loops, option_loops
from mec_gym.envs.option_loops import Kept
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


class OptionPlan(NamedTuple):
    """What the loops know of a scenario's options; of length 0 what it does not have.

    The first four are of `mec_gym.options.OF_DEVICES`, in this order.

    Attributes:
        values: of those that are constants, (4, M).
        drawn: which are drawn, (4,).
        widths: M for those that the scenario has, else 0, (4,).
        limits: between which they are drawn, (4, 2).
        shown: what of each the observation shows as 0 and as 1, (4, 2).
        clipped: what it shows at least and at most.
        first_uniform: where their uniform numbers begin in those of a slot.
        first_shown: where they begin in what is shown.
        tx_power_w: of each device, (M,).
        switched_capacitance: (M,), as the next three.
        cloud_delay_s: of the way on, seconds.
        cloud_hz: cycles/s.
        drop_penalty_s: seconds.
        covered: nothing, (0, 0): all servers cover all devices.
        fetch_delay_s: of each service to each server, (K, N), seconds.
        wait: nothing, (0,), as the next two: these slots follow no others.
        handover_s: nothing.
        last_server: nothing.
    """

    values: FloatArray
    drawn: NDArray[np.bool_]
    widths: NDArray[np.int64]
    limits: FloatArray
    shown: FloatArray
    clipped: tuple[float, float]
    first_uniform: int
    first_shown: int
    tx_power_w: FloatArray
    switched_capacitance: FloatArray
    cloud_delay_s: FloatArray
    cloud_hz: FloatArray
    drop_penalty_s: FloatArray
    covered: NDArray[np.bool_]
    fetch_delay_s: FloatArray
    wait: FloatArray
    handover_s: FloatArray
    last_server: NDArray[np.int64]

    @classmethod
    def of(cls, scenario: Scenario, plan: Plan) -> Self:
        """Return what is known of a scenario whose plain part is known."""
        size = scenario.num_devices
        given = [getattr(scenario, name) for name in options.OF_DEVICES]
        drawn = [options.is_range(value) for value in given]
        values = np.zeros((len(given), size))
        limits, shown = np.zeros((len(given), 2)), np.zeros((len(given), 2))
        for field, value in enumerate(given):
            if value is None:
                continue
            limits[field] = options.limits(value)
            shown[field] = limits[field] if np.isfinite(plan.clipped[0]) else (0.0, 1.0)
            values[field] = 0.0 if drawn[field] else value
        num_links = size * scenario.num_servers

        def each(value: float | None) -> FloatArray:
            return np.full(0 if value is None else size, value, dtype=np.float64)

        return cls(
            values,
            np.array(drawn),
            np.array([0 if value is None else size for value in given]),
            limits,
            shown if len(plan.shown) else np.empty((0, 2)),
            plan.clipped,
            scenario.num_uniforms - sum(options.num_uniforms(scenario)),
            num_links + 2 * size,
            np.broadcast_to(scenario.tx_power_w, size).astype(np.float64),
            each(scenario.kappa if scenario.local_hz is not None else None),
            each(scenario.cloud_delay_s),
            each(scenario.cloud_hz),
            each(scenario.drop_penalty_s),
            np.empty((0, 0), np.bool_),
            options.fetch_delays(scenario),
            np.empty(0),
            np.empty(0),
            np.empty(0, np.int64),
        )


class Filling:
    """Makes slots of uniform numbers and writes them where the batch plays them."""

    def __init__(self, plan: Plan, beside: OptionPlan | None) -> None:
        self._plan, self._beside = plan, beside
        self._signals = Settled(loops.signals_of(ranges.between))
        self._settle = Settled(loops.settle_of(ranges.between, ranges.share))
        if beside is not None:
            of_options = option_loops.settle_of(ranges.between, ranges.share)
            self._settle_beside = Settled(of_options)

    @classmethod
    def of(cls, scenario: Scenario, observer: Observation) -> Self | None:
        """Return what makes a scenario's slots, or None where they take more than the loops know.

        They know gains that are uniform and constant within the slot, tasks drawn from ranges, and
        our observations.
        """
        channel = scenario.channel
        if type(channel) is not UniformChannel or channel.correlation != 1:
            return None
        if scenario.tasks is not None:
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
        plan = Plan(
            np.array([ranges.low_high(limits) for limits in drawn]),  # type: ignore[arg-type]
            scenario.cycles_per_bit is not None,
            np.empty(0) if hz is None else np.array(hz, dtype=np.float64),
            np.repeat(power, scenario.num_servers).astype(np.float64),
            float(scenario.noise_power_w),
            float(scenario.device_bandwidth_hz),
            shown,
            clipped,
        )
        return cls(plan, None if options.is_plain(scenario) else OptionPlan.of(scenario, plan))

    def fill(
        self, unit: FloatArray, rows: NDArray[Any], slots: Slot, kept: Kept, prepared: Any
    ) -> None:
        """Write the slots of uniform numbers (n, `num_uniforms`), unassigned, into n rows."""
        log = np.empty((len(unit), len(self._plan.tx_power_w)))
        links_delay, links_rows = slots.tx_delay.reshape(len(slots.tx_delay), -1), rows
        if self._beside is not None:
            links_delay, links_rows = np.empty(log.shape), np.arange(len(unit))
        self._signals(unit, self._plan, log)
        # By NumPy: a compiler's own logarithm may differ in the last bit.
        np.log1p(log, out=log)
        shown = _NOTHING_SHOWN
        if len(self._plan.shown):
            shown = prepared.reshape(len(prepared), -1)
        else:
            prepared[rows] = True  # the links of later devices are known
        self._settle(unit, log, rows, self._plan, slots, links_delay, links_rows, shown)
        if self._beside is not None:
            links = links_delay.reshape(len(unit), slots.task_cycles.shape[1], -1)
            beside, values = self._beside, self._beside.values.copy()
            fetch = np.empty((links.shape[1] if len(beside.fetch_delay_s) else 0, links.shape[2]))
            self._settle_beside(unit, links, rows, beside, values, fetch, slots, kept, shown)


_NOTHING_SHOWN = np.empty((0, 0), np.float32)
