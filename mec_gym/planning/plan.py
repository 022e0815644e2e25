"""A plan: what was asked, and what comes of it for one network or for many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mec_gym import jobs
from mec_gym.benchmark import over_time, shards
from mec_gym.benchmark.comparison import Result, assigned
from mec_gym.benchmark.models import Model, by_name, check_plays
from mec_gym.benchmark.online import with_online_gaps
from mec_gym.benchmark.shards import Comparison, Place
from mec_gym.episodes import Episodes
from mec_gym.instance import Instance
from mec_gym.jobs.pieces import Piece
from mec_gym.jobs.running import Estimate
from mec_gym.planning import choice, episodes, points, sites
from mec_gym.planning.choice import Choice
from mec_gym.planning.episodes import OfEpisodes
from mec_gym.planning.measures import Played, measured
from mec_gym.planning.points import Found, Settings
from mec_gym.planning.sites import Siting
from mec_gym.planning.targets import Target
from mec_gym.planning.varying import Axis, Point
from mec_gym.policies import HINDSIGHT, familiar, label, why_not
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario

IntArray = NDArray[np.int64]

_MOST_LINKS = 1_000_000
"""About so many links all slots have together, unless the number of slots is given."""
_INSTANCES = (10, 200)
_LINKS_OF_SITING = 500_000
_SLOTS_OF_SITING = (5, 100)

_MOST_SERVERS = 10_000
"""The bound's equations are two a server: their matrix then takes 3.2 GB."""

_PROOF_SECONDS = 10.0
"""For all slots of a network, unless a limit is given."""

_LOOKED_AT = 10
"""Slots of a network that trained policies are shown, to see whether they know such."""

_OVER_TIME = ("backlog-prices", "lyapunov", "local-search", "least-delay", "roa")
"""Default policies where slots follow one another, of those that play the network."""

_MOST_FOR_SEARCH = 60
"""Devices up to which `local-search-online` is among the default policies."""


@dataclass(frozen=True)
class Request:
    """What a plan is to say.

    Attributes:
        network: what the scenario was asked for by.
        scenario: the network.
        models: the policies.
        instances: how many slots of each network, or episodes where slots follow one another.
        seed: of the slots and of all that is drawn.
        time_limit: to prove the optimum of a slot, seconds.
        axes: what is varied; at most two.
        target: what a network must come to; None: nothing.
        where: how many of the sites get servers; None: all.
        imports: modules of a user's own that policies name.
    """

    network: str
    scenario: Scenario
    models: Sequence[Model]
    instances: int
    seed: int
    time_limit: float
    axes: Sequence[Axis] = ()
    target: Target | None = None
    where: int | None = None
    imports: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The network as titles have it: a file without its folder."""
        return Path(self.network).stem if self.network.endswith(".toml") else self.network

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the numbers, as JSON values; the target only reads them."""
        return {
            "network": self.scenario.source,
            "policies": [model.source for model in self.models],
            "instances": self.instances,
            "seed": self.seed,
            "time_limit": self.time_limit,
            "vary": [[axis.field, *map(axis.in_field, axis.values)] for axis in self.axes],
            "where": self.where,
        }

    @property
    def barred(self) -> list[str]:
        """Names of policies that look at what the network hides."""
        if not self.scenario.hides_future:
            return []
        return [label(name, self.scenario) for name in HINDSIGHT]

    @property
    def slowest_s(self) -> float | None:
        """The delay above which tasks are counted where slots follow one another, seconds."""
        return None if self.target is None else self.target.slowest_s

    @cached_property
    def episodes(self) -> Episodes:
        """Episodes of the network as it is, with places where it has some."""
        return self.scenario.sample_episodes(self.instances, self.seed, places=True)

    @cached_property
    def slots(self) -> Instance:
        """The slots of the network as it is, with places where it has some."""
        return self.scenario.sample(self.instances, self.seed, places=True)


def check_network(scenario: Scenario) -> None:
    """Check that a network can be planned.

    Raises:
        ValueError: it is too large.
    """
    if scenario.num_servers > _MOST_SERVERS:
        raise ValueError(
            f"num_servers: {scenario.num_servers}; a plan's bound takes {_MOST_SERVERS} at most;"
            " give the sites of a part of the area"
        )


def default_policies(scenario: Scenario) -> tuple[str, ...]:
    """Return the policies to compare where nothing else is asked for."""
    if scenario.slots > 1:
        return tuple(name for name in _OVER_TIME if not why_not(name, scenario))
    if not scenario.hides_future:
        return ("local-search-prices", "local-search", "prices", "least-delay", "roa")
    if scenario.num_devices <= _MOST_FOR_SEARCH:
        return ("local-search-online", "prices-online", "least-delay", "roa")
    return ("prices-online", "least-delay", "roa")


