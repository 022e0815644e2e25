"""A network of a sweep as a piece of work: its bound, and the policies on its slots."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from mec_gym.benchmark import comparison, over_time
from mec_gym.benchmark.models import Model, by_name, find_policy
from mec_gym.jobs.pieces import Piece
from mec_gym.planning import episodes
from mec_gym.planning.draws import common_episodes, common_slots
from mec_gym.planning.measures import Played, capacities, measured
from mec_gym.planning.varying import Axis, Number, Point
from mec_gym.policies import SHIPPED
from mec_gym.policies.trained import files_of, from_files
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario
from mec_gym.workload import beyond, mean_load

_SCENARIO = "scenario.json"

_OVER_TIME = ("best_known", "load", "too_much")
"""What `Found` says only where slots follow one another."""


class Settings(NamedTuple):
    """What all points of a sweep share.

    Attributes:
        instances: slots of each.
        seed: of the slots and of all that is drawn.
        time_limit: to prove the optimum of a slot, seconds.
        most_devices: of any point.
        slowest_s: delay above which tasks are counted where slots follow one another, seconds.
    """

    instances: int
    seed: int
    time_limit: float
    most_devices: int
    slowest_s: float | None = None


class Found(NamedTuple):
    """What a point came to.

    Attributes:
        values: of the axes.
        why: why there is no such network; then there is nothing else.
        bound: mean of the optimum or bound of the slots' cost, seconds.
        label: what the bound is.
        capacity: places of each server.
        played: the policies.
        best_known: mean of the best known cost of the episodes, seconds; of slots None.
        load: work that arrives in an episode over what the servers can do in it; of slots None.
        too_much: where more arrives than can be done, and what comes of it; else nothing.
    """

    values: tuple[Number, ...]
    why: str = ""
    bound: float | None = None
    label: str = ""
    capacity: tuple[int, ...] = ()
    played: tuple[Played, ...] = ()
    best_known: float | None = None
    load: float | None = None
    too_much: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        said = {**self._asdict(), "values": list(self.values), "capacity": list(self.capacity)}
        if self.load is None:
            for name in _OVER_TIME:
                del said[name]
        return said | {"played": [each.as_json() for each in self.played]}

    @classmethod
    def read(cls, values: Sequence[Number], said: Mapping[str, Any]) -> Self:
        """Return what `play_point` made JSON values of."""
        played = tuple(Played.from_json(each) for each in said["played"])
        kept = ("why", "bound", "label", *_OVER_TIME)
        rest = {name: said[name] for name in kept if name in said}
        return cls(tuple(values), capacity=tuple(said["capacity"]), played=played, **rest)


def piece(
    point: Point,
    axes: Sequence[Axis],
    models: Sequence[Model],
    settings: Settings,
    imports: Sequence[str],
) -> Piece:
    """Return the piece of work that a point is; its scenario must be there."""
    assert point.scenario is not None
    inputs = {_SCENARIO: json.dumps(point.scenario.source, sort_keys=True).encode()}
    sources = []
    for number, model in enumerate(models):
        files = {}
        if model.trained is not None and model.source not in SHIPPED:
            files = {f"{number}/{name}": held for name, held in files_of(model.trained).items()}
        inputs |= files
        sources.append({"source": model.source, "files": sorted(files)})
    named = zip(axes, point.values, strict=True)
    return Piece(
        ", ".join(f"{each.name} {value:g}" for each, value in named),
        f"{__name__}:play_point",
        {**_said(settings), "policies": sources},
        inputs,
        weight=float(point.scenario.num_devices * point.scenario.num_servers),
        imports=tuple(imports),
    )


def play_point(settings: Mapping[str, Any], inputs: Mapping[str, bytes], _: Path) -> dict[str, Any]:
    """Return what a network comes to, as JSON values."""
    with warnings.catch_warnings():  # whoever asked for it has been warned
        warnings.simplefilter("ignore")
        scenario = Scenario.of(json.loads(inputs[_SCENARIO]))
    models = [_model(each, inputs) for each in settings["policies"]]
    seed = settings["seed"]
    if scenario.slots > 1:
        return _play_episodes(settings, scenario, models).as_json()
    slots = common_slots(scenario, settings["instances"], seed, settings["most_devices"])
    try:
        Problem.of(slots).require_feasible()
    except ValueError as error:
        return Found((), why=str(error)).as_json()
    reference = comparison.find_reference(slots, settings["time_limit"])
    results = comparison.play(by_name(models, scenario), slots, seed, reference)
    return Found(
        (),
        bound=float(reference.cost.mean()),
        label=reference.label,
        capacity=tuple(capacities(slots).tolist()),
        played=tuple(measured(result, slots, seed) for result in results),
    ).as_json()


def _play_episodes(
    settings: Mapping[str, Any], scenario: Scenario, models: Sequence[Model]
) -> Found:
    """Return what a network comes to whose slots follow one another."""
    seed = settings["seed"]
    drawn = common_episodes(scenario, settings["instances"], seed, settings["most_devices"])
    try:
        episodes.require_feasible(drawn)
    except ValueError as error:
        return Found((), why=str(error))
    results = over_time.play(by_name(models, scenario), drawn, seed)
    played = [episodes.measured(each, drawn, seed, settings.get("slowest_s")) for each in results]
    reference, best_known = results[0].reference, results[0].yardsticks.best_known
    return Found(
        (),
        bound=float(reference.cost.mean()),
        label=reference.label,
        capacity=tuple(capacities(drawn.slots.flatten()).tolist()),
        played=tuple(replace(each, slot_seconds=None) for each in played),  # a point is its numbers
        best_known=float(best_known.mean()),
        load=mean_load(scenario),
        too_much=beyond(scenario),
    )


def _said(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON values, those alone that are given."""
    return {name: value for name, value in settings._asdict().items() if value is not None}


def _model(said: Mapping[str, Any], inputs: Mapping[str, bytes]) -> Model:
    source: str = said["source"]
    if said["files"]:
        files = {Path(name).name: inputs[name] for name in said["files"]}
        return Model(source, from_files(files))
    return Model(source, find_policy(source))
