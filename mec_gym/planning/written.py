"""The files of a plan: JSON, tables for spreadsheets, the network to build, pictures."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mec_gym
from mec_gym import equations, system
from mec_gym.benchmark import keeping_up
from mec_gym.instance import Instance
from mec_gym.io.files import replace_file
from mec_gym.planning import pictures, readings, sites, slot_pictures
from mec_gym.planning.episodes import OfEpisodes
from mec_gym.planning.folder import write_csv, write_json, write_picture
from mec_gym.planning.measures import OVER_TIME, QUANTITIES, Played, capacities
from mec_gym.planning.plan import OfNetwork, Request
from mec_gym.planning.points import Found
from mec_gym.workload import loads

PLAN_FILE = "plan.json"
ASSIGNMENT_FILE = "assignment.csv"
SWEEP_FILE = "sweep.csv"
SLOTS_FILE = "slots.csv"
SITES_FILE = "sites.csv"
NETWORK_FILE = "network.toml"

_FORMAT = 1


def write_network(
    out: Path, request: Request, made: OfNetwork | OfEpisodes, with_pictures: bool
) -> list[str]:
    """Write what comes of one network, `plan.json` last; return the files' names."""
    names = [ASSIGNMENT_FILE]
    called = names_of(request, made)
    rows: Iterable[list[object]]
    if isinstance(made, OfEpisodes):
        rows = (
            [each.number, *row]
            for each in made.first()
            for row in assignment_rows(each.slot, each.assignment, called, each.devices.tolist())
        )
        write_csv(out / ASSIGNMENT_FILE, ("slot", *ASSIGNMENT_HEAD), rows)
        write_csv(out / SLOTS_FILE, SLOTS_HEAD, slot_rows(made))
        names.append(SLOTS_FILE)
    else:
        rows = assignment_rows(made.slots[0], made.shown.assignment[0, 0], called)
        write_csv(out / ASSIGNMENT_FILE, ASSIGNMENT_HEAD, rows)
    not_built = None
    if made.siting is not None:
        places = sites.places_of(request.scenario)
        write_csv(out / SITES_FILE, SITES_HEAD, _site_rows(request, made))
        replace_file(out / NETWORK_FILE, made.scenario.to_toml().encode())
        names += [SITES_FILE, NETWORK_FILE]
        if places is not None:
            not_built = np.delete(places, list(made.siting.kept), axis=0)
    if with_pictures:
        drawn: dict[str, Any] = {
            "map.png": pictures.map_of(made, request.name, not_built),
            "delays.png": pictures.delays_of(made, request.name, request.target),
        }
        if isinstance(made, OfEpisodes):
            drawn["slots.png"] = slot_pictures.over_slots(made, request.name, request.target)
        for name, figure in drawn.items():
            if figure is not None:
                write_picture(out / name, figure)
                names.append(name)
    write_json(out / PLAN_FILE, network_json(request, made))
    return [PLAN_FILE, *names]


def write_sweep(
    out: Path, request: Request, found: Sequence[Found], best: str | None, with_pictures: bool
) -> list[str]:
    """Write what comes of a sweep, `plan.json` last; return the files' names."""
    names = [SWEEP_FILE]
    over_time = any(each.load is not None for each in found)
    head = [axis.name for axis in request.axes] + SWEEP_HEAD
    head += SWEEP_HEAD_OVER_TIME if over_time else []
    write_csv(out / SWEEP_FILE, head, sweep_rows(found, over_time))
    if with_pictures:
        figure = pictures.sweep_of(found, request.axes, request.name, request.target, best)
        if figure is not None:
            write_picture(out / "sweep.png", figure)
            names.append("sweep.png")
    write_json(out / PLAN_FILE, sweep_json(request, found, best))
    return [PLAN_FILE, *names]


ASSIGNMENT_HEAD = (
    "device",
    "x_m",
    "y_m",
    "choice",
    "choice_x_m",
    "choice_y_m",
    "rate_bit_s",
    "delay_s",
    "energy_j",
)


def assignment_rows(
    slot: Instance, assignment: Any, names: Sequence[str], called: Sequence[int] | None = None
) -> Iterator[list[object]]:
    """Give a row a device: where it is, what it chose, at what rate, delay and energy.

    Args:
        slot: one.
        assignment: (M,).
        names: what each server is called.
        called: numbers of the devices; None: from 0 on.
    """
    rate = equations.uplink_rate(
        slot.gain, slot.bandwidth_hz[:, None], slot.tx_power_w[:, None], slot.noise_w[:, None]
    )
    delay = system.task_delays(slot, assignment).tolist()
    energy = system.task_energies(slot, assignment).tolist()
    for device, action in enumerate(assignment.tolist()):
        own = site = [None, None]
        if slot.device_places_m is not None and slot.server_places_m is not None:
            own = slot.device_places_m[device].tolist()
            if action < slot.num_servers:
                site = slot.server_places_m[action].tolist()
        if action < slot.num_servers:
            name, speed = names[action], float(rate[device, action])
        else:
            name, speed = slot.columns[action - slot.num_servers], None
            if name == "cloud":  # over the fastest link
                speed = float(rate[device].max())
        number = device if called is None else called[device]
        yield [number, *own, name, *site, speed, delay[device], energy[device]]