def default_instances(scenario: Scenario) -> int:
    """Return how many slots to play: 200 of small networks, 10 of large ones.

    Where slots follow one another how many episodes: 10, 4 of large networks.
    """
    if scenario.slots > 1:
        return over_time.default_episodes(scenario)
    links = scenario.num_devices * scenario.num_servers
    return int(np.clip(_MOST_LINKS // links, *_INSTANCES))


def default_time_limit(instances: int) -> float:
    """Return the seconds to prove an optimum: a second, less where there are many slots."""
    return min(1.0, _PROOF_SECONDS / instances)


@dataclass(frozen=True)
class OfNetwork:
    """What comes of one network.

    Attributes:
        scenario: the network, of the sites chosen where there was a choice.
        slots: that were played.
        results: of the policies.
        played: what is said of each of them.
        choice: which to run; None: none keeps within places in every slot.
        siting: the choice of sites; None: there was none.
    """

    scenario: Scenario
    slots: Instance
    results: Sequence[Result]
    played: Sequence[Played]
    choice: Choice | None
    siting: Siting | None = None

    @property
    def count(self) -> int:
        """How many slots there are."""
        return len(self.slots)

    @property
    def said(self) -> str:
        """How much was played, in words."""
        return "1 slot" if self.count == 1 else f"{self.count} slots"

    @property
    def example(self) -> tuple[Instance, IntArray, str]:
        """A slot to show, its assignment, and which it is."""
        return self.slots[0], self.shown.assignment[0, 0], "first slot"

    @property
    def shown(self) -> Result:
        """The result whose assignment is shown: of the policy to run, or else the first."""
        name = self.results[0].name if self.choice is None else self.choice.name
        return next(each for each in self.results if each.name == name)


def siting(request: Request) -> Siting:
    """Return which sites to build, chosen on slots of their own: those of the next seed."""
    assert request.where is not None
    scenario = request.scenario
    links = scenario.num_devices * scenario.num_servers
    count = int(np.clip(_LINKS_OF_SITING // links, *_SLOTS_OF_SITING))
    slots = scenario.sample(min(count, request.instances), request.seed + 1)
    return sites.choose(slots, request.where)


def check_policies(models: Sequence[Model], scenarios: Sequence[Scenario], seed: int) -> None:
    """Check that policies can play each of some networks, trained ones on a slot of it.

    Raises:
        ValueError: one cannot; the message names it.
    """
    for scenario in scenarios:
        if scenario.slots > 1:
            check_plays(models, scenario, "the network")
        for model in models:
            if model.trained is not None:
                familiar.warn(model.on(scenario), model.source, scenario.sample(_LOOKED_AT, seed))
                assigned(model.on(scenario), model.source, scenario.sample(1, seed), seed)


def comparison(request: Request, found: Siting | None) -> tuple[Scenario, Comparison]:
    """Return the network to play, and the comparison of the policies on its slots."""
    scenario, slots = request.scenario, request.slots
    if found is not None:
        scenario = sites.network_of(scenario, found.kept)
        slots = sites.restricted(slots, found.kept)
    players = by_name(request.models, scenario)
    made = Comparison(players, slots, request.seed, request.time_limit, "", tuple(request.imports))
    return scenario, made


def of_network(
    request: Request, place: Place | None, begin: Callable[[], None] = lambda: None
) -> OfNetwork | OfEpisodes:
    """Return what comes of the network as it is, or with the sites chosen.

    Args:
        request: without axes.
        place: where parts of the comparison are done; None: in this process, as episodes are.
        begin: called once nothing is to be refused any more but what policies refuse.

    Raises:
        ValueError: a policy cannot play the slots, or no choice of sites has room.
    """
    if request.scenario.slots > 1:
        check_policies(request.models, [request.scenario], request.seed)
        return episodes.of_network(request, begin)
    found = None if request.where is None else siting(request)
    scenario, made = comparison(request, found)
    Problem.of(made.slots).require_feasible()
    check_policies(request.models, [scenario], request.seed)
    begin()
    (results,) = [made.here()] if place is None else shards.compare([made], place)
    slots = made.slots
    results = with_online_gaps(results, made.policies, slots, scenario, request.seed)
    return OfNetwork(
        scenario,
        slots,
        results,
        [measured(result, slots, request.seed) for result in results],
        choice.chosen(results, request.barred),
        found,
    )


def pieces(request: Request, network_points: Sequence[Point]) -> dict[int, Piece]:
    """Return the pieces of a sweep, by the places of their points."""
    there = [each.scenario for each in network_points if each.scenario is not None]
    for scenario in there:
        check_network(scenario)
    settings = Settings(
        request.instances,
        request.seed,
        request.time_limit,
        max(each.num_devices for each in there),
        request.slowest_s if any(each.slots > 1 for each in there) else None,
    )
    return {
        place: points.piece(point, request.axes, request.models, settings, request.imports)
        for place, point in enumerate(network_points)
        if point.scenario is not None
    }


def estimate(made: Mapping[int, Piece], place: Place) -> Estimate:
    """Return what a sweep would cost; see `jobs.estimate`."""
    store = jobs.Results(place.folder)
    return jobs.estimate(list(made.values()), store, place.workers, unit="point")


def of_sweep(
    network_points: Sequence[Point], made: Mapping[int, Piece], place: Place
) -> list[Found]:
    """Return what the points of a sweep come to, once all pieces are done.

    Raises:
        ValueError: a piece failed; the message names it.
    """
    store = jobs.Results(place.folder)
    failed = jobs.run(list(made.values()), store, place.workers, unit="point")
    for name, reason in failed.items():
        others = f" ({len(failed)} points failed)" if len(failed) > 1 else ""
        raise ValueError(f"{name}: {reason.removeprefix('ValueError: ')}{others}")
    return [
        Found.read(point.values, store.values(made[place_]))
        if place_ in made
        else Found(point.values, why=point.why)
        for place_, point in enumerate(network_points)
    ]
