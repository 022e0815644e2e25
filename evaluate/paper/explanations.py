"""Why the paper's claims come out as they do: a proof, and what the measurements show."""

from itertools import pairwise

import numpy as np

from evaluate.paper import nearest, stated
from evaluate.paper.claims import JAGGED, ORDER, VALUES, less_jagged
from evaluate.paper.results import Results
from evaluate.paper.smoothness import TREND_EPISODES, roughness
from evaluate.paper.stated import DQN_RAO, DQN_SI
from evaluate.paper.text import NAMES, percent, seconds, span
from evaluate.paper.theory import exact_fill_share, least_computing_delay
from evaluate.paper.verdicts import Verdict, all_hold, exceeds
from mec_gym.io.markdown import table
from mec_gym.scenario import Scenario

INPUTS, READINGS = "What the network is fed", "Which readings come nearest"

_POLICIES = (DQN_RAO, "least-delay", "roa", "goa-capacity", "goa")


def explain(results: Results) -> dict[str, str]:
    """Return the sections that explain the verdicts, by heading."""
    return {
        VALUES: values(results),
        ORDER: order(results),
        JAGGED: jagged(results),
        INPUTS: inputs(results),
        READINGS: nearest.explain(results.readings),
    }


def values(results: Results) -> str:
    """Explain which of the stated values the stated parameters allow: a proof."""
    frequency = stated.FREQUENCY_GHZ
    scenario = Scenario.preset("paper-frequency", server_hz=frequency * 1e9)
    bound = least_computing_delay(scenario)
    as_stated = {name: at[frequency] for name, at in stated.FIGURE_4.items()}
    below = [f"{NAMES[name]}'s {value:.2f} s" for name, value in as_stated.items() if value < bound]
    verdict = (
        f"Of the values stated at {frequency:g} GHz, {' and '.join(below)} lie below it: with the"
        " parameters of Sec. IV-A as printed no algorithm can reach them, under any reading of the"
        f" radio model. For {as_stated[DQN_RAO]:.2f} s each server would need"
        f" {frequency * bound / as_stated[DQN_RAO]:.1f} GHz even if transmission took no time."
        if below
        else f"None of the values stated at {frequency:g} GHz lies below it."
    )
    low, high = stated.COMPLEXITIES
    ours, theirs = results.figure_5.at(low, "roa").delay_s, stated.FIGURE_5["roa"][low]
    shared = nearest.with_changes(results.readings, bandwidth="B/M each")
    our_rise = results.figure_5.at(high, "roa").delay_s - ours
    their_rise = stated.FIGURE_5["roa"][high] - theirs
    return f"""\
**A bound for any algorithm.** However a server splits its CPU, the tasks assigned to it compute
for ΣC/f ≥ (Σ√C)²/F in all, because by Cauchy and Schwarz (Σ√(C/f)·√f)² ≤ ΣC/f · Σf, and its
shares f add up to F at most (Eq. 20 attains it). Write L for a server's Σ√C; the same inequality
over the servers gives (ΣL)² ≤ ΣL²/F · ΣF. So the average delay of a slot is at least
(Σ√C over all tasks)² / (M·ΣF), whatever the assignment, the radio and the capacities.

For C ~ U[5e8, 2e9] cycles, M = {scenario.num_devices} devices and N = {scenario.num_servers}
servers of {frequency:g} GHz this is **{bound:.3f} s** in expectation, before a bit is transmitted.
The proven optima of our slots average {seconds(results.figure_4.delay(frequency, "optimal"))}.
{verdict}

**Fig. 5.** From {low:g} to {high:g} cycles per bit the work doubles. ROA does not look at the
work, so its delay rises by exactly its computing part at {low:g} cycles per bit, and the rest of
its delay there is transmission. Ours computes for {our_rise:.2f} s and transmits for
{ours - our_rise:.2f} s; read the same way, the paper's computes for {their_rise:.2f} s and
transmits for {theirs - their_rise:.2f} s. Were B shared (B/M each) and all else as before, ours
would transmit for {2 * shared.roa_500 - shared.roa_1000:.2f} s."""


