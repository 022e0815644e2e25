"""`python -m evaluate` as a user types it: the JSON of the contract, the table, the refusals."""

import json

import numpy as np
import pytest

import mec_gym
from evaluate.__main__ import main
from mec_gym.benchmark.models import runs_of
from mec_gym.policies.trained import save_policy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import make_dqn, snapshot
from mec_gym.scenario import Scenario


@pytest.fixture
def run(tmp_path):
    config = TrainConfig(seed=7)
    directory = tmp_path / "run"
    directory.mkdir()
    save_policy(snapshot(make_dqn(config), config), directory)
    return directory


def own_file(directory):
    path = directory / "site.toml"
    path.write_text(Scenario(num_devices=4).to_toml())
    return str(path)


def own_module(directory):
    (directory / "title_site.py").write_text(
        "from mec_gym import Scenario\nSITE = Scenario(num_devices=4)\n"
    )
    return "title_site:SITE"


@pytest.mark.parametrize("own", [own_file, own_module])
def test_the_title_and_the_json_say_what_scenario_was_given(own, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    path, source = tmp_path / "result.json", own(tmp_path)
    flags = ["--scenario", source, "--policies", "roa", "goa", "--instances", "5"]
    assert main([*flags, "--json", str(path)]) == 0
    assert f"\n{source}: 5 slots, seed 1000001\n" in capsys.readouterr().out
    assert json.loads(path.read_text())["scenario"] == source


def test_a_scenario_that_no_one_gave_is_called_by_the_run_that_brings_it(tmp_path, capsys):
    config = TrainConfig(scenario=Scenario(num_devices=4, capacity=2))
    save_policy(snapshot(make_dqn(config), config), tmp_path)
    assert main(["--model", str(tmp_path), "--instances", "5"]) == 0
    assert f"\nscenario of {tmp_path}: 5 slots" in capsys.readouterr().out


def test_the_json_holds_what_the_contract_says_for_each_policy(run, tmp_path, capsys):
    path = tmp_path / "result.json"
    names = ["roa", "least-delay"]
    flags = ["--scenario", "paper", "--instances", "40", "--seed", "3", "--json", str(path)]
    assert main([*flags, "--model", str(run), "--policies", *names]) == 0
    result = json.loads(path.read_text())
    assert (result["scenario"], result["instances"], result["seed"]) == ("paper", 40, 3)
    assert [row["name"] for row in result["policies"]] == ["dqn-rao", *names]
    slots = mec_gym.Scenario.preset("paper").sample(40, 3)
    optimum = mec_gym.average_delay(slots, mec_gym.policies.get("optimal")(slots, 0))
    for row, name in zip(result["policies"][1:], names, strict=True):
        delay = mec_gym.average_delay(slots, mec_gym.policies.get(name)(slots, 3))
        assert row["average_delay"]["mean"] == pytest.approx(delay.mean())
        half = 2.0227 * delay.std(ddof=1) / np.sqrt(40)  # Student's t, 39 degrees of freedom
        assert row["average_delay"]["ci95"] == pytest.approx(half, rel=1e-4)
        assert row["gap"]["mean"] == pytest.approx((delay / optimum - 1).mean(), abs=1e-9)
        assert row["gap"]["max"] == pytest.approx((delay / optimum - 1).max(), abs=1e-9)
        assert row["gap"]["reference"] == "optimum"
        assert row["feasible_rate"] == 1
        assert row["decision_seconds"] > 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_differences_are_taken_slot_by_slot(run, tmp_path):
    path = tmp_path / "result.json"
    assert main(["--policies", "roa", "goa", "--instances", "30", "--json", str(path)]) == 0
    first, second = json.loads(path.read_text())["policies"]
    slots = mec_gym.Scenario.preset("paper").sample(30, 1_000_001)
    delays = [
        mec_gym.average_delay(slots, mec_gym.policies.get(name)(slots, 1_000_001))
        for name in ("roa", "goa")
    ]
    difference = delays[1] - delays[0]
    half = 2.0452 * difference.std(ddof=1) / np.sqrt(30)  # 29 degrees of freedom
    assert first["difference"] == {"mean": 0, "ci95": 0}
    assert second["difference"]["mean"] == pytest.approx(difference.mean())
    assert second["difference"]["ci95"] == pytest.approx(half, rel=1e-4)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--policies", "best"], ["policy: no 'best'", "least-delay"]),
        (["--scenario", "mars"], ["scenario: no 'mars'", "paper"]),
        (["--instances", "1"], ["instances", "1", "at least 2"]),
        (["--instances", "-5"], ["instances: -5;", "at least 2"]),
        (["--seed", "-1"], ["seed: -1;", "at least 0"]),
        (["--time-limit", "0"], ["time_limit: 0"]),
        (["--model", "/nowhere"], ["/nowhere", "not a run directory"]),
        (["--json", "/nowhere/x.json"], ["json", "/nowhere", "make it first"]),
        (["--json", "/tmp"], ["json", "/tmp", "give a file"]),
        (["--markdown", "README.md"], ["markdown", "--benchmark"]),
        (["--benchmark", "paper", "--markdown", "Makefile"], ["markdown", "Makefile", "lines"]),
        (["--benchmark", "moon"], ["benchmark: no 'moon'", "city"]),
        (["--policies"], ["policies", "at least 1"]),
        (["--policies", "roa,goa"], ["policies: 'roa,goa'", "spaces", "roa goa"]),
        (["--model", "dqn-rao,regret-mix"], ["model: 'dqn-rao,", "dqn-rao regret-mix"]),
        (["--benchmark", "paper", "--policies", "roa"], ["policies: --benchmark has slots"]),
        (
            ["--benchmark", "--scenario", "slack", "--instances", "9", "--seed", "3"],
            ["scenario, instances, seed: --benchmark has slots", "leave"],
        ),
        (["--scenario", "network"], ["scenario: no 'network'", "*.toml"]),
    ],
)
def test_a_bad_command_line_gets_one_clear_line(flags, words, capsys):
    assert main(flags) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert all(word in message for word in words)


