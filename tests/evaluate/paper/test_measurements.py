"""The numbers of the figures, and the tables that keep them."""

import numpy as np
import pytest

import mec_gym
from evaluate.paper.measurements import Margin, Row, measure, read_rows, write_rows
from evaluate.paper.study import Point


def test_the_numbers_are_those_of_average_delay_on_the_same_slots(tmp_path):
    scenario = mec_gym.Scenario.preset("paper")
    policies = {name: mec_gym.policies.get(name) for name in ("roa", "goa", "optimal")}
    seeds = [policies["roa"], policies["goa"]]
    rows, margins = measure([Point("paper", 7, scenario)], {"paper": {"dqn-rao": seeds}}, 30, 9)
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv", Row) == rows
    assert [row.policy for row in rows] == [
        "dqn-rao", "roa", "goa", "goa-capacity", "least-delay", "optimal",
    ]  # fmt: skip
    slots = scenario.sample(30, 9)
    delay = {n: mec_gym.average_delay(slots, p(slots, 9)) for n, p in policies.items()}
    by_name = {row.policy: row for row in rows}
    assert by_name["roa"].delay_s == pytest.approx(delay["roa"].mean())
    assert by_name["roa"].gap == pytest.approx((delay["roa"] / delay["optimal"] - 1).mean())
    assert by_name["optimal"].gap == 0
    # Student's t with 29 degrees of freedom over slots, and with 1 over seeds.
    half = 2.04523 * delay["roa"].std(ddof=1) / np.sqrt(30)
    assert by_name["roa"].delay_ci95_slots_s == pytest.approx(half, rel=1e-5)
    assert by_name["roa"].delay_ci95_seeds_s is None
    trained = by_name["dqn-rao"]
    means = np.array([delay["roa"].mean(), delay["goa"].mean()])
    assert (trained.seeds, trained.x) == (2, 7)
    assert trained.delay_s == pytest.approx(means.mean())
    half = 12.7062 * means.std(ddof=1) / np.sqrt(2)
    assert trained.delay_ci95_seeds_s == pytest.approx(half, rel=1e-5)
    feasible = mec_gym.is_feasible(slots, policies["goa"](slots, 9)).mean()
    assert by_name["goa"].feasible_rate == pytest.approx(feasible)
    assert trained.feasible_rate == pytest.approx((1 + feasible) / 2)
    margin = next(m for m in margins if (m.policy, m.other) == ("dqn-rao", "goa"))
    assert margin.margin == pytest.approx(1 - means.mean() / delay["goa"].mean())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scenario,policy\npaper,roa\n", ["line 2", "seeds", "delay_s"]),
        ("scenario,x,policy,other,margin,ci95\n", ["no rows"]),
        ("scenario,x,policy,other,margin,ci95\n5GHz,5,roa,goa,much,0\n", ["line 2", "margin"]),
    ],
)
def test_a_damaged_table_is_refused_with_file_line_and_remedy(tmp_path, text, words):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"rows\.csv: .*; make it anew with `make figures`") as got:
        read_rows(path, Row if "delay_s" in words else Margin)
    assert all(word in str(got.value) for word in words)
