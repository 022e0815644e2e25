"""Commands on slots that follow one another."""

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest

from mec_gym import Scenario, episodes, policies
from mec_gym.__main__ import main
from mec_gym.benchmark.models import find_policy
from mec_gym.planning.draws import common_episodes
from mec_gym.policies.foresight import ForesightPolicy

SHORT = "slots = 6\nslot_s = 0.4\ncapacity = 5\n[arrivals]\nprobability = 0.8\n"


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(
        "num_devices = 5\nnum_servers = 2\ncapacity = 5\nslots = 5\nslot_s = 0.3\n"
        "[arrivals]\nprobability = 0.8\n"
    )
    return path


def table(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_episodes_are_played_and_written(network, tmp_path, capsys):
    out = tmp_path / "result.json"
    names = ["least-delay", "lyapunov", "backlog-prices", "regret-family"]
    arguments = ["--instances", "3", "--policies", *names, "--json", str(out)]
    assert main(["evaluate", "--scenario", str(network), *arguments]) == 0
    said = capsys.readouterr().out
    assert "3 episodes of 6 slots" in said
    result = json.loads(out.read_text())
    assert [each["name"] for each in result["policies"]] == names
    assert result["slots"] == 6
    assert all(each["above_bound"] >= 0 for each in result["policies"])
    assert result["loads"] == pytest.approx([1.16] * 6, abs=0.01)
    assert result["said"][0].startswith("Load 1.16: the servers cannot do this work")
    assert result["said"][0] in said


def test_what_is_learnt_is_evaluated(network, tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "learnt"
    quick = ["--rounds", "1", "--episodes", "5", "--steps", "20", "--heldout-episodes", "2"]
    learning = ["train", "foresight", "--scenario", str(network), "--out", str(out), *quick]
    assert main([*learning, "--seeds", "0:2"]) == 0
    assert isinstance(find_policy(str(out / "seed-1")), ForesightPolicy)
    assert "round 1 of 1" in capsys.readouterr().out
    arguments = ["--instances", "2", "--model", str(out), "--policies", "least-delay"]
    assert main(["evaluate", "--scenario", str(network), *arguments]) == 0
    said = capsys.readouterr().out
    assert "of 2" in said
    assert "foresight" in said
    assert main([*learning, "--seeds", "0:2"]) == 2
    assert "has a training already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--policies", "prices-online"], "nothing is unseen in slots that follow"),
        (["--policies", "dqn-rao"], "dqn-rao does not play"),
        (["--polish", "--model", "regret-mix"], "polish: it improves slots by themselves"),
        (["--processes", "2"], "episodes are played in this process"),
    ],
)
def test_what_does_not_go_with_episodes_is_refused(network, arguments, said, capsys):
    assert main(["evaluate", "--scenario", str(network), "--instances", "2", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("policy", ["lyapunov", "backlog-prices"])
def test_prices_of_work_left_over_are_refused_where_there_is_none(policy, capsys):
    assert main(["evaluate", "--instances", "2", "--policies", policy]) == 2
    assert "backlog_cycles" in capsys.readouterr().err


def test_a_plan_of_episodes_says_what_to_run_and_writes_each_slot(small, tmp_path, capsys):
    out = tmp_path / "plan"
    flags = ["--instances", "2", "--policies", "least-delay", "roa", "--target", "p95 <= 0.6 s"]
    assert main(["plan", str(small), "--out", str(out), *flags]) == 0
    said = capsys.readouterr().out
    assert "2 episodes of 5 slots" in said
    assert "\nRun least-delay: " in said
    assert "Load 1.40: the servers cannot do this work" in said
    drawn = {"slots.png", "delays.png"} if find_spec("matplotlib") else set()
    written = {"plan.json", "settings.json", "assignment.csv", "slots.csv"} | drawn
    assert {path.name for path in out.iterdir()} == written
    rows = table(out / "assignment.csv")
    present = Scenario.from_toml(small).sample_episodes(1, 1_000_001).present[0]
    decided = [(int(row["slot"]), int(row["device"])) for row in rows]
    assert decided == [tuple(each) for each in np.argwhere(present).tolist()]
    kept = json.loads((out / "plan.json").read_text())
    assert kept["policies"][0]["quantities"]["above"]["value"] > 0
    assert len(kept["policies"][0]["over_time"]["backlog_s"]) == 5


def test_what_is_varied_of_episodes_is_played_at_each_point(small, tmp_path, capsys):
    out = tmp_path / "plan"
    flags = ["--instances", "2", "--policies", "least-delay", "--processes", "1"]
    vary = ["--vary", "slot_s", "0.3,0.6", "--target", "backlog <= 60 ms"]
    assert main(["plan", str(small), "--out", str(out), *flags, *vary]) == 0
    said = capsys.readouterr().out
    assert "2 episodes a point" in said
    assert "slot_s 0.3: load 1.40: the servers cannot do this work" in said
    assert "slot_s 0.6 is the least that meets it" in said
    first, second = table(out / "sweep.csv")
    assert float(first["load"]) == pytest.approx(2 * float(second["load"]))
    assert float(first["backlog"]) > float(second["backlog"])
    assert float(first["bound_s"]) <= float(first["best_known_s"]) <= float(first["cost"])
    point = json.loads((out / "plan.json").read_text())["points"][1]
    drawn = common_episodes(Scenario.from_toml(small).replace(slot_s=0.6), 2, 1_000_001, 5)
    policy = policies.get("least-delay")
    played = episodes.play(drawn, lambda slots, number: policy(slots, 0))
    mean = (played.cost.sum(axis=(1, 2)) / drawn.present.sum(axis=(1, 2))).mean()
    assert point["played"][0]["quantities"]["cost"]["value"] == pytest.approx(mean)
    assert point["played"][0]["slot_seconds"] is None


def test_there_is_nothing_to_learn_where_slots_follow_no_others(tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "none"
    assert main(["train", "foresight", "--scenario", "paper", "--out", str(out)]) == 2
    assert "leave no work over" in capsys.readouterr().err
    assert not out.exists()
