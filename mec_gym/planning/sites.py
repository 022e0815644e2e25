"""Which K of some sites should get servers.

Sites are closed one after the other where the bound's prices say that it costs least, and then
exchanged, one for one, while that lowers the bound on the cost, `mec_gym.bounds.relax`, on average
over slots. Where there are few choices all are tried. What no choice undercuts is proven beside it.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mec_gym.bounds.relaxation import solved
from mec_gym.channels import PlacedChannel
from mec_gym.instance import Instance
from mec_gym.planning import site_dual
from mec_gym.planning.site_dual import Sites
from mec_gym.planning.varying import of_servers, table_of_sites
from mec_gym.problem import Problem
from mec_gym.scenario import Scenario
from mec_gym.solvers.local_search import local_search

FloatArray = NDArray[np.float64]

_MOST_TRIED = 3000
_MOST_WORK = 3e7
"""So many choices are all tried, and links of them."""

_LAYOUT = ("layout", "inter_site_m")
"""Fields of a channel that say where servers stand whose places are not given."""

_AT_ONCE = 6
"""While so many sites or more are too many, a part of them is closed at once."""

_SHORTLIST = 5
_WORK_OF_SEARCH = 2e7
_CHOICES_OF_SEARCH = (30, 400)
"""So many links are looked at by the search, and choices: few of large networks."""

_RANDOM = 10


class Siting(NamedTuple):
    """A choice of sites, and what is known of it; costs are of a task on average, seconds.

    Attributes:
        kept: the sites chosen, rising.
        bound: what no assignment to them undercuts.
        cost: of local search on them.
        least: what no choice of as many sites undercuts.
        all_sites: what no assignment undercuts where all sites are built.
        random: the mean bound of choices at random that have room; None: none had.
        tried_all: whether every choice was tried: then none has a lower `bound`.
    """

    kept: tuple[int, ...]
    bound: float
    cost: float
    least: float
    all_sites: float
    random: float | None
    tried_all: bool

    @property
    def gap(self) -> float:
        """How far its cost can be above that of the best choice, relatively."""
        return self.cost / self.least - 1

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self._asdict(), "kept": list(self.kept), "gap": self.gap}


def choose(slots: Instance, count: int, enumerate_all: bool | None = None) -> Siting:
    """Return which sites to build.

    Args:
        slots: with all sites, and one leading dimension.
        count: how many to build, K.
        enumerate_all: whether to try every choice; None: where these are few.

    Raises:
        ValueError: there are not as many sites, or none of the choices tried has room in each slot.
    """
    search = _Search(slots, count)
    choices = math.comb(slots.num_servers, count)
    if enumerate_all is None:
        work = choices * search.problem.link_cost.size
        enumerate_all = choices <= _MOST_TRIED and work <= _MOST_WORK
    if enumerate_all:
        for kept in itertools.combinations(range(slots.num_servers), count):
            search.cost(kept)
        search.require()
        least = search.best_cost
    else:
        search.close()
        search.exchange()
        least = search.certify()
        search.exchange()  # from a better choice that was met there
    everything = search.all_cost
    subset = search.subset(search.best)
    per_task = 1 / slots.num_devices
    return Siting(
        search.best,
        search.best_cost * per_task,
        float(subset.cost(local_search(subset)).mean()) * per_task,
        max(min(least, search.best_cost), everything) * per_task,
        everything * per_task,
        search.at_random(per_task),
        enumerate_all,
    )


def check_count(
    count: int, capacity: NDArray[np.int64], num_devices: int, columns: Sequence[str]
) -> None:
    """Check that so many sites can be chosen, and may have room.

    Args:
        count: how many.
        capacity: places of each site there is.
        num_devices: that need a place.
        columns: what devices may choose beside sites.

    Raises:
        ValueError: there are not as many, or they have no room.
    """
    if not 1 <= count < len(capacity):
        raise ValueError(
            f"where: {count} of {len(capacity)} sites; give a number from 1 to {len(capacity) - 1}"
        )
    places = int(np.sort(capacity)[-count:].sum())
    if places < num_devices and not columns:
        raise ValueError(
            f"where: {count} sites hold {places} of {num_devices} devices at most; give more sites,"
            " or raise capacity"
        )


def restricted(slots: Instance, kept: Sequence[int]) -> Instance:
    """Return slots in which only some of the servers are there."""
    index = np.asarray(kept)
    per_server = ("gain", "step_gain", "covered", "fetch_delay_s", "server_hz", "capacity")
    arrays = slots.arrays()
    for name in per_server:
        if name in arrays:
            arrays[name] = arrays[name][..., index]
    if slots.server_places_m is not None:
        arrays["server_places_m"] = slots.server_places_m[..., index, :]
    return Instance(**arrays)


def network_of(scenario: Scenario, kept: Sequence[int]) -> Scenario:
    """Return a network of which only some sites are built, as they are."""
    new = of_servers(scenario, kept)
    if scenario.servers == "fixed":
        assert scenario.deployment_hz is not None
        new |= {
            "servers": "listed",
            "server_hz": tuple(scenario.deployment_hz[list(kept)].tolist()),
        }
    places = places_of(scenario)
    if places is not None and table_of_sites(scenario.channel) is None:
        some = tuple((float(x), float(y)) for x, y in places[list(kept)])
        fields = type(scenario.channel).model_fields
        layout = {name: fields[name].default for name in _LAYOUT if name in fields}
        users = getattr(scenario.channel, "users", None)
        if users is not None and users.in_degrees:  # beside servers in metres
            assert isinstance(scenario.channel, PlacedChannel)  # it has such a table
            devices = scenario.channel.given_places[1]
            assert devices is not None
            layout["users"] = users.at(devices)
        new["channel"] = scenario.channel.replace(server_positions_m=some, **layout)
    return scenario.replace(**new)


def names_of(scenario: Scenario) -> list[str]:
    """Return what the servers are called, (N,): as a table of sites says, else by number."""
    ids = getattr(table_of_sites(scenario.channel), "id", None)
    if ids is not None:
        return [str(each) for each in ids]
    return [f"server {server}" for server in range(scenario.num_servers)]


def places_of(scenario: Scenario) -> FloatArray | None:
    """Return where the servers are, (N, 2), m; None: they have no places."""
    size = scenario.num_devices, scenario.num_servers
    unit = np.full(scenario.channel.num_uniforms(*size), 0.5)
    places = scenario.radio.places(unit, *size)
    return None if places is None else places[1]


class _Search:
    """The choices tried so far, and the best of them; costs are of a slot on average, seconds."""

    def __init__(self, slots: Instance, count: int) -> None:
        num_sites = slots.num_servers
        check_count(count, slots.capacity[0], slots.num_devices, slots.columns)
        self.slots, self.problem = slots, Problem.of(slots)
        self.count, self.num_sites = count, num_sites
        self.problem.require_feasible()
        self.all_cost = float(solved(self.problem).total_cost.mean())
        work = _WORK_OF_SEARCH / self.problem.link_cost.size
        self.left = int(np.clip(work, *_CHOICES_OF_SEARCH))
        self.tried: dict[tuple[int, ...], float] = {}
        self.best: tuple[int, ...] = ()
        self.best_cost = math.inf

    def subset(self, kept: Iterable[int]) -> Problem:
        """Return the problems in which only some sites are there, and the columns.

        The way to the cloud is over the fastest link that is left.
        """
        if "cloud" in self.slots.columns:
            return Problem.of(restricted(self.slots, [*kept]))
        columns = range(self.num_sites, self.problem.num_servers)
        index = np.array([*kept, *columns])
        problem = self.problem
        return Problem(
            problem.link_cost[..., index],
            problem.size,
            problem.server_hz[..., index],
            problem.capacity[..., index],
        )

    def has_room(self, kept: Iterable[int]) -> bool:
        """Return whether each slot has a feasible assignment to some sites."""
        try:
            self.subset(kept).require_feasible()
        except ValueError:
            return False
        return True

    def cost(self, kept: Iterable[int]) -> float:
        """Return the bound on the cost with some sites; inf where a slot has no room."""
        key = tuple(sorted(map(int, kept)))
        if key not in self.tried:
            self.left -= 1
            self.tried[key] = math.inf
            if self.has_room(key):
                self.tried[key] = float(solved(self.subset(key)).total_cost.mean())
            if self.tried[key] < self.best_cost and len(key) == self.count:
                self.best, self.best_cost = key, self.tried[key]
        return self.tried[key]

    def require(self) -> None:
        """Raise a ValueError where no choice was found that has room in each slot."""
        if not self.best:
            raise ValueError(
                f"where: found no {self.count} of {self.num_sites} sites that have room for all"
                " devices in every slot; give more sites, or raise capacity or coverage_m"
            )

    def prices(self, kept: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Return what each device pays at some sites and columns, and these's refunds.

        They are (S, M, K) and (S, K), seconds: the bound is the least a device pays, less refunds.
        """
        problem = self.subset(kept)
        found = solved(problem)
        paid = problem.link_cost + problem.size[..., None] * found.price[..., None, :]
        paid = paid + found.charge[..., None, :]
        shared = np.where(np.isfinite(problem.server_hz), problem.server_hz, 0.0)
        return paid, found.charge * problem.capacity + found.price**2 * shared / 4

    def losses(self, kept: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Return what closing each site costs at least, (K,), and what each device pays, (S, M)."""
        paid, refunds = self.prices(kept)
        least = paid.min(axis=-1)
        own = paid.argmin(axis=-1)
        if paid.shape[-1] == 1:
            return np.zeros(1), least
        second = np.partition(paid, 1, axis=-1)[..., 1]
        extra = np.where(np.isfinite(second), second - least, 1e6 * least)
        loss = [
            (np.where(own == place, extra, 0).sum(axis=-1) + refunds[:, place]).mean()
            for place in range(len(kept))
        ]
        return np.array(loss), least

    def close(self) -> None:
        """Close sites until as many are left as are to be built."""
        kept = list(range(self.num_sites))
        while len(kept) > self.count:
            loss, _ = self.losses(kept)
            more = max(1, (len(kept) - self.count) // _AT_ONCE)
            closed = 0
            for site in [kept[place] for place in np.argsort(loss, kind="stable")]:
                without = [each for each in kept if each != site]
                if self.has_room(without):
                    kept, closed = without, closed + 1
                if closed == more or len(kept) == self.count:
                    break
            if not closed:
                break
        if len(kept) == self.count:
            self.cost(kept)
        self.require()

    def exchange(self) -> None:
        """Exchange a site built for one that is not while that lowers the bound."""
        sites = Sites.of(self.problem, self.num_sites)
        while self.left > 0:
            kept, before = self.best, self.best_cost
            loss, reward = self.losses(kept)
            earnings = site_dual.earned(sites, reward)[0].mean(axis=0)
            earnings[list(kept)] = -np.inf
            closing = [kept[place] for place in np.argsort(loss, kind="stable")[:_SHORTLIST]]
            opening = np.argsort(-earnings, kind="stable")[:_SHORTLIST].tolist()
            losing = dict(zip(kept, loss.tolist(), strict=True))
            pairs = [
                (losing[out] - earnings[site], out, site)
                for out in closing
                for site in opening
                if site not in kept
            ]
            for _, out, site in sorted(pairs):
                if self.left <= 0 or self.cost({*kept, site} - {out}) < before * (1 - 1e-9):
                    break
            if self.best_cost >= before * (1 - 1e-9):
                return

    def certify(self) -> float:
        """Return what no choice undercuts, and try the choices met on the way."""
        _, reward = self.losses(self.best)

        def tried(picked: NDArray[np.int64]) -> float:
            if self.left > 0:
                self.cost(picked.tolist())
            return self.best_cost

        sites = Sites.of(self.problem, self.num_sites)
        return site_dual.ascend(sites, self.count, reward, self.best_cost, tried)

    def at_random(self, per_task: float) -> float | None:
        """Return the mean bound of choices at random that have room, of a task."""
        rng = np.random.default_rng(0)
        found = []
        for _ in range(_RANDOM):
            cost = self.cost(rng.permutation(self.num_sites)[: self.count])
            if math.isfinite(cost):
                found.append(cost * per_task)
        return float(np.mean(found)) if found else None