def order(results: Results) -> str:
    """Explain the order of the algorithms: how much capacity leaves to decide."""
    first, second, others = results.figure_4, results.figure_5, results.scenarios
    scenario = Scenario.preset("paper")
    goa = first.of("goa")
    rows = [
        [f"`{name}`, M_max = {Scenario.preset(name).capacity}"]
        + [
            percent(others.gap(name, policy))
            + (
                ""
                if (rate := others.at(name, policy).feasible_rate) == 1
                else f" ({rate:.0%} feasible)"
            )
            for policy in _POLICIES
        ]
        for name in results.study.presets
    ]
    return f"""\
**ROA is hard to beat here.** M = {scenario.num_devices} devices and N = {scenario.num_servers}
servers with M_max = {scenario.capacity} fill every place: whoever keeps to capacity puts exactly
{scenario.capacity} tasks on every server, so that even a random choice is balanced. ROA is
{span(row.gap for row in first.of("roa"))} above the optimum in Fig. 4 (equal servers) and
{span(row.gap for row in second.of("roa"))} in Fig. 5 (unequal ones), and no policy within
capacity can gain more than that on it. DQN-RAO is {span(row.gap for row in first.of(DQN_RAO))} and
{span(row.gap for row in second.of(DQN_RAO))} above it, the least-delay heuristic, which needs no
training, {span(row.gap for row in first.of("least-delay"))} and
{span(row.gap for row in second.of("least-delay"))}.

Gaps to the optimum elsewhere; `paper-varied` and `slack` draw the servers anew each slot, and
`slack` has places to spare:

{table(["scenario", *(NAMES[policy] for policy in _POLICIES)], rows)}

**GOA overloads servers.** It follows the channel alone, and each device's best server is any of the
{scenario.num_servers} with equal chance, so all places fit in
{exact_fill_share(scenario):.1%} of slots by M!/(M_max!^N·N^M). We measure
{span(row.feasible_rate for row in goa)} in Fig. 4; the other slots violate Eq. (9). Evaluated all
the same, the crowded server makes it {span(row.gap for row in goa)} slower than the optimum. Made
to keep within capacity, it is {span(row.gap for row in first.of("goa-capacity"))} above the
optimum in Fig. 4 and {span(row.gap for row in second.of("goa-capacity"))} in Fig. 5."""


def jagged(results: Results) -> str:
    """Say how the roughness of Fig. 3 is measured, and show it."""
    measured = dict(sorted(roughness(results.loss).items()))
    rows = [
        [
            str(size),
            f"{np.mean([run.variance for run in runs]):.2e}",
            f"{np.sqrt(np.mean([run.relative for run in runs])):.1%}",
        ]
        for size, runs in measured.items()
    ]
    steps = {
        (a, b): all_hold(exceeds(ratio, 0) for ratio in less_jagged(measured[a], measured[b]))
        for a, b in pairwise(measured)
    }
    return f"""\
The loss is logged once an episode (the mean over its updates), and its trend taken off: parabolas
fitted to {TREND_EPISODES} episodes (Savitzky and Golay's filter). Because the loss falls by orders
of magnitude, so that the first episodes would decide alone, we look at the variance of what remains
both as it is and relative to the trend. All runs are compared over the same episodes; means over
{results.study.loss_seeds} seeds:

{
        table(
            ["minibatch", "variance of the detrended loss, s⁴", "standard deviation, of the trend"],
            rows,
        )
    }

"Smoother" by both measures, step by step: {
        "; ".join(f"{b} than {a} {verdict}" for (a, b), verdict in steps.items())
    }."""


def inputs(results: Results) -> str:
    """Compare networks fed scaled inputs with networks fed SI units."""
    others, name = results.scenarios, results.study.presets[0]
    labels = {DQN_RAO: "scaled to [0, 1]", DQN_SI: "SI units", "roa": "(ROA, for comparison)"}
    rows = [
        [
            label,
            seconds(others.delay(name, policy)),
            percent(others.gap(name, policy)),
            f"{others.at(name, policy).feasible_rate:.1%}",
        ]
        for policy, label in labels.items()
    ]
    keeps = others.at(name, DQN_SI).feasible_rate
    random = exact_fill_share(Scenario.preset(name))
    if keeps < 0.5:
        finding = (
            f"Fed SI units the network of Table I did not learn to keep to capacity: it does in"
            f" {keeps:.1%} of slots; servers picked at random would in {random:.1%}."
            " In SI units gains near 1 stand beside cycles near 1e9, which is a likely reason; we"
            " take the paper's inputs to be scaled."
        )
    elif exceeds(others.gap(name, DQN_SI), others.at(name, DQN_RAO).gap) is Verdict.HOLDS:
        finding = "Fed SI units it learns to keep to capacity, but is further from the optimum."
    else:
        finding = "Fed SI units it does as well as with scaled inputs, as far as the seeds tell."
    return f"""\
The paper does not say how the state (11) enters the network. On `{name}`, over
{results.study.seeds} seeds each:

{table(["inputs", "average delay", "gap to the optimum", "slots feasible"], rows)}

{finding}"""
