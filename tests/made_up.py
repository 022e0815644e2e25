"""Results of the study made up of given delays, for the tests of what is said of them."""

import numpy as np

from evaluate.paper.measurements import Margin, Row
from evaluate.paper.results import Results, Table
from evaluate.paper.smoothness import LossPoint
from evaluate.paper.stated import DQN_RAO, DQN_SI
from evaluate.paper.study import Study


def made_up_table(points, delays, feasible=1.0):
    """A table of the given delays, {policy: a number or one a point}, with narrow intervals."""
    rows, margins = [], []
    for place, (label, x) in enumerate(points):
        at = {name: delay if np.isscalar(delay) else delay[place] for name, delay in delays.items()}
        for name, delay in at.items():
            trained = name in (DQN_RAO, DQN_SI)
            rows.append(
                Row(
                    scenario=label,
                    x=x,
                    policy=name,
                    seeds=3 if trained else 1,
                    delay_s=delay,
                    delay_ci95_slots_s=1e-4,
                    delay_ci95_seeds_s=1e-4 if trained else None,
                    gap=delay / at["optimal"] - 1,
                    gap_ci95_slots=1e-4,
                    gap_ci95_seeds=1e-4 if trained else None,
                    feasible_rate=feasible if name == DQN_SI else 1.0,
                    equal_shares_delay_s=delay,
                )
            )
        margins += [
            Margin(scenario=label, x=x, policy=a, other=b, margin=1 - at[a] / at[b], ci95=1e-3)
            for a, b in ((DQN_RAO, "goa"), (DQN_RAO, "roa"), ("goa", "roa"))
        ]
    return Table(rows, margins)


def made_up_results(readings, first, second, noise=(0.4, 0.3, 0.2, 0.1), feasible=1.0, quick=False):
    """Results of these delays in figures 4 and 5, and of losses so far off their trend."""
    study = Study(
        quick=quick, frequencies_ghz=(5, 10), complexities=(500, 1000), presets=("paper",)
    )
    rest = {"least-delay": 0.5, "goa-capacity": 0.5, "optimal": 0.4}
    rng = np.random.default_rng(0)
    loss = [
        LossPoint(
            batch_size=size, seed=seed, episode=episode, loss=2 + spread * rng.choice([-1, 1])
        )
        for size, spread in zip((32, 64, 128, 256), noise, strict=True)
        for seed in range(3)
        for episode in range(1, 200)
    ]
    others = rest | {DQN_RAO: 0.45, DQN_SI: 0.46, "roa": 0.48, "goa": 0.6}
    return Results(
        study,
        loss,
        made_up_table([("5GHz", 5), ("10GHz", 10)], rest | first),
        made_up_table([("500cycles", 500), ("1000cycles", 1000)], rest | second),
        made_up_table([("paper", None)], others, feasible),
        readings,
    )
