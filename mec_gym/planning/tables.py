"""A plan as tables and sentences on a terminal."""

from collections.abc import Sequence

from mec_gym.benchmark import keeping_up, tables
from mec_gym.benchmark.comparison import PERCENTILES
from mec_gym.benchmark.tables import Column
from mec_gym.planning import readings, sites
from mec_gym.planning.choice import bounded_by
from mec_gym.planning.episodes import OfEpisodes
from mec_gym.planning.measures import EVERY, OVER_TIME, Measure, Played, capacities
from mec_gym.planning.plan import OfNetwork
from mec_gym.planning.points import Found
from mec_gym.planning.readings import Reading
from mec_gym.planning.targets import Target
from mec_gym.planning.varying import Axis, Number, table_of_sites

_HEADINGS = {"cost": "mean\ncost, s", "mean": "mean\ndelay, s"}
_MOST_SAID = 3
_MOST_SITES = 20


def number(value: float, unit: str, digits: int = 4) -> str:
    """Return a value with its unit, as sentences have it: 183 ms, 0.4 J, 99.5%."""
    if unit == "%":
        return f"{value:.2%}"
    if unit and abs(value) < 0.1:
        return f"{value * 1e3:.{digits}g} m{unit}"
    return f"{value:.{digits}g} {unit}".strip()


def with_interval(measure: Measure, unit: str) -> str:
    """Return a measure with its interval, as sentences have it."""
    if measure.low is None or measure.high is None:
        return f"{number(measure.value, unit)} in one slot, which bounds nothing"
    low, high = number(measure.low, unit), number(measure.high, unit)
    return f"{number(measure.value, unit)} (95% interval {low} to {high})"


def columns(played: Sequence[Played], capacity: Sequence[int], energy: bool) -> list[Column]:
    """Return the columns of a table of policies, or of points, the most important first.

    Args:
        played: a row each.
        capacity: places of each server; none where rows are of different networks.
        energy: whether energy counts.
    """
    first = played[0].quantities
    weighted = any(
        each.quantities["cost"].value != each.quantities["mean"].value for each in played
    )
    made = [Column(_HEADINGS["mean"], [_plain(each, "mean") for each in played])]
    if weighted:
        made.insert(0, Column(_HEADINGS["cost"], [_plain(each, "cost") for each in played]))
    of_tasks = [
        " ".join(f"{each.quantities[f'p{p}'].value:.3f}" for p in PERCENTILES) for each in played
    ]
    names = " ".join(f"p{p}" for p in PERCENTILES)
    made += [
        Column("above the\nbound", [f"{each.gap:.2%}" for each in played]),
        Column(f"task delay, s\n{names}", of_tasks),
    ]
    made += _over_time(played)
    if any(each.online_gap is not None for each in played):
        said = ["" if e.online_gap is None else f"{e.online_gap:.2%}" for e in played]
        made.append(Column("above the\nbest online", said))
    if "met" in first:
        share = [f"{each.quantities['met'].value:.2%}" for each in played]
        made.append(Column("deadlines\nmet", share))
    if energy:
        joules = [f"{each.quantities['energy'].value * 1e3:.2f}" for each in played]
        made.append(Column("energy of a\ntask, mJ", joules))
    of = "slots" if played[0].over_time is None else "episodes"
    made.append(Column(f"{of}\nfeasible", [f"{each.feasible:.1%}" for each in played]))
    if capacity:
        made.append(Column("busiest site\ntasks/places", [busiest(e, capacity) for e in played]))
    if any(each.decision_seconds for each in played):
        times = [f"{(each.decision_seconds or 0) * 1e6:.1f}" for each in played]
        made.append(Column("µs a\ndecision", times))
    return made


_OVER_TIME = {
    "above": "above the\ntarget",
    "backlog": "work left\nover, s",
    "handovers": "handovers\na task",
    "dropped": "tasks\ndropped",
}
"""The headings of the columns of slots that follow one another."""


def _over_time(played: Sequence[Played]) -> list[Column]:
    """Return the columns that only slots have which follow one another."""
    if any(each.over_time is None for each in played):
        return []
    above = [each.over_time.above_best_known for each in played if each.over_time is not None]
    made = [Column("above best\nknown", [f"{value:.2%}" for value in above])]
    for name, heading in _OVER_TIME.items():
        if name in played[0].quantities:
            made.append(Column(heading, [_plain(each, name) for each in played]))
    return made


def busiest(played: Played, capacity: Sequence[int]) -> str:
    """Return the load of the server that is the fullest on average, and its places."""
    load = played.load[: len(capacity)]
    fullest = max(range(len(load)), key=lambda n: (load[n] / max(capacity[n], 1), -n))
    return f"{load[fullest]:.1f}/{capacity[fullest]}"


