"""`python -m evaluate --instance FILE`: slots of a user's own, one of them or many."""

import json
import math

import numpy as np
import pytest

from evaluate.__main__ import main
from mec_gym import Scenario, average_delay, policies
from mec_gym.snapshots import load
from mec_gym.system import average_cost

NAMES = ["roa", "local-search"]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory with a network and a table of tasks in three slots."""
    monkeypatch.chdir(tmp_path)
    network = Scenario(num_devices=5, num_servers=2, capacity=(3, 4), servers="per-slot")
    (tmp_path / "network.toml").write_text(network.to_toml())
    rng = np.random.default_rng(0)
    rows = [f"{b:.0f};{c:.0f};{n // 5}" for n, (b, c) in enumerate(rng.uniform(1e5, 1e9, (15, 2)))]
    (tmp_path / "tasks.csv").write_text("Bits;Cycles;Slot\n" + "\n".join(rows))
    Scenario().sample(4, 0).save(tmp_path / "slots.npz")
    return network


def evaluated(*flags):
    """Return the JSON of the command."""
    assert main([*flags, "--policies", *NAMES, "--json", "result.json"]) == 0
    with open("result.json") as file:
        return json.load(file)


def delays(slots, seed=1_000_001):
    return [average_delay(slots, policies.get(name)(slots, seed)).mean() for name in NAMES]


def test_a_table_is_played_on_the_network(site, capsys):
    result = evaluated("--instance", "tasks.csv", "--scenario", "network.toml")
    assert (result["instance"], result["scenario"], result["instances"]) == (
        "tasks.csv",
        "network.toml",
        3,
    )
    slots, _ = load("tasks.csv", site, seed=1_000_001)
    found = [row["average_delay"]["mean"] for row in result["policies"]]
    assert found == pytest.approx(delays(slots))
    assert all(row["average_delay"]["ci95"] > 0 for row in result["policies"])
    assert "\ntasks.csv on network.toml: 3 slots, seed 1000001\n" in capsys.readouterr().out


@pytest.mark.filterwarnings("error")
def test_one_slot_has_null_for_its_interval_and_a_dash_in_the_table(site, capsys):
    flags = ["--instance", "tasks.csv", "--scenario", "network.toml", "--slot", "2"]
    result = evaluated(*flags)
    slots, _ = load("tasks.csv", site, seed=1_000_001, slot=2)
    for row, delay in zip(result["policies"], delays(slots), strict=True):
        assert row["average_delay"] == {"mean": pytest.approx(delay), "ci95": None}
        assert row["average_cost"] == row["average_delay"]
        assert row["difference"]["ci95"] is None
        assert math.isfinite(row["gap"]["mean"])
    printed = capsys.readouterr().out
    assert "tasks.csv on network.toml: 1 slot, seed" in printed
    assert f"{delays(slots)[1]:.4f} ± -" in printed
    assert "which one slot alone has not" in printed
    assert "nan" not in printed
    assert "inf" not in printed


def test_weights_of_the_table_count_in_the_cost_and_in_the_gap(site, tmp_path):
    rows = (tmp_path / "tasks.csv").read_text().splitlines()
    weighted = [f"{row};{1 + number % 3}" for number, row in enumerate(rows[1:])]
    (tmp_path / "weighted.csv").write_text("\n".join([f"{rows[0]};weight", *weighted]))
    result = evaluated("--instance", "weighted.csv", "--scenario", "network.toml")
    slots, _ = load("weighted.csv", site, seed=1_000_001)
    optimum = average_cost(slots, policies.get("optimal")(slots, 0))
    for row, name in zip(result["policies"], NAMES, strict=True):
        cost = average_cost(slots, policies.get(name)(slots, 1_000_001))
        assert (
            row["average_cost"]["mean"]
            == pytest.approx(cost.mean())
            != pytest.approx(row["average_delay"]["mean"])
        )
        assert row["gap"]["mean"] == pytest.approx((cost / optimum - 1).mean(), abs=1e-9)


def test_an_instance_file_is_played_as_it_is(site):
    result = evaluated("--instance", "slots.npz")
    assert (result["scenario"], result["instances"]) == (None, 4)
    found = [row["average_delay"]["mean"] for row in result["policies"]]
    assert found == pytest.approx(delays(Scenario().sample(4, 0)))
    assert evaluated("--instance", "slots.npz", "--scenario", "paper")["instances"] == 4
    assert evaluated("--instance", "slots.npz", "--slot", "1")["instances"] == 1


def test_trained_networks_play_the_slots_too(site):
    flags = ["--instance", "slots.npz", "--model", "regret-mix", "regret-online"]
    names = [row["name"] for row in evaluated(*flags)["policies"]]
    assert [name for name in names if "or prices" not in name] == [
        "regret-mix",
        "regret-online",
        *NAMES,
    ]


def test_one_drawn_slot_can_be_compared(site):
    result = evaluated("--scenario", "paper", "--instances", "1")
    assert result["policies"][0]["average_delay"]["ci95"] is None


def test_shards_play_one_slot_as_this_process_does(site, tmp_path):
    flags = ["--instance", "slots.npz", "--slot", "1"]
    here, there = evaluated(*flags), evaluated(*flags, "--processes", "1")
    for one, other in zip(here["policies"], there["policies"], strict=True):
        assert one["average_delay"] == other["average_delay"]
        assert one["gap"] == other["gap"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--instance", "tasks.csv"], ["scenario: tasks.csv lists tasks alone"]),
        (["--instance", "tasks.csv", "--scenario", "slack", "--slot", "8"], ["slot: 8;", "0 to 2"]),
        (["--instance", "none.csv", "--scenario", "slack"], ["none.csv", "No such file"]),
        (["--instance", "network.toml"], ["instance", "network.toml", "*.npz"]),
        (["--instance", "slots.npz", "--scenario", "slack"], ["instance", "capacity"]),
        (["--instance", "slots.npz", "--instances", "4"], ["instance", "leave out --instances"]),
        (["--instance", "slots.npz", "--benchmark", "paper"], ["instance", "--benchmark"]),
        (["--slot", "2"], ["slot: 2;", "--instance"]),
    ],
)
def test_what_cannot_be_played_gets_one_clear_line(site, flags, words, capsys):
    assert main([*flags, "--policies", *NAMES]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert all(word in message for word in words), message
