"""A trained network that meets what its training never showed it is told of, and made safe."""

import json
import warnings

import numpy as np
import pytest

from evaluate.__main__ import main
from mec_gym import PlausibilityWarning, Scenario, load_policy, policies
from mec_gym.benchmark import frozen
from mec_gym.benchmark.models import OrPrices
from mec_gym.policies.familiar import unfamiliar, warn
from mec_gym.problem import Problem


def on(name, benchmark, count=20):
    scenario = Scenario.preset(benchmark)
    return load_policy(name).for_scenario(scenario), frozen.load(benchmark).slots[:count]


@pytest.mark.parametrize("benchmark", ["paper", "paper-varied", "slack", "large", "city"])
def test_slots_as_in_training_and_other_sizes_are_familiar(benchmark):
    assert unfamiliar(*on("regret-mix", benchmark)) is None


@pytest.mark.parametrize("benchmark", ["energy", "tiers", "suburb"])
def test_columns_and_radio_on_a_map_are_not_for_a_network_of_the_papers_slots(benchmark):
    found = unfamiliar(*on("regret-mix", benchmark))
    assert found.share > 0.9
    assert found.beyond > 1
    assert list(found.features) == sorted(set(found.features))


@pytest.mark.parametrize("benchmark", ["tiers", "suburb", "slack"])
def test_they_are_for_one_that_was_trained_on_a_family(benchmark):
    assert unfamiliar(*on("regret-family", benchmark)) is None


def test_a_network_of_one_size_and_policies_of_rules_are_not_looked_at():
    slots = Scenario().sample(2, seed=1)
    assert unfamiliar(load_policy("dqn-rao"), slots) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not warn(policies.get("least-delay"), "least-delay", slots)


@pytest.mark.filterwarnings("default")
def test_the_warning_says_how_many_slots_and_which_columns():
    policy, slots = on("regret-mix", "suburb")
    with pytest.warns(PlausibilityWarning, match=r"^model: 100% of the slots show mine .* columns"):
        assert warn(policy, "mine", slots)


def test_made_safe_it_costs_the_less_of_itself_and_of_prices_and_keeps_to_places():
    policy, slots = on("regret-mix", "tiers")
    problem = Problem.of(slots)
    safe = OrPrices(policy)(slots, 0)
    own, other = problem.cost(policy(slots)), problem.cost(policies.get("prices")(slots, 0))
    np.testing.assert_array_equal(problem.cost(safe), np.minimum(own, other))
    over = OrPrices(lambda slots, seed: np.zeros(slots.task_cycles.shape, np.int64))(slots, 0)
    assert problem.is_feasible(over).all()


def test_evaluate_warns_in_one_line_and_shows_the_row_made_safe(capsys):
    flags = ["--policies", "prices", "--model", "regret-mix", "--instances", "5"]
    assert main(["--scenario", "suburb", *flags]) == 0
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("warning: model: 100% of the slots show regret-mix what")
    assert "regret-mix, or prices" in said.out
    assert main(["--scenario", "slack", *flags]) == 0
    said = capsys.readouterr()
    assert not said.err
    assert "or prices" not in said.out


def test_where_the_future_is_hidden_the_row_made_safe_is_held_to_prices(capsys, tmp_path):
    scenario, path = tmp_path / "online.toml", tmp_path / "result.json"
    scenario.write_text(Scenario.preset("suburb").replace(lookahead=0).to_toml())
    flags = ["--policies", "prices-online", "--model", "regret-online", "--json", str(path)]
    assert (
        main(["--scenario", str(scenario), *flags, "--instances", "3", "--time-limit", "0.01"]) == 0
    )
    assert "slots show regret-online what" in capsys.readouterr().err
    alone, held, prices = json.loads(path.read_text())["policies"]
    assert held["name"] == "regret-online, or prices-online"
    assert held["gap"]["mean"] < prices["gap"]["mean"] + 0.03 < alone["gap"]["mean"]


@pytest.mark.parametrize(("scenario", "row"), [("online", "prices-online"), ("slack", "prices")])
def test_with_safe_each_network_has_such_a_row(scenario, row, tmp_path):
    path = tmp_path / "result.json"
    flags = ["--model", "regret-online", "--instances", "4", "--json", str(path), "--safe"]
    assert main(["--scenario", scenario, *flags, "--policies", "least-delay"]) == 0
    rows = json.loads(path.read_text())["policies"]
    names = ["regret-online", f"regret-online, or {row}", "least-delay"]
    assert [each["name"] for each in rows] == names
    if scenario == "online":  # it sees the present alone, so it has the other gap as well
        assert rows[1]["online_gap"] is not None


def test_safe_is_not_for_benchmarks(capsys):
    assert main(["--benchmark", "paper", "--safe"]) == 2
    assert "safe: it is for networks on a scenario" in capsys.readouterr().err
