"""The paper's claims, each beside what is measured and whether it holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from evaluate.paper import stated
from evaluate.paper.results import Results, Table
from evaluate.paper.smoothness import Roughness, roughness
from evaluate.paper.stated import DQN_RAO
from evaluate.paper.text import NAMES, milliseconds, percent, seconds, span
from evaluate.paper.verdicts import Verdict, all_hold, exceeds, near
from mec_gym.estimates import Estimate

TOLERANCE = 0.05
"""How near "approximately" is: the paper's values are read off a figure."""

ROUNDING = 0.01
"""How far off a difference of two of them may be, s: each is stated in hundredths."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper's, what is measured, and what follows.

    Attributes:
        says: the claim.
        measured: what we find, in words and numbers.
        verdict: whether it holds.
        section: heading of the section that explains it.
    """

    says: str
    measured: str
    verdict: Verdict
    section: str


ORDER, VALUES = "Who is lowest, and by how much", "What the stated values can be"
JAGGED = "How jagged the loss is"


def claims(results: Results) -> list[Claim]:
    """Return all claims of Sec. IV-C that can be measured."""
    first, second = results.figure_4, results.figure_5
    return [
        *(
            _lowest(table, f"{figure}: DQN-RAO has the lowest delay at every {what}")
            for table, figure, what in (
                (first, "Fig. 4", "frequency"),
                (second, "Fig. 5", "complexity"),
            )
        ),
        _below(first, "Fig. 4: GOA's delay is below ROA's", [("goa", "roa")]),
        _below(second, "Fig. 5: ROA has the highest delay", [(DQN_RAO, "roa"), ("goa", "roa")]),
        *_margins(first),
        *_values(first, stated.FIGURE_4, "5 GHz"),
        *_values(second, stated.FIGURE_5, "500 and 1000 cycles/bit"),
        *_rises(second),
        _smoother(results),
    ]


def _lowest(table: Table, says: str) -> Claim:
    return _below(table, says, [(DQN_RAO, "goa"), (DQN_RAO, "roa")])


def _below(table: Table, says: str, pairs: Sequence[tuple[str, str]]) -> Claim:
    found: list[Verdict] = []
    texts = []
    for policy, other in pairs:
        margins = list(table.compared(policy, other).values())
        verdicts = [exceeds(margin, 0) for margin in margins]
        found += verdicts
        counts = ", ".join(
            f"{word} at {verdicts.count(verdict)}"
            for verdict, word in (
                (Verdict.HOLDS, "below"),
                (Verdict.FAILS, "above"),
                (Verdict.OPEN, "no difference settled"),
            )
            if verdict in verdicts
        )
        texts.append(
            f"{NAMES[policy]} against {NAMES[other]}, of {len(margins)} points: {counts}"
            f" (margin {span(margin.mean for margin in margins)})"
        )
    return Claim(says, "; ".join(texts), all_hold(found), ORDER)


def _margins(table: Table) -> Iterable[Claim]:
    for other, least in stated.MARGINS.items():
        margin = table.compared(DQN_RAO, other)[stated.FREQUENCY_GHZ]
        yield Claim(
            f"At 5 GHz DQN-RAO is over {least:.0%} below {NAMES[other]}",
            f"margin {percent(margin)}",
            exceeds(margin, least),
            ORDER,
        )


def _values(table: Table, stated: stated.Stated, where: str) -> Iterable[Claim]:
    for policy, at in stated.items():
        values = " and ".join(f"{value:.2f} s" for value in at.values())
        measured = {x: table.delay(x, policy) for x in at}
        yield Claim(
            f"{NAMES[policy]} at {where}: about {values}",
            ", ".join(map(seconds, measured.values())),
            all_hold(near(measured[x], value, TOLERANCE) for x, value in at.items()),
            VALUES,
        )


def _rises(table: Table) -> Iterable[Claim]:
    low, high = stated.COMPLEXITIES
    own = {name: _rise(table, name) for name in (DQN_RAO, "goa", "roa")}
    for policy, at in stated.FIGURE_5.items():
        rise = at[high] - at[low]
        yield Claim(
            f"Fig. 5: {NAMES[policy]} rises by about {rise:.2f} s",
            seconds(own[policy]),
            near(own[policy], rise, max(TOLERANCE, ROUNDING / rise)),
            VALUES,
        )
    steeper = {name: _steeper(table, name) for name in (DQN_RAO, "goa")}
    differences = ", ".join(
        f"{milliseconds(difference)} more than {NAMES[name]}'s"
        for name, difference in steeper.items()
    )
    yield Claim(
        "Fig. 5: ROA rises most steeply",
        f"its rise is {differences}",
        all_hold(exceeds(difference, 0) for difference in steeper.values()),
        ORDER,
    )


def _rise(table: Table, policy: str) -> Estimate:
    low, high = (table.delay(x, policy) for x in stated.COMPLEXITIES)
    return Estimate(high.mean - low.mean, float(np.hypot(low.ci95, high.ci95)))


def _steeper(table: Table, policy: str) -> Estimate:
    """Return by how much ROA's delay rises more than a policy's, from margins on the same slots."""
    margins = table.compared(policy, "roa")
    low, high = (
        Estimate(m.mean * roa, m.ci95 * roa)
        for m, roa in ((margins[x], table.at(x, "roa").delay_s) for x in stated.COMPLEXITIES)
    )
    return Estimate(high.mean - low.mean, float(np.hypot(low.ci95, high.ci95)))


def less_jagged(smaller: Sequence[Roughness], larger: Sequence[Roughness]) -> list[Estimate]:
    """Return log ratios of the roughness of two minibatches, paired by seed: above 0 is smoother.

    The first is of the variance, the second of the variance relative to the trend.
    """
    pairs = list(zip(smaller, larger, strict=True))
    return [
        Estimate.of([np.log(a.variance / b.variance) for a, b in pairs]),
        Estimate.of([np.log(a.relative / b.relative) for a, b in pairs]),
    ]


def _smoother(results: Results) -> Claim:
    measured = roughness(results.loss)
    sizes = sorted(measured)
    small, large = sizes[: len(sizes) // 2], sizes[len(sizes) // 2 :]
    verdicts = [
        exceeds(ratio, 0)
        for a, b in product(small, large)
        for ratio in less_jagged(measured[a], measured[b])
    ]
    jagged = ", ".join(
        f"{np.sqrt(np.mean([run.relative for run in measured[size]])):.1%} with {size}"
        for size in sizes
    )
    return Claim(
        f"Fig. 3: minibatches of {' and '.join(map(str, large))} give a smoother loss than"
        f" {' and '.join(map(str, small))}",
        f"the loss strays from its trend by {jagged}",
        all_hold(verdicts),
        JAGGED,
    )