def test_slots_a_model_was_trained_on_are_refused(run, capsys):
    assert main(["--model", str(run), "--seed", "7", "--instances", "10"]) == 2
    assert "seed: 7 is the seed" in capsys.readouterr().err


def test_slots_of_another_shape_than_the_models_are_refused(run, capsys):
    assert main(["--model", str(run), "--scenario", "large", "--instances", "10"]) == 2
    said = capsys.readouterr().err
    assert "9 x 3" in said
    assert "such as regret-mix" in said


def test_a_refused_command_leaves_no_file(tmp_path):
    path = tmp_path / "result.json"
    assert main(["--policies", "best", "--json", str(path)]) == 2
    assert not list(tmp_path.iterdir())


def test_the_same_run_twice_is_refused_and_two_seeds_are_one_row(run, tmp_path, capsys):
    assert main(["--model", str(run), str(run), "--instances", "10"]) == 2
    assert "again" in capsys.readouterr().err
    other = tmp_path / "other"
    other.mkdir()
    config = TrainConfig(seed=8)
    save_policy(snapshot(make_dqn(config), config), other)
    path = tmp_path / "result.json"
    flags = ["--model", str(run), str(other), "--instances", "10", "--json", str(path)]
    assert main(flags) == 0
    first, *_ = json.loads(path.read_text())["policies"]
    slots = mec_gym.Scenario.preset("paper").sample(10, 1_000_001)
    optimum = mec_gym.average_delay(slots, mec_gym.policies.get("optimal")(slots, 0))
    means = [
        (mec_gym.average_delay(slots, mec_gym.load_policy(one)(slots)) / optimum - 1).mean()
        for one in (run, other)
    ]
    assert first["seeds"] == 2
    assert first["gap"]["mean"] == pytest.approx(np.mean(means))
    assert first["gap"]["worst_seed"] == pytest.approx(max(means))
    half = 12.706 * np.std(means, ddof=1) / np.sqrt(2)  # Student's t, 1 degree of freedom
    assert first["gap"]["seeds_ci95"] == pytest.approx(half, rel=1e-4)


def test_a_directory_of_seeds_stands_for_its_runs(run, tmp_path, capsys):
    seeds = tmp_path / "seeds"
    for seed in (10, 9):
        config = TrainConfig(seed=seed)
        (seeds / f"seed-{seed}").mkdir(parents=True)
        save_policy(snapshot(make_dqn(config), config), seeds / f"seed-{seed}")
    assert runs_of(str(seeds)) == [f"{seeds}/seed-9", f"{seeds}/seed-10"]
    assert runs_of(str(run)) == [str(run)]
    with pytest.raises(ValueError, match=r"give one of its runs, such as .*seed-10"):
        mec_gym.load_policy(seeds)
    path = tmp_path / "result.json"
    assert main(["--model", str(seeds), str(run), "--instances", "5", "--json", str(path)]) == 0
    assert json.loads(path.read_text())["policies"][0]["seeds"] == 3


def test_the_leaderboard_replaces_what_stands_between_its_marks(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- leaderboard -->\nold\n<!-- end of leaderboard -->\nafter\n")
    assert main(["--benchmark", "paper", "slack", "--markdown", str(path)]) == 0
    text = path.read_text()
    assert text.startswith("before\n<!-- leaderboard -->\n| policy | paper | slack |\n")
    assert text.endswith("<!-- end of leaderboard -->\nafter\n")
    assert "old" not in text
    assert all(f"| {name} |" in text for name in ("roa", "goa", "least-delay", "local-search"))


def test_polished_models_are_rows_of_their_own_and_no_worse(tmp_path):
    path = tmp_path / "result.json"
    flags = ["--model", "regret-mix", "--scenario", "slack", "--instances", "50", "--polish"]
    assert main([*flags, "--policies", "roa", "--json", str(path)]) == 0
    rows = json.loads(path.read_text())["policies"]
    assert [row["name"] for row in rows] == ["regret-mix", "regret-mix, polished", "roa"]
    assert rows[1]["gap"]["mean"] < rows[0]["gap"]["mean"]


def test_a_polish_of_nothing_is_refused(capsys):
    assert main(["--polish"]) == 2
    assert "polish: it improves models" in capsys.readouterr().err


def test_what_looks_at_gains_to_come_is_called_hindsight(tmp_path):
    path = tmp_path / "result.json"
    flags = ["--scenario", "fast-fading", "--instances", "30", "--json", str(path), "--polish"]
    names = ["local-search", "goa"]
    assert main([*flags, "--policies", *names, "--model", "regret-mix"]) == 0
    rows = [row["name"] for row in json.loads(path.read_text())["policies"]]
    assert rows == [
        "regret-mix",
        "regret-mix, polished in hindsight",
        "local-search (hindsight)",
        "goa",
    ]


def test_what_looks_at_hidden_tasks_is_called_hindsight_or_refused(tmp_path, capsys):
    path = tmp_path / "result.json"
    flags = ["--scenario", "online", "--instances", "30", "--json", str(path)]
    names = ["local-search", "least-delay"]
    assert main([*flags, "--policies", *names, "--model", "regret-online"]) == 0
    rows = [row["name"] for row in json.loads(path.read_text())["policies"]]
    assert rows == ["regret-online", "local-search (hindsight)", "least-delay"]
    assert main([*flags, "--model", "regret-mix"]) == 2
    assert "looks at tasks that the scenario's lookahead of 0 hides" in capsys.readouterr().err
