"""`foresight`: local search that knows what the work it leaves over will cost later, as learned.

A small network tells, from how much is left over on a server and what else there is, how many tasks
a cycle more of it would keep waiting. Its integral is what work left over costs, by which each slot
is decided as a whole.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
from numpy.typing import NDArray

from mec_gym import equations, plausibility, system, timetable
from mec_gym.instance import Instance
from mec_gym.io.digests import read_checked, sha256, with_digest
from mec_gym.io.files import read_file, replace_file
from mec_gym.io.messages import one_line
from mec_gym.io.names import no_imports
from mec_gym.observations.servers import squashed
from mec_gym.policies import network
from mec_gym.policies.trained import POLICY_FILE, WEIGHTS_FILE, layers_of, weights_file
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario
from mec_gym.solvers.backlog_prices import why_not
from mec_gym.solvers.two_searches import local_search_prices

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

KIND = "foresight"
FORMAT = 1
NUM_FEATURES = 14

LEVELS = np.array(
    [0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4.5, 7, 10, 20, 40], dtype=np.float64
)
"""Of work left over, in what its server does in a slot, at which its cost is worked out."""

_ROUNDS = 2
"""So often the slot is improved: what a server's work costs depends on the others' too."""

_AHEAD = (1, 5, 15)
"""Over so many slots to come the mean share of devices with a task is seen."""

_MOST_BYTES = 1 << 24


class Law(NamedTuple):
    """What of a scenario the network's inputs and outputs are in terms of.

    Attributes:
        num_slots: K.
        slot_s: tau, seconds.
        server_hz: frequency of each server where nothing else takes of it, (N,), cycles/s.
        share: mean share of devices with a task in each slot, (K,).
        tasks: mean number of tasks a server and slot, each counted by the weight of its delay.
    """

    num_slots: int
    slot_s: float
    server_hz: FloatArray
    share: FloatArray
    tasks: float

    @classmethod
    def of(cls, scenario: Scenario) -> "Law":
        """Return that of a scenario.

        Raises:
            ValueError: no work is left over from slot to slot in it.
        """
        if said := why_not(scenario):
            raise ValueError(f"scenario: {said}")
        hz = scenario.deployment_hz
        if hz is None:
            hz = np.full(scenario.num_servers, np.mean(scenario.server_hz))
        share = timetable.mean_share(scenario)
        weight = 1.0 if scenario.delay_weight is None else float(np.mean(scenario.delay_weight))
        tasks = weight * share.mean() * scenario.num_devices / scenario.num_servers
        assert scenario.slot_s is not None  # slots follow one another
        return cls(scenario.slots, scenario.slot_s, hz, share, float(tasks))


def features(
    law: Law, levels: FloatArray, left: FloatArray, server_hz: FloatArray, slots_left: IntArray
) -> NDArray[np.float32]:
    """Return what the network sees of work left over on each server, (B, N, G, `NUM_FEATURES`).

    s(x) = x / (1 + x / 3). In this order: u, the level, as s(u) and ln(1 + 5 u); the work left over
    on all servers over what they do in a slot, likewise; s of the same of the other servers; F_n(t)
    over F_n; the same of all servers; F_n(t) over the servers' mean; of the slots to come, their
    share of all, at most 10 over 10, at most 3 over 3; the mean share of devices with a task in the
    next 1, 5 and 15 of them.

    Args:
        law: the scenario's.
        levels: of each server, in what it does in a slot, (B, N, G).
        left: work left over, (B, N), cycles, of which the others' counts.
        server_hz: F_n(t), (B, N), cycles/s.
        slots_left: that follow, (B,).
    """
    could = server_hz * law.slot_s
    all_could, all_left = could.sum(axis=-1, keepdims=True), left.sum(axis=-1, keepdims=True)
    others = (all_left - left) / np.maximum(all_could - could, 1e-9 * all_could)
    total = (all_left - left)[..., None] + levels * could[..., None]
    total = total / all_could[..., None]
    of_slot = [slots_left / law.num_slots, np.minimum(slots_left, 10) / 10]
    of_slot.append(np.minimum(slots_left, 3) / 3)
    first = law.num_slots - slots_left  # of the slots to come
    upto = np.concatenate([[0.0], np.cumsum(law.share)])
    for count in _AHEAD:
        end = np.minimum(first + count, law.num_slots)
        of_slot.append((upto[end] - upto[first]) / np.maximum(end - first, 1))
    all_hz = server_hz.sum(axis=-1, keepdims=True)
    of_server = [
        squashed(others),
        server_hz / law.server_hz,
        np.broadcast_to(all_hz / law.server_hz.sum(), server_hz.shape),
        server_hz * server_hz.shape[-1] / all_hz,
    ]
    made = np.empty((*levels.shape, NUM_FEATURES), np.float32)
    for column, values in enumerate((squashed(levels), np.log1p(5 * levels))):
        made[..., column] = values
    made[..., 2], made[..., 3] = squashed(total), np.log1p(5 * total)
    for column, value in enumerate(of_server, start=4):
        made[..., column] = value[..., None]
    for column, value in enumerate(of_slot, start=4 + len(of_server)):
        made[..., column] = value[:, None, None]
    return made


def kept_waiting(
    assignment: IntArray, weight: FloatArray, server_hz: FloatArray, backlog: FloatArray
) -> FloatArray:
    """Return what a cycle more, left over on a server as a slot ends, costs later, (B, K, N), s.

    It keeps the tasks waiting that come to the server until its work is done, each by 1 / F_n(t):
    the slope of the episode's cost where all later decisions stay as they are.

    Args:
        assignment: of each device in each slot, (B, K, M); -1 of those that have no task.
        weight: w^T of each device's delay in each slot, (B, K, M).
        server_hz: F_n(t), (B, K, N), cycles/s.
        backlog: left over as each slot ends, (B, K, N), cycles.
    """
    slope = np.zeros_like(server_hz)
    num_servers, num_slots = server_hz.shape[-1], server_hz.shape[-2]
    for slot in range(num_slots - 2, -1, -1):
        after = slot + 1
        waiting = [
            ((assignment[:, after] == server) * weight[:, after]).sum(axis=-1)
            for server in range(num_servers)
        ]
        slope[:, slot] = np.stack(waiting, axis=-1) / server_hz[:, after]
        slope[:, slot] += np.where(backlog[:, after] > 0, slope[:, after], 0.0)
    return slope


@dataclass(frozen=True, eq=False)
class ForesightPolicy:
    """Local search by a slot's own cost and what the work that it leaves over costs later.

    Attributes:
        scenario: what it was trained for, or is to play.
        weights: layers of the network, first to last, (out, in) and (out,): from `features` to how
            many tasks a cycle more would keep waiting, by ln(1 + exp) and in units of the mean
            number of tasks a server and slot.
        training: what else is known of the training, for the reader of the file.
    """

    scenario: Scenario
    weights: tuple[network.Layer, ...]
    training: dict[str, Any]

    def __post_init__(self) -> None:
        size = NUM_FEATURES
        for layer in self.weights:
            if len(layer) != 2:
                raise ValueError("weights: each layer needs a weight and a bias")
            weight, bias = layer
            if any(a.dtype != np.float32 or not np.isfinite(a).all() for a in layer):
                raise ValueError("weights: they must be finite float32")
            if weight.ndim != 2 or weight.shape[1] != size or bias.shape != weight.shape[:1]:
                raise ValueError(f"weights: shape {weight.shape} does not take {size} inputs")
            size = len(bias)
        if size != 1 or not self.weights:
            raise ValueError(f"weights: {size} outputs; needs 1")

    @cached_property
    def law(self) -> Law:
        """What the network's inputs and outputs are in terms of."""
        return Law.of(self.scenario)

    def trained_for(self, scenario: Scenario) -> bool:
        """Return whether it plays a scenario: where work is left over from slot to slot."""
        return not why_not(scenario)

    def for_scenario(self, scenario: Scenario) -> "ForesightPolicy":
        """Return the policy with the length, load and servers of another scenario."""
        return replace(self, scenario=scenario)

    def __call__(self, instance: Instance, seed: int = 0) -> IntArray:
        """Assign each slot as a whole, (..., M).

        Raises:
            ValueError: the slots follow no others, or a slot has no feasible assignment.
        """
        from mec_gym.solvers.foresight_loops import improving

        slots = instance.flatten()
        backlog, slots_left = slots.backlog_cycles, slots.slots_left
        if backlog is None or slots_left is None or slots.slot_s is None:
            raise ValueError(
                "instance: it has no backlog_cycles, as its slots follow no others; play episodes"
                " of a scenario with slots > 1"
            )
        problem, num_servers = Problem.of(slots), slots.num_servers
        assignment = local_search_prices(problem)
        could = slots.server_hz * slots.slot_s[:, None]
        link_cost, size, server_hz, capacity = problem.numbers()
        for _ in range(_ROUNDS):
            work = system.server_sums(slots.task_cycles, assignment, problem.num_servers)
            left = equations.backlog_after(
                backlog, work[:, :num_servers], slots.server_hz, slots.slot_s[:, None]
            )
            later = self.later_costs(left, slots.server_hz, slots_left)
            improving()(
                link_cost,
                size,
                server_hz,
                capacity,
                slots.task_cycles,
                backlog,
                could,
                LEVELS,
                later,
                assignment,
            )
        return assignment.reshape(instance.task_cycles.shape)

    def later_costs(
        self, left: FloatArray, server_hz: FloatArray, slots_left: IntArray
    ) -> FloatArray:
        """Return what each of `LEVELS` on a server costs later, (B, N, G), seconds; convex, from 0.

        Args:
            left: work left over, (B, N), cycles, of which the others' counts.
            server_hz: F_n(t), (B, N), cycles/s.
            slots_left: that follow, (B,).
        """
        middle = (LEVELS[1:] + LEVELS[:-1]) / 2
        levels = np.broadcast_to(middle, (*left.shape, len(middle)))
        seen = features(self.law, levels, left, server_hz, slots_left)
        out = network.forward(self.weights, seen)[-1][..., 0].astype(np.float64)
        slope = np.logaddexp(0, out) * (self.law.tasks * self.law.slot_s)
        slope *= (slots_left > 0)[:, None, None]
        rises = np.maximum.accumulate(slope, axis=-1) * np.diff(LEVELS)
        return np.concatenate([np.zeros((*left.shape, 1)), rises.cumsum(axis=-1)], axis=-1)


