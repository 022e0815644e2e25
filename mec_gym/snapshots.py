"""Given slots: those whose tasks a table lists, on a scenario's network, and those of a file."""

from pathlib import Path
from typing import Any

import numpy as np

from mec_gym.channels import UniformChannel
from mec_gym.instance import Instance
from mec_gym.networks.tasks import Tasks
from mec_gym.scenario import Scenario
from mec_gym.scenario_fields import MOST_TASKS

_TABLES = (".csv", ".tsv", ".txt")


def network_of(tasks: Tasks, scenario: Scenario, num_devices: int) -> Scenario:
    """Return a scenario's network for so many devices, with tasks such as those of a table.

    Of a table of more rows than a scenario holds each so-manyth is taken.

    Raises:
        ValueError: the network has no room for the devices, or for what the table says.
    """
    places = int(scenario.capacities.sum())
    if places < num_devices and not scenario.columns:
        raise ValueError(
            f"capacity: the servers have {places} places for {num_devices} tasks, a device each;"
            " raise capacity, or take rows out of the table"
        )
    some = tasks[:: -(-len(tasks) // MOST_TASKS)]
    return scenario.replace(num_devices=num_devices, tasks=some)


def slots_of(tasks: Any, scenario: Scenario, seed: int = 0) -> dict[int, Instance]:
    """Return the slots that a table of tasks is, by arrival slot; one, 0, without column `slot`.

    Device m of a slot has the task of its row m. Radio, and servers where the scenario draws them
    each slot, are drawn as the scenario says; a slot is the same whatever others there are.

    Args:
        tasks: as `Tasks.of` takes them, such as a CSV file's path.
        scenario: the network: servers, radio. What it says of devices and tasks gives way.
        seed: of what is drawn, 0 or more.

    Raises:
        ValueError: a row is wrong, the seed below 0, or the network has no room for the tasks of a
            slot, or for what the table says of them.
    """
    if seed < 0:
        raise ValueError(f"seed: {seed}; it must be at least 0")
    made: dict[int, Instance] = {}
    by_slot = Tasks.of(tasks).by_slot()
    for slot, rows in by_slot.items():
        try:
            network = network_of(rows, scenario, len(rows))
            made[slot] = network.listed(np.random.default_rng((seed, slot)))
        except ValueError as error:
            where = f"slot {slot}: " if len(by_slot) > 1 else ""
            raise ValueError(f"{where}{error}") from None
    return made


def load(
    path: str | Path, scenario: Scenario | None = None, seed: int = 0, slot: int | None = None
) -> tuple[Instance, Scenario]:
    """Return the slots of a file, along one leading dimension, and what policies may know of them.

    Args:
        path: of an instance file, `*.npz`, or of a table of tasks, `*.csv`; see `slots_of`.
        scenario: the network of a table, which needs it; of an instance file what policies may
            know of where its slots are from; None: what its slots show.
        seed: see `slots_of`.
        slot: which to take alone: by the column `slot`, or the place in the instance file.

    Raises:
        ValueError: the file cannot be read, does not fit the scenario, has no such slot, or its
            slots have different numbers of tasks.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return _of_instance(path, scenario, slot)
    if path.suffix.lower() in _TABLES:
        return _of_table(path, scenario, seed, slot)
    raise ValueError(f"instance: {path} is neither *.npz nor a table, *.csv")


def _of_instance(
    path: Path, scenario: Scenario | None, slot: int | None
) -> tuple[Instance, Scenario]:
    given = Instance.load(path)
    if not given.batch_shape:
        given = Instance(**{name: array[None] for name, array in given.arrays().items()})
    slots = given.flatten()
    if slot is not None:
        if not 0 <= slot < len(slots):
            raise ValueError(f"slot: {slot}; {path} has slots 0 to {len(slots) - 1}")
        slots = slots[slot : slot + 1]
    if scenario is not None:
        scenario.check(slots)
        return slots, scenario
    count, weight = slots.num_devices, slots.delay_weight
    try:
        tasks = Tasks(
            bits=slots.task_bits.reshape(-1),
            cycles=slots.task_cycles.reshape(-1),
            weight=None if weight is None else weight.reshape(-1),
        )
        network = Scenario(
            num_devices=count,
            num_servers=slots.num_servers,
            capacity=count,
            channel=UniformChannel(correlation=1.0 if slots.step_gain is None else 0.0),
        )
        return slots, network_of(tasks, network, count)
    except ValueError as error:
        raise ValueError(f"instance: {path}: {error}") from None


def _of_table(
    path: Path, scenario: Scenario | None, seed: int, slot: int | None
) -> tuple[Instance, Scenario]:
    if scenario is None:
        raise ValueError(f"scenario: {path} lists tasks alone; give the network, a scenario")
    tasks = Tasks.of(path)
    counts = {each: len(rows) for each, rows in tasks.by_slot().items()}
    if slot is not None:
        if slot not in counts:
            there_are = "no column slot, so it is one slot, 0"
            if tasks.slot is not None:
                there_are = f"{len(counts)}, from {min(counts)} to {max(counts)}"
            raise ValueError(f"slot: {slot}; {path} has {there_are}")
        if tasks.slot is not None:
            tasks = tasks[tasks.slot == slot]
        counts = {slot: len(tasks)}
    first, count = next(iter(counts.items()))
    other = next((each for each in counts if counts[each] != count), None)
    if other is not None:
        raise ValueError(
            f"slot: in {path} slot {first} has {count} tasks, slot {other} has {counts[other]};"
            f" slots played together have as many, so choose one, such as slot {first}"
        )
    try:
        arrays = [each.arrays() for each in slots_of(tasks, scenario, seed).values()]
        network = network_of(tasks, scenario, count)
    except ValueError as error:
        raise ValueError(f"instance: {path}: {error}") from None
    slots = Instance(**{name: np.stack([each[name] for each in arrays]) for name in arrays[0]})
    return slots, network
