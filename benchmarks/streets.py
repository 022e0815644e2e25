"""Vehicles on a grid of streets: the trace of the preset drive, and the picture of it.

`python -m benchmarks.streets` writes mec_gym/networks/data/drive.csv and
docs/figures/drive.png. Vehicles drive on the right, keep their distance, stop at red lights, and
go straight on at half of the crossings. The same seed writes the same file.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).parents[1]
TRACE = ROOT / "mec_gym" / "networks" / "data" / "drive.csv"
FIGURE = ROOT / "docs" / "figures" / "drive.png"

ROADS, BLOCK_M, EDGE_M = 4, 200.0, 75.0
"""Streets in each direction, how far apart they are, and the first one from the border."""

VEHICLES, SECONDS, WARM_UP_S = 30, 120, 120
SPEED_MPS = (8.0, 14.0)
GREEN_S, CLEAR_S = 18, 2
"""How long a light is green for one direction, and red for both before it is for the other."""

STRAIGHT = 0.5
GAP_M, LANE_M, STOP_M = 8.0, 3.0, 8.0
"""From one vehicle to the next, from the middle of the street, from the stop line to the middle."""

OFF_M = 0.15
"""By how much a place may be off that lies between rows that are written."""

SEED = 2026

WAYS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""East, north, west, south."""


class Lane(NamedTuple):
    """One direction of a street between two crossings: where it begins, and which of `WAYS`."""

    column: int
    row: int
    way: int

    @property
    def end(self) -> tuple[int, int]:
        """The crossing that it leads to, by its column and row."""
        east, north = WAYS[self.way]
        return self.column + east, self.row + north

    @property
    def exists(self) -> bool:
        """Whether it is between crossings of the grid."""
        return all(0 <= place < ROADS for place in self.end)

    def place(self, along_m: float) -> tuple[float, float]:
        """Return x, y, m, so far along it."""
        east, north = WAYS[self.way]
        x, y = EDGE_M + BLOCK_M * self.column, EDGE_M + BLOCK_M * self.row
        return x + along_m * east + LANE_M * north, y + along_m * north - LANE_M * east


def lanes() -> list[Lane]:
    """Return all lanes of the grid."""
    each = (Lane(*place, way) for place in np.ndindex(ROADS, ROADS) for way in range(len(WAYS)))
    return [lane for lane in each if lane.exists]


class Streets:
    """Vehicles on the grid, second by second."""

    def __init__(self, rng: np.random.Generator) -> None:
        every = lanes()
        self._rng = rng
        self._speed = rng.uniform(*SPEED_MPS, VEHICLES)
        self._offset = rng.integers(0, 2 * (GREEN_S + CLEAR_S), (ROADS, ROADS))
        begun = rng.choice(len(every), VEHICLES, replace=False)
        self.lane = [every[place] for place in begun]
        self.along_m = rng.uniform(0, BLOCK_M - 2 * STOP_M, VEHICLES)
        self._next = [self._chosen(lane) for lane in self.lane]

    def _chosen(self, lane: Lane) -> Lane:
        """Return a lane to go on with: straight on, or a turn."""
        ways = [lane.way, (lane.way + 1) % 4, (lane.way - 1) % 4]
        options = [Lane(*lane.end, way) for way in ways]
        weights = [STRAIGHT, (1 - STRAIGHT) / 2, (1 - STRAIGHT) / 2]
        chance = np.array(weights) * [each.exists for each in options]
        return options[int(self._rng.choice(3, p=chance / chance.sum()))]

    def _is_green(self, lane: Lane, second: int) -> bool:
        period = GREEN_S + CLEAR_S
        at = (second + self._offset[lane.end]) % (2 * period) - period * (lane.way % 2)
        return bool(0 <= at < GREEN_S)

    def _room_m(self, lane: Lane, behind_m: float, vehicle: int) -> float:
        """Return how far along a lane one may come who is so far along it."""
        ahead = [
            self.along_m[other]
            for other in range(VEHICLES)
            if other != vehicle and self.lane[other] == lane and self.along_m[other] >= behind_m
        ]
        return min(ahead, default=np.inf) - GAP_M

    def step(self, second: int) -> None:
        """Let a second pass; those in front move first."""
        for vehicle in np.argsort(-self.along_m, kind="stable").tolist():
            lane, now = self.lane[vehicle], self.along_m[vehicle]
            to = min(now + self._speed[vehicle], max(now, self._room_m(lane, now, vehicle)))
            line = BLOCK_M - STOP_M
            if now <= line < to and not self._is_green(lane, second):
                to = line
            if to >= BLOCK_M:
                onto = self._next[vehicle]
                room = self._room_m(onto, -np.inf, vehicle)
                if room < 0:
                    to = max(now, line)
                else:
                    self.lane[vehicle], to = onto, min(to - BLOCK_M, room)
                    self._next[vehicle] = self._chosen(onto)
            self.along_m[vehicle] = to

    def places(self) -> NDArray[np.float64]:
        """Return where vehicles are, (M, 2), m."""
        placed = map(Lane.place, self.lane, self.along_m.tolist())
        return np.round(list(placed), 1)


