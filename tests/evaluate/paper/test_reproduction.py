"""`docs/reproduction.md`: verdicts follow the numbers, and the same numbers give the same page."""

import itertools

import numpy as np
import pytest

import mec_gym
from evaluate.paper import nearest, reproduction, stated
from evaluate.paper.claims import claims
from evaluate.paper.measurements import Margin, Row, write_rows
from evaluate.paper.readings import Reading, read_all
from evaluate.paper.reproduction import anchor, markdown
from evaluate.paper.results import Results, Table
from evaluate.paper.smoothness import LossPoint
from evaluate.paper.stated import DQN_RAO, DQN_SI
from evaluate.paper.study import Study
from evaluate.paper.theory import exact_fill_share, least_computing_delay
from evaluate.paper.verdicts import Verdict, all_hold, exceeds, near
from mec_gym.benchmark.comparison import Estimate

HOLDS, FAILS, OPEN = Verdict


@pytest.mark.parametrize(
    ("mean", "ci95", "verdict"),
    [(0.2, 0.05, HOLDS), (0.1, 0.03, FAILS), (0.15, 0.02, OPEN), (0.13, 0.02, OPEN)],
)
def test_above_a_threshold_is_settled_by_the_whole_interval(mean, ci95, verdict):
    assert exceeds(Estimate(mean, ci95), 0.14) is verdict


@pytest.mark.parametrize(
    ("mean", "ci95", "verdict"),
    [
        (0.60, 0.01, HOLDS),
        (0.62, 0.005, HOLDS),
        (0.58, 0.005, HOLDS),
        (0.78, 0.01, FAILS),
        (0.50, 0.01, FAILS),
        (0.63, 0.01, OPEN),
        (0.60, 0.04, OPEN),
    ],
)
def test_about_a_value_is_settled_by_the_whole_interval(mean, ci95, verdict):
    assert near(Estimate(mean, ci95), 0.60, 0.05) is verdict


def test_several_claims_in_one_fail_with_any_and_hold_with_all():
    for found in itertools.product(Verdict, repeat=3):
        expected = FAILS if FAILS in found else OPEN if OPEN in found else HOLDS
        assert all_hold(found) is expected


def test_the_bound_is_the_expectation_worked_out_by_quadrature():
    scenario = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9)
    steps = 1_000_000
    cycles = 5e8 + (np.arange(steps) + 0.5) / steps * 1.5e9
    # E[(sum of 9 roots)^2]: nine squares, and seventy-two products of two independent roots.
    square = 9 * cycles.mean() + 72 * np.sqrt(cycles).mean() ** 2
    assert least_computing_delay(scenario) == pytest.approx(square / (9 * 15e9), rel=1e-9)
    assert least_computing_delay(scenario) == pytest.approx(0.7286, abs=5e-5)


def test_no_assignment_and_no_split_computes_faster_than_the_bound_on_average():
    scenario = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9)
    slots = scenario.sample(2000, 0)
    rng = np.random.default_rng(0)
    bound = np.sqrt(slots.task_cycles).sum(axis=-1) ** 2 / (9 * 15e9)
    assert bound.mean() == pytest.approx(least_computing_delay(scenario), rel=0.01)
    for _ in range(20):
        assignment = rng.integers(3, size=(2000, 9))
        share = rng.random((2000, 9))
        load = mec_gym.system.server_sums(share, assignment, 3)
        cpu_hz = 5e9 * share / np.take_along_axis(load, assignment, -1)
        assert ((slots.task_cycles / cpu_hz).mean(axis=-1) >= bound).all()


def test_the_bound_of_unlike_scenarios_is_refused():
    for name in ("paper-varied", "paper-complexity"):
        with pytest.raises(ValueError, match="needs one deployment, and task_cycles as a range"):
            least_computing_delay(mec_gym.Scenario.preset(name))


def test_the_share_of_exact_fills_is_counted_by_enumeration():
    scenario = mec_gym.Scenario(num_devices=6, num_servers=3, capacity=(1, 2, 3))
    fills = [
        tuple(map(servers.count, range(3))) == (1, 2, 3)
        for servers in itertools.product(range(3), repeat=6)
    ]
    assert exact_fill_share(scenario) == pytest.approx(np.mean(fills))
    assert exact_fill_share(mec_gym.Scenario()) == pytest.approx(1680 / 19683)
    with pytest.raises(ValueError, match="as many places as devices"):
        exact_fill_share(mec_gym.Scenario.preset("slack"))


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


def made_up_results(first, second, noise=(0.4, 0.3, 0.2, 0.1), feasible=1.0, quick=False):
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
        READINGS,
    )


READINGS = read_all(10, 0)

AS_STATED = made_up_results(
    {DQN_RAO: (0.60, 0.42), "goa": (0.70, 0.50), "roa": (0.85, 0.60)},
    {DQN_RAO: (0.44, 0.54), "goa": (0.50, 0.61), "roa": (0.55, 0.78)},
)
REVERSED = made_up_results(
    {DQN_RAO: 0.80, "goa": 0.95, "roa": 0.79},
    {DQN_RAO: (0.44, 0.64), "goa": (0.50, 0.70), "roa": (0.43, 0.53)},
    noise=(0.1, 0.2, 0.3, 0.4),
)


def test_all_claims_hold_where_the_numbers_are_the_papers():
    assert {claim.verdict for claim in claims(AS_STATED)} == {HOLDS}


def test_no_claim_on_order_or_values_at_5_ghz_holds_where_the_numbers_say_otherwise():
    verdicts = {claim.says: claim.verdict for claim in claims(REVERSED)}
    held = [says for says, verdict in verdicts.items() if verdict is HOLDS]
    assert held == ["At 5 GHz DQN-RAO is over 14% below GOA"]
    assert OPEN not in verdicts.values()