def save(policy: ForesightPolicy, directory: str | Path) -> None:
    """Write `policy.json` and `policy.safetensors`; nothing in them can run."""
    weights = weights_file(policy.weights)
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "scenario": policy.scenario.model_dump(mode="json", exclude_none=True),
        "sha256": sha256(weights),
        "training": policy.training,
    }
    replace_file(Path(directory) / WEIGHTS_FILE, weights)
    replace_file(Path(directory) / POLICY_FILE, with_digest(manifest))


def is_foresight(directory: str | Path) -> bool:
    """Return whether a directory's `policy.json` says that it is such a policy."""
    try:
        text = read_file(Path(directory) / POLICY_FILE, _MOST_BYTES)
    except (OSError, ValueError):
        return False
    return f'"kind": "{KIND}"'.encode() in text


def load(directory: str | Path) -> ForesightPolicy:
    """Read such a policy.

    Raises:
        ValueError: there is none, or a file is damaged or does not fit the other.
    """
    directory = Path(directory)
    try:
        manifest = read_checked(directory / POLICY_FILE, FORMAT)
        weights = read_file(directory / WEIGHTS_FILE, _MOST_BYTES)
        if manifest.get("kind") != KIND:
            raise ValueError("it is not a foresight policy")
        if sha256(weights) != manifest["sha256"]:
            raise ValueError(f"{WEIGHTS_FILE} is not the file it was saved with (SHA-256 differs)")
        layers = layers_of(weights)
        with no_imports(), plausibility.quiet():
            scenario = Scenario(**manifest["scenario"])
            return ForesightPolicy(scenario, layers, manifest["training"])
    except OSError as error:
        raise ValueError(
            f"{directory}: no foresight policy: {error.strerror}; `train foresight` makes one"
        ) from None
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise ValueError(f"{directory}: not a policy that can be read: {one_line(error)}") from None