def show_network(
    made: OfNetwork | OfEpisodes, title: str, energy: bool, target: Target | None
) -> None:
    """Print what comes of a network: the table, and which policy to run."""
    reference = made.results[0].reference
    bound = float(reference.cost.mean())
    over_time = isinstance(made, OfEpisodes)
    caption = (
        f"bound: {bounded_by(reference)}, {bound:.4f} s on average; no policy's mean cost is below."
    )
    if made.scenario.hides_future:
        caption += " It knows all of a slot, also what the policies do not see."
        if any(each.online_gap is not None for each in made.played):
            caption += " The best online sees only the present."
    if over_time:
        caption += (
            " It sees the whole episode, as the best known does, which a search found; no policy"
            " that decides slot by slot need come near."
        )
    if made.count > 1:
        of = "episodes" if over_time else "slots"
        caption += f" ± is half a 95% confidence interval over {of}."
    names = Column("policy", [each.name for each in made.played])
    capacity = capacities(made.slots).tolist()
    cells = columns(made.played, capacity, energy)
    cells[0] = Column(cells[0].heading, _plus_minus(made, cells[0]))
    tables.show(title, names, cells, caption)
    for line in sentences(made, target):
        tables.say(line)


def sentences(made: OfNetwork | OfEpisodes, target: Target | None) -> list[str]:
    """Return which policy to run and why, and who meets the target."""
    said = []
    if made.siting is not None:
        found, names = made.siting, [f"site {site}" for site in made.siting.kept]
        if getattr(table_of_sites(made.scenario.channel), "id", None) is not None:
            names = sites.names_of(made.scenario)
        total = "tried, none has a lower bound" if found.tried_all else "searched"
        some = ", ".join(names[: _MOST_SITES if len(names) > _MOST_SITES else None])
        some += ", ... (sites.csv)" if len(names) > _MOST_SITES else ""
        said.append(
            f"Build {some}: a task costs {found.cost:.4g} s there"
            f" on the slots they were chosen on, and no choice of {len(found.kept)} sites costs"
            f" less than {found.least:.4g} s, so the best one is at most {found.gap:.2%} better"
            f" ({total})."
        )
        if found.random is not None:
            more = found.random / found.bound - 1
            said.append(f"As many sites at random cost {more:.1%} more on average.")
    if made.choice is None:
        said.append(
            "Run none of these: each that may be run has slots above capacity or on links that are"
            " not allowed."
        )
    else:
        said.append(f"Run {made.choice.name}: {made.choice.why}.")
    if isinstance(made, OfEpisodes):
        said += keeping_up.sentences(made.results, made.scenario)
    if target is not None:
        said += [of_target(each, target) for each in made.played]
    return said


def of_target(played: Played, target: Target) -> str:
    """Return whether a policy meets a target, in a sentence."""
    value = with_interval(target.of(played), target.quantity.unit)
    said = target.verdict(played)
    if said == "perhaps" and target.of(played).high is None:
        return f"{target.text}: not certain for {played.name}: {value}."
    if said == "missed" and played.feasible < 1:
        return f"{target.text}: not met by {played.name}, which exceeds capacity: {value}."
    words = {
        "met": f"met by {played.name}: {value}",
        "perhaps": f"not certain for {played.name}, whose interval reaches beyond: {value}",
        "missed": f"not met by {played.name}: {value}",
    }
    return f"{target.text}: {words[said]}."


def show_sweep(
    found: Sequence[Found],
    axes: Sequence[Axis],
    title: str,
    energy: bool,
    target: Target | None,
    best: str | None,
) -> None:
    """Print what comes of a sweep: the best policy at each point, all of them, and readings."""
    there = [each for each in found if each.played]
    names = [point_name(each.values, axes) for each in there]
    heading = "\n".join(axis.name for axis in axes)
    shown = best or (there[0].played[0].name if there else "")
    if there:
        rows = [each for point in there if (each := readings.of_policy(point, shown))]
        cells = columns(rows, (), energy)
        bounds = [f"{point.bound:.4f}" for point in there]
        cells.insert(0, Column("bound, mean\ncost, s", bounds))
        if there[0].load is not None:
            cells.insert(1, Column("load", [f"{point.load or 0:.2f}" for point in there]))
        full = [busiest(row, each.capacity) for row, each in zip(rows, there, strict=True)]
        cells.append(Column("busiest site\ntasks/places", full))
        if target is not None:
            words = [readings.verdict(each, target, shown) for each in there]
            cells.insert(2, Column("target", list(words)))
        caption = (
            "bound: no policy's mean cost is below."
            " The same seeds and random numbers at every point."
        )
        tables.show(f"{title}: {shown}", Column(heading, names), cells, caption)
        of_all = [
            Column(f"{one.name}, s", [_cost(point, one.name) for point in there])
            for one in there[0].played
        ]
        tables.show(
            f"{title}: mean cost of a task with each policy",
            Column(heading, names),
            [cells[0], *of_all],
            "bound as above",
        )
    for point in found:
        if point.why:
            said = f"{point_name(point.values, axes)}: no such network: {point.why}"
            tables.say(said)
    for line in too_much(there, axes):
        tables.say(line)
    if target is not None:
        for line in target_lines(found, axes, target, best):
            tables.say(line)


