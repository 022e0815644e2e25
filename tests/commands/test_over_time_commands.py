"""Commands on slots that follow one another."""

import json

import pytest

from mec_gym.__main__ import main
from mec_gym.benchmark.models import find_policy
from mec_gym.policies.foresight import ForesightPolicy

SHORT = "slots = 6\nslot_s = 0.4\ncapacity = 5\n[arrivals]\nprobability = 0.8\n"


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    return path


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


def test_plans_are_of_slots_by_themselves(network, tmp_path, capsys):
    assert main(["plan", str(network), "--out", str(tmp_path / "plan")]) == 2
    assert "network: its slots follow one another" in capsys.readouterr().err
    assert not (tmp_path / "plan").exists()


def test_there_is_nothing_to_learn_where_slots_follow_no_others(tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "none"
    assert main(["train", "foresight", "--scenario", "paper", "--out", str(out)]) == 2
    assert "leave no work over" in capsys.readouterr().err
    assert not out.exists()