def driven() -> NDArray[np.float64]:
    """Return where vehicles are each second, (T, M, 2), m."""
    streets, found = Streets(np.random.default_rng(SEED)), []
    for second in range(WARM_UP_S + SECONDS + 1):
        if second >= WARM_UP_S:
            found.append(streets.places())
        streets.step(second)
    return np.stack(found)


def turning(way: NDArray[np.float64]) -> Iterator[int]:
    """Yield the seconds of a way (T, 2) between which it is straight and even."""
    first = 0
    yield first
    for last in range(2, len(way)):
        share = np.arange(1, last - first)[:, None] / (last - first)
        between = way[first] + share * (way[last] - way[first])
        if np.abs(between - way[first + 1 : last]).max() > OFF_M:
            first = last - 1
            yield first
    yield len(way) - 1


def trace() -> str:
    """Return the trace as CSV: a row where a vehicle turns, stops, or goes on."""
    places = driven()
    rows = [
        (second, vehicle, *places[second, vehicle].tolist())
        for vehicle in range(VEHICLES)
        for second in turning(places[:, vehicle])
    ]
    lines = (f"{second},car {vehicle},{x:.1f},{y:.1f}\n" for second, vehicle, x, y in sorted(rows))
    return "time_s,device,x,y\n" + "".join(lines)


def draw(path: Path) -> None:
    """Draw a slot of the preset on a map of its streets, with the way of each vehicle so far."""
    from matplotlib.figure import Figure

    from mec_gym import Scenario, episodes, policies, system
    from mec_gym.networks.maps import Slot, draw_map

    number = 30
    drawn = Scenario.preset("drive").sample_episodes(1, 1, places=True)
    policy, seen = policies.get("local-search-prices"), list[Slot]()

    def choose(slots: episodes.Instance, k: int) -> NDArray[np.int64]:
        chosen = policy(slots, k)
        if k == number:
            slot, servers = slots[0], slots.server_places_m[0]  # type: ignore[index]
            delay = system.task_delays(slot, chosen[0])
            places = slot.device_places_m
            seen.append(Slot(servers, places, slot.capacity, chosen[0], delay))
        return chosen

    episodes.play(drawn, choose)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    draw_map(axes, seen[0], f"drive, slot {number}; blue: where each vehicle has come from")
    _draw_streets(axes, drawn.slots.device_places_m[0, : number + 1])  # type: ignore[index]
    axes.grid(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_streets(axes: "Axes", ways: NDArray[np.float64]) -> None:
    ends = EDGE_M, EDGE_M + BLOCK_M * (ROADS - 1)
    for at in np.linspace(*ends, ROADS):
        for x, y in (((at, at), ends), (ends, (at, at))):
            axes.plot(x, y, color="0.9", linewidth=11, solid_capstyle="projecting", zorder=0)
    for way in ways.swapaxes(0, 1):
        axes.plot(*way.T, color="tab:blue", linewidth=1, alpha=0.45, zorder=0.5)


def main() -> None:
    """Write the trace, and draw it."""
    argparse.ArgumentParser("python -m benchmarks.streets", description=__doc__).parse_args()
    TRACE.write_text(trace(), encoding="utf-8")
    draw(FIGURE)
    print(f"{TRACE.relative_to(ROOT)}: {TRACE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