def test_a_margin_within_its_interval_is_not_settled():
    close = {DQN_RAO: (0.60, 0.42), "goa": (0.70, 0.50), "roa": (0.60001, 0.60)}
    results = made_up_results(close, {DQN_RAO: (0.44, 0.54), "goa": 0.6, "roa": (0.55, 0.78)})
    lowest = claims(results)[0]
    assert lowest.verdict is OPEN
    assert "ROA, of 2 points: below at 1, no difference settled at 1" in lowest.measured


def test_the_page_is_the_same_each_time_and_its_links_lead_to_its_sections():
    page = markdown(AS_STATED)
    assert page == markdown(AS_STATED)
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    for claim in claims(AS_STATED):
        assert claim.section in headings
        assert f"(#{anchor(claim.section)})" in page
    assert f"claims, holds: {len(claims(AS_STATED))}; does not hold: 0; not settled: 0." in page


def test_the_text_says_what_the_numbers_say():
    page = markdown(AS_STATED)
    shared = nearest.with_changes(READINGS, bandwidth="B/M each")
    sides = ("density, W/Hz", "one deployment", "Eq. (20)", "as it is")
    assert (shared.noise, shared.servers, shared.shares, shared.goa) == sides
    plain = page.replace("\n", " ")
    assert "**0.729 s**" in page
    assert "DQN-RAO's 0.60 s and GOA's 0.70 s lie below it" in plain
    assert "6.1 GHz" in page  # 5 GHz x 0.7286 / 0.60
    assert "computes for 0.23 s and transmits for 0.32 s" in plain
    assert "did not learn" not in page
    blind = made_up_results(
        {DQN_RAO: 0.6, "goa": 0.7, "roa": 0.8}, {DQN_RAO: 0.6, "goa": 0.7, "roa": 0.8}, feasible=0.1
    )
    assert "did not learn to keep to capacity: it does in 10.0% of slots" in markdown(
        blind
    ).replace("\n", " ")
    assert "quick preview" not in page
    assert "quick preview" in markdown(made_up_results(
        {DQN_RAO: 0.6, "goa": 0.7, "roa": 0.8}, {DQN_RAO: 0.6, "goa": 0.7, "roa": 0.8}, quick=True
    ))  # fmt: skip


def test_readings_cover_every_combination_and_the_default_is_the_plain_scenario():
    choices = {(r.noise, r.bandwidth, r.servers, r.shares, r.goa) for r in READINGS}
    assert len(choices) == len(READINGS) == 2**5
    default = next(
        r
        for r in READINGS
        if (r.noise, r.bandwidth, r.servers, r.shares, r.goa)
        == ("density, W/Hz", "B each", "one deployment", "Eq. (20)", "as it is")
    )
    slots = mec_gym.Scenario.preset("paper-frequency", server_hz=5e9).sample(10, 0)
    goa = mec_gym.average_delay(slots, mec_gym.policies.get("goa")(slots, 0)).mean()
    assert default.goa_5ghz == pytest.approx(goa)
    got = [default.optimum_5ghz, default.goa_5ghz, default.roa_5ghz]
    off = np.sqrt(np.mean((np.array(got) / [0.60, 0.70, 0.85] - 1) ** 2))
    assert default.distance_figure_4 == pytest.approx(off)
    assert sorted(READINGS, key=lambda reading: reading.distance) == READINGS
    shared = next(r for r in READINGS if r.bandwidth == "B/M each" and r.noise == "power, W")
    assert shared.optimum_5ghz > default.optimum_5ghz  # nine times the transmission


def test_the_table_of_readings_shows_the_default_each_single_change_and_the_nearest():
    table = nearest.explain(READINGS)
    starts = ("our default", "σ² as power, W |", "B/M each |", "servers drawn each slot |",
              "shares equal |", "GOA within capacity |")  # fmt: skip
    for start in starts:
        assert f"| {start}" in table
    best = READINGS[0]
    (line,) = (line for line in table.splitlines() if "nearest to all" in line)
    assert f"{best.distance:.0%}" in line
    assert (f"shares {best.shares}" in line) == (best.shares == "equal")
    assert "**nearest at 5 GHz" in table
    assert "nearest in Fig. 5" in table


def test_the_command_writes_the_page_and_names_what_is_missing(tmp_path, capsys):
    out = tmp_path / "docs" / "page.md"
    flags = ["--results", str(tmp_path), "--out", str(out)]
    assert reproduction.main(flags) == 2
    assert "no finished figures in it; run `make figures` first" in capsys.readouterr().err
    (tmp_path / "study.toml").write_text(AS_STATED.study.to_toml())
    write_rows(tmp_path / "fig3.csv", AS_STATED.loss)
    tables = {"fig4": "figure_4", "fig5": "figure_5", "scenarios": "scenarios"}
    for name, field in tables.items():
        table = getattr(AS_STATED, field)
        write_rows(tmp_path / f"{name}.csv", table.rows)
        write_rows(tmp_path / f"{name}-margins.csv", table.margins)
    assert reproduction.main(flags) == 2
    assert "readings.csv" in capsys.readouterr().err
    assert not out.exists()
    write_rows(tmp_path / "readings.csv", READINGS)
    assert reproduction.main(flags) == 0
    assert out.read_text() == markdown(AS_STATED)


def test_the_stated_margins_are_those_of_the_stated_values():
    at_5ghz = {name: at[5] for name, at in stated.FIGURE_4.items()}
    for other, margin in stated.MARGINS.items():
        assert 0 < 1 - at_5ghz[DQN_RAO] / at_5ghz[other] - margin < 0.01
    assert isinstance(READINGS[0], Reading)