SLOTS_HEAD = ("slot", "policy", "load", "delay_s", "backlog_s")


def slot_rows(made: OfEpisodes) -> Iterator[list[object]]:
    """Give a row for each slot and policy: means of what was played, and the slot's mean load."""
    for number, load in enumerate(loads(made.scenario).tolist()):
        for each in made.played:
            assert each.over_time is not None  # slots follow one another
            delay, backlog = each.over_time.slot_delay[number], each.over_time.backlog_s[number]
            yield [number, each.name, load, delay, backlog]


SITES_HEAD = ("site", "name", "built", "x_m", "y_m", "places", "mean_tasks")


def _site_rows(request: Request, made: OfNetwork | OfEpisodes) -> Iterator[list[object]]:
    assert made.siting is not None
    kept, places = made.siting.kept, sites.places_of(request.scenario)
    names = sites.names_of(request.scenario)
    load = next(each for each in made.played if each.name == made.shown.name).load
    for site, capacity in enumerate(request.scenario.capacities.tolist()):
        where = [None, None] if places is None else places[site].tolist()
        tasks = load[kept.index(site)] if site in kept else None
        yield [site, names[site], int(site in kept), *where, capacity, tasks]


def names_of(request: Request, made: OfNetwork | OfEpisodes) -> list[str]:
    """Return what the servers of a network are called: as they are among all sites."""
    names = sites.names_of(request.scenario)
    return names if made.siting is None else [names[site] for site in made.siting.kept]


SWEEP_HEAD = [
    "policy",
    "network",
    "bound_s",
    "gap",
    "feasible",
    "busiest_share",
    *(f"{name}{end}" for name in QUANTITIES for end in ("", "_low", "_high")),
]


SWEEP_HEAD_OVER_TIME = [
    "load",
    "best_known_s",
    "above_best_known",
    *(f"{name}{end}" for name in OVER_TIME for end in ("", "_low", "_high")),
]


def sweep_rows(found: Sequence[Found], over_time: bool = False) -> Iterator[list[object]]:
    """Give a row for each policy at each point, and one where there is no network.

    Args:
        found: the points.
        over_time: whether slots follow one another: then rows are longer by what there is of that.
    """
    width = len(SWEEP_HEAD) + len(SWEEP_HEAD_OVER_TIME) * over_time
    for point in found:
        if point.why:
            yield [*point.values, "", point.why, *([None] * (width - 2))]
        for each in point.played:
            numbers, more = _numbers(each, QUANTITIES), list[object]()
            if each.over_time is not None:
                more = [point.load, point.best_known, each.over_time.above_best_known]
                more += _numbers(each, OVER_TIME)
            shares = [
                load / places
                for load, places in zip(each.load, point.capacity, strict=False)
                if places
            ]
            yield [
                *point.values,
                each.name,
                "",
                point.bound,
                each.gap,
                each.feasible,
                max(shares, default=None),
                *numbers,
                *more,
            ]


def _numbers(played: Played, names: Iterable[str]) -> list[float | None]:
    """Return three numbers for each quantity: its value, and the ends of its interval."""
    measures = [played.quantities.get(name) for name in names]
    return [n for m in measures for n in ((None, None, None) if m is None else m)]


def _common(request: Request) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "mec_gym": mec_gym.__version__,
        "network": request.network,
        "instances": request.instances,
        "seed": request.seed,
        "time_limit": request.time_limit,
        "target": None if request.target is None else request.target.as_json(),
    }


def network_json(request: Request, made: OfNetwork | OfEpisodes) -> dict[str, Any]:
    """Return what comes of one network as JSON values, seconds and joules throughout."""
    reference = made.results[0].reference
    target = request.target
    return (
        _common(request)
        | {
            "run": None if made.choice is None else dict(made.choice._asdict()),
            "bound": {"mean_cost": float(reference.cost.mean()), "label": reference.label},
            "capacity": capacities(made.slots).tolist(),
            "actions": [*names_of(request, made), *made.slots.columns],
            "policies": [
                each.as_json() | ({} if target is None else {"target": target.verdict(each)})
                for each in made.played
            ],
            "sites": None if made.siting is None else made.siting.as_json(),
        }
        | (_over_time(made) if isinstance(made, OfEpisodes) else {})
    )


def _over_time(made: OfEpisodes) -> dict[str, Any]:
    """Return what is said only of slots that follow one another."""
    best_known = made.results[0].yardsticks.best_known
    return {
        "slots": made.scenario.slots,
        "slot_s": made.scenario.slot_s,
        "loads": loads(made.scenario).tolist(),
        "best_known": float(best_known.mean()),
        "said": keeping_up.sentences(made.results, made.scenario),
    }


def sweep_json(request: Request, found: Sequence[Found], best: str | None) -> dict[str, Any]:
    """Return what comes of a sweep as JSON values."""
    needed = []
    if request.target is not None:
        for name in dict.fromkeys(each.name for point in found for each in point.played):
            made = readings.read(found, request.axes, request.target, name)
            needed += [each.as_json() for each in made]
    return _common(request) | {
        "vary": [{**vars(axis), "values": list(axis.values)} for axis in request.axes],
        "best": best,
        "points": [each.as_json() for each in found],
        "needed": needed,
    }