def too_much(found: Sequence[Found], axes: Sequence[Axis]) -> list[str]:
    """Return at which points more work arrives than servers can do, and what comes of it."""
    names = ", ".join(axis.name for axis in axes)
    every = [each for each in found if each.too_much]
    over = [each for each in every if each.load is not None and each.load > 1]
    if len(every) <= _MOST_SAID:
        return [f"{names} {point_name(each.values, axes)}: {each.too_much}." for each in every]
    if not over:
        return []
    named = "; ".join(point_name(each.values, axes) for each in over)
    return [
        f"{names} {named}: load above 1, the servers cannot do this work; what is left over grows"
        " for as long as it goes on, whatever the policy."
    ]


def point_name(values: Sequence[Number], axes: Sequence[Axis]) -> str:
    """Return a point as rows name it."""
    if len(axes) == 1:
        return f"{values[0]:g}"
    return ", ".join(f"{value:g}" for value in values)


def target_lines(
    found: Sequence[Found], axes: Sequence[Axis], target: Target, best: str | None
) -> list[str]:
    """Return the sentences of what each policy needs for a target, the best policy first."""
    names = dict.fromkeys(each.name for point in found for each in point.played)
    ordered = sorted(names, key=lambda name: name != best)
    if len(axes) > 1:  # a line a row of the grid: those of the others are in plan.json
        ordered = ordered[:1]
    lines = []
    for name in ordered:
        made = readings.read(found, axes, target, name)
        lines += [of_reading(each, axes, target) for each in made]
    return lines + below_bound(found, axes, target)


def of_reading(reading: Reading, axes: Sequence[Axis], target: Target) -> str:
    """Return what a policy needs along the last axis, in a sentence."""
    axis, unit = axes[-1].name, target.quantity.unit
    where = "".join(
        f"{each.name} {value:g}, " for each, value in zip(axes, reading.before, strict=False)
    )
    begin = f"{target.text}, {where}{reading.policy}: "
    if reading.value is None or reading.measure is None:
        said = f"no {axis} that was tried meets it"
    else:
        which = "least" if reading.greatest is None else "greatest"
        said = (
            f"{axis} {reading.value:g} is the {which} that meets it,"
            f" {target.quantity.text} {with_interval(reading.measure, unit)}"
        )
    if reading.perhaps:
        some = ", ".join(f"{value:g}" for value in reading.perhaps[:_MOST_SAID])
        said += f"; {some} is not certain, its interval reaches beyond"
    if reading.missed_beyond:
        some = ", ".join(f"{value:g}" for value in reading.missed_beyond[:_MOST_SAID])
        again = "" if reading.greatest is None else " again"
        word = ("does" if len(reading.missed_beyond) == 1 else "do") + (again or " not")
        said += f"; but {some} {word}"
    return f"{begin}{said}."


def below_bound(found: Sequence[Found], axes: Sequence[Axis], target: Target) -> list[str]:
    """Return at which points no policy can meet a target on the mean cost: the bound is above."""
    if target.name != "cost":
        return []
    none = [
        point_name(each.values, axes)
        for each in found
        if each.bound is not None and each.bound > target.limit
    ]
    if not none:
        return []
    names = ", ".join(axis.name for axis in axes)
    return [f"{target.text}: no policy at all meets it with {names} {'; '.join(none)}: the bound."]


def _cost(found: Found, policy: str) -> str:
    played = readings.of_policy(found, policy)
    return "" if played is None else _plain(played, "cost")


def _plain(played: Played, name: str) -> str:
    measure = played.quantities[name]
    if name in OVER_TIME and OVER_TIME[name].unit == "%":
        return f"{measure.value:.2%}"
    digits = 2 if EVERY[name].unit == "%" else 4
    return f"{measure.value:.{digits}f}"


def _plus_minus(made: OfNetwork | OfEpisodes, column: Column) -> list[str]:
    """Return the cells of the first column with half the interval that all tables here have."""
    if made.count == 1:
        return list(column.cells)
    halves = [each.average_cost.over_slots.ci95 for each in made.results]
    return [f"{cell} ± {half:.4f}" for cell, half in zip(column.cells, halves, strict=True)]
