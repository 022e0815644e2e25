"""`mec-gym plan` as a user types it: what it prints and writes, goes on with and refuses."""

import csv
import json
import re
import sys

import numpy as np
import pytest
from terminal import on_a_terminal

import mec_gym
from mec_gym import Scenario, system
from mec_gym.__main__ import main
from mec_gym.channels import PathLossChannel
from mec_gym.commands import plan as command
from mec_gym.jobs.pieces import do
from mec_gym.planning.draws import common_slots
from mec_gym.planning.folder import SETTINGS_FILE
from mec_gym.solvers.exact import solve

SITES = ((50, 50), (350, 60), (200, 350), (60, 340))
PLACED = Scenario(
    num_devices=8,
    num_servers=4,
    capacity=(3, 4, 3, 5),
    servers="listed",
    server_hz=(6e9, 7e9, 8e9, 5e9),
    channel=PathLossChannel(side_m=400, server_positions_m=SITES),
    noise_psd=4e-21,
)
SHORT = ["--instances", "12", "--seed", "3"]


class Here:
    """Workers in this process; after so many pieces comes Ctrl-C."""

    count, where = 1, "here"
    done: list

    def __init__(self, interrupt_after=None):
        self.done, self.left = [], interrupt_after

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def unfinished(self, local):
        return None

    def outcomes(self, pieces, unfinished):
        for piece in pieces:
            if len(self.done) == self.left:
                raise KeyboardInterrupt
            self.done.append(piece.name)
            yield do(piece, None)


@pytest.fixture
def here(monkeypatch):
    workers = Here()
    monkeypatch.setattr(command.Arguments, "workers", lambda self: workers)
    return workers


@pytest.fixture
def network(tmp_path):
    path = tmp_path / "network.toml"
    path.write_text(PLACED.to_toml())
    return str(path)


def planned(out, *words):
    """Plan, and return what plan.json says."""
    assert main(["plan", *map(str, words), "--out", str(out), *SHORT]) == 0
    return json.loads((out / "plan.json").read_text())


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_network_is_said_which_policy_to_run_with_all_its_numbers(network, tmp_path, capsys):
    out = tmp_path / "plan"
    said = planned(out, network, "--target", "p95 <= 900 ms")
    slots = PLACED.sample(12, 3)
    searches = ("local-search-prices", "local-search")  # the other if it takes a tenth of the time
    assert said["run"]["name"] in searches
    bound = solve(slots).average_cost.mean()
    assert said["bound"] == {"mean_cost": pytest.approx(bound), "label": "optimum"}
    assert [each["name"] for each in said["policies"]] == [
        *searches,
        "prices",
        "least-delay",
        "roa",
    ]
    for each in said["policies"]:
        assignment = mec_gym.policies.get(each["name"])(slots, 3)
        delays = system.task_delays(slots, assignment)
        assert each["quantities"]["mean"]["value"] == pytest.approx(delays.mean())
        assert each["quantities"]["p95"]["value"] == pytest.approx(np.percentile(delays, 95))
        assert each["load"] == pytest.approx(system.server_loads(slots, assignment).mean(axis=0))
        assert each["slot_seconds"] > 0
        measure = each["quantities"]["p95"]
        met = "met" if measure["high"] <= 0.9 else "perhaps"
        assert each["target"] == (met if measure["value"] <= 0.9 else "missed")
    printed, progress = capsys.readouterr()
    assert progress.startswith("playing slots (12) by policies (5), beside optima; ")
    assert f"\nRun {said['run']['name']}: " in printed
    assert re.search(r"p95 <= 900 ms: (not )?met by local-search.*: .* \(95% interval", printed)
    files = {"plan.json", "assignment.csv", "map.png", "delays.png", SETTINGS_FILE}
    assert {path.name for path in out.iterdir()} == files
    assert (out / "map.png").read_bytes().startswith(b"\x89PNG")


def test_the_assignment_is_that_of_the_first_slot_with_places_rates_and_delays(network, tmp_path):
    said = planned(tmp_path / "plan", network, "--no-pictures")
    slot = PLACED.sample(1, 3, places=True)[0]
    assignment = mec_gym.policies.get(said["run"]["name"])(slot, 3)
    rows = table(tmp_path / "plan" / "assignment.csv")
    assert [row["choice"] for row in rows] == [f"server {server}" for server in assignment]
    own = slot.task_bits / slot.tx_delay[np.arange(8), assignment]
    assert [float(row["rate_bit_s"]) for row in rows] == pytest.approx(own.tolist())
    delays = system.task_delays(slot, assignment)
    assert [float(row["delay_s"]) for row in rows] == pytest.approx(delays.tolist())
    energy = system.task_energies(slot, assignment)
    assert [float(row["energy_j"]) for row in rows] == pytest.approx(energy.tolist())
    for row, server, place in zip(rows, assignment, slot.device_places_m, strict=True):
        assert (float(row["x_m"]), float(row["y_m"])) == tuple(place)
        assert (float(row["choice_x_m"]), float(row["choice_y_m"])) == SITES[server]


def test_tasks_that_stay_or_go_to_the_cloud_are_named_so(tmp_path, capsys):
    out = tmp_path / "plan"
    said = planned(out, "tiers", "--policies", "local-search", "--no-pictures")
    assert said["actions"] == ["server 0", "server 1", "server 2", "local", "cloud"]
    rows = table(out / "assignment.csv")
    assert {row["choice"] for row in rows} <= set(said["actions"])
    assert all((row["rate_bit_s"] == "") == (row["choice"] == "local") for row in rows)
    assert all(row["x_m"] == "" for row in rows)
    assert "energy of a" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"plan.json", "assignment.csv", SETTINGS_FILE}


def test_deadlines_met_stand_in_the_table_where_there_are_deadlines(tmp_path, capsys):
    planned(tmp_path / "one", "deadlines", "--no-pictures", "--target", "met >= 50 %")
    printed = capsys.readouterr().out
    assert "   deadlines " in printed
    assert "met >= 50 %: met by local-search" in printed
    planned(tmp_path / "two", "slack", "--no-pictures")
    assert "   deadlines " not in capsys.readouterr().out


def test_where_the_future_is_hidden_no_policy_of_hindsight_is_to_run(tmp_path):
    names = ["--policies", "local-search", "least-delay", "prices-online"]
    said = planned(tmp_path / "plan", "online", *names, "--no-pictures")
    assert said["run"]["name"] in ("least-delay", "prices-online")
    gaps = {each["name"]: each["online_gap"] for each in said["policies"]}
    assert gaps["local-search (hindsight)"] is None
    assert 0 <= gaps["prices-online"] < gaps["least-delay"]
    said = planned(tmp_path / "other", "online", "--no-pictures")
    assert said["run"]["name"] in ("local-search-online", "prices-online")
    assert "local-search-online" in [each["name"] for each in said["policies"]]


def test_what_is_varied_has_bounds_and_policies_at_each_point(tmp_path, here, capsys):
    out = tmp_path / "plan"
    flags = ["--vary", "num_servers", "2:5", "--target", "p95 <= 0.9 s"]
    said = planned(out, "slack", *flags)
    assert [each["values"] for each in said["points"]] == [[2], [3], [4], [5]]
    for each in said["points"]:
        scenario = Scenario.preset("slack", num_servers=each["values"][0])
        slots = common_slots(scenario, 12, 3, 9)
        assert each["bound"] == pytest.approx(solve(slots).average_cost.mean())
        for played in each["played"]:
            assignment = mec_gym.policies.get(played["name"])(slots, 3)
            delays = system.task_delays(slots, assignment)
            assert played["quantities"]["cost"]["value"] == pytest.approx(delays.mean())
            assert played["quantities"]["p99"]["value"] == pytest.approx(np.percentile(delays, 99))
            assert each["bound"] <= played["quantities"]["cost"]["value"] * (1 + 1e-9)
    needed = {each["policy"]: each for each in said["needed"]}
    best = needed["local-search-prices"]
    highs = {
        each["values"][0]: played["quantities"]["p95"]["high"]
        for each in said["points"]
        for played in each["played"]
        if played["name"] == "local-search-prices"
    }
    assert best["least"] == min(value for value, high in highs.items() if high <= 0.9)
    assert said["best"] == "local-search-prices"
    assert f"num_servers {best['least']} is the least that meets it" in capsys.readouterr().out
    rows = table(out / "sweep.csv")
    assert len(rows) == 4 * 5
    assert rows[0]["policy"] == "local-search-prices"
    assert float(rows[0]["cost"]) == said["points"][0]["played"][0]["quantities"]["cost"]["value"]
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert not list(out.glob("*.new"))


def test_points_that_are_no_networks_are_shown_and_stop_nothing(tmp_path, here, capsys):
    out = tmp_path / "plan"
    said = planned(out, "paper", "--vary", "capacity", "1:4", "--policies", "least-delay")
    assert ["hold" in each["why"] for each in said["points"]] == [True, True, False, False]
    assert "1: no such network: capacity: 3 servers x 1 places" in capsys.readouterr().out
    assert here.done == ["capacity 3", "capacity 4"]
    rows = table(out / "sweep.csv")
    assert rows[0]["network"].startswith("capacity: 3 servers")


def test_slots_without_room_make_a_point_no_network(tmp_path, here):
    radio = PLACED.channel.replace(device_positions_m=SITES)
    near = PLACED.replace(channel=radio, capacity=(8, 8, 8, 8), coverage_m=100.0)
    path = tmp_path / "network.toml"
    path.write_text(near.to_toml())
    flags = ["--vary", "num_servers", "3:4", "--policies", "least-delay", "--no-pictures"]
    said = planned(tmp_path / "plan", path, *flags)
    assert said["points"][0]["why"]
    assert said["points"][0]["played"] == []
    assert said["points"][1]["played"]


def test_a_grid_has_each_combination_and_a_reading_a_row(tmp_path, here, capsys):
    flags = ["--vary", "num_servers", "3,4", "--vary", "server_ghz", "5,9"]
    target = ["--target", "cost <= 0.5 s"]
    said = planned(tmp_path / "plan", "slack", *flags, *target, "--policies", "least-delay", "roa")
    assert [each["values"] for each in said["points"]] == [[3, 5], [3, 9], [4, 5], [4, 9]]
    assert [each["field"] for each in said["vary"]] == ["num_servers", "server_hz"]
    assert [each["before"] for each in said["needed"]] == [[3], [4]] * 2
    slots = common_slots(Scenario.preset("slack", num_servers=4, server_hz=9e9), 12, 3, 9)
    assert said["points"][3]["bound"] == pytest.approx(solve(slots).average_cost.mean())


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    out = tmp_path / "plan"
    flags = ["slack", "--vary", "num_servers", "2:5", "--policies", "least-delay"]
    first = Here(interrupt_after=2)
    monkeypatch.setattr(command.Arguments, "workers", lambda self: first)
    assert main(["plan", *flags, "--out", str(out), *SHORT]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (out / "plan.json").exists()
    second = Here()
    monkeypatch.setattr(command.Arguments, "workers", lambda self: second)
    said = planned(out, *flags)
    assert second.done == ["num_servers 4", "num_servers 5"]
    whole = planned(tmp_path / "whole", *flags)
    assert said == whole
    other = planned(out, *flags, "--target", "p95 <= 1 s")  # only reads what is there
    assert second.done[2:] == ["num_servers 2", "num_servers 3", "num_servers 4", "num_servers 5"]
    assert other["points"] == said["points"]
    assert other["needed"]


def test_a_directory_of_another_plan_is_refused(tmp_path, here, capsys):
    out = tmp_path / "plan"
    planned(out, "slack", "--policies", "roa", "--no-pictures")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    flags = ["plan", "slack", "--policies", "least-delay", "--out", str(out), *SHORT]
    assert main(flags) == 2
    assert "holds another plan (other policies)" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.slow
def test_which_sites_to_build_with_what_is_proven_of_it(network, tmp_path, capsys):
    out = tmp_path / "plan"
    said = planned(out, network, "--where", "2")
    kept = said["sites"]["kept"]
    assert len(kept) == 2
    assert said["actions"] == [f"server {site}" for site in kept]
    assert said["sites"]["least"] <= said["sites"]["bound"] <= said["sites"]["cost"]
    assert f"Build site {kept[0]}, site {kept[1]}: " in capsys.readouterr().out
    rows = table(out / "sites.csv")
    assert [int(row["built"]) for row in rows] == [int(site in kept) for site in range(4)]
    assert [(float(row["x_m"]), float(row["y_m"])) for row in rows] == [*SITES]
    built = Scenario.from_toml(out / "network.toml")
    assert built.channel.server_positions_m == tuple(SITES[site] for site in kept)
    assert built.server_hz == tuple(PLACED.server_hz[site] for site in kept)
    choices = {row["choice"] for row in table(out / "assignment.csv")}
    assert choices <= set(said["actions"])
    assert (out / "map.png").exists()


def test_a_dry_run_says_what_a_sweep_costs_and_keeps_what_it_did(tmp_path, here, capsys):
    out = tmp_path / "plan"
    flags = ["slack", "--vary", "num_servers", "2:5", "--policies", "least-delay"]
    assert main(["plan", *flags, "--out", str(out), *SHORT, "--dry-run"]) == 0
    assert re.match(r"4 pieces, 1 of them finished; about .* here", capsys.readouterr().out)
    assert here.done == ["num_servers 2"]
    planned(out, *flags)
    assert len(here.done) == 4


@pytest.mark.slow
def test_processes_give_the_numbers_of_one(tmp_path, here, monkeypatch):
    sweep = ["slack", "--vary", "num_servers", "2:3", "--policies", "roa", "regret-mix"]
    alone = planned(tmp_path / "here", *sweep, "--no-pictures")
    plain = planned(tmp_path / "one", "slack", "--policies", "roa", "--no-pictures")
    monkeypatch.undo()
    there = planned(tmp_path / "there", *sweep, "--no-pictures", "--processes", "2")
    assert alone == there
    two = ["--processes", "2", "--no-pictures"]
    shared = planned(tmp_path / "two", "slack", "--policies", "roa", *two)
    for each in (plain, shared):
        each["policies"][0].pop("slot_seconds")
    assert plain == shared


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("slack", "--out: must be given; "),
        ("--out X", "NETWORK: must be given; "),
        ("mars --out X", "scenario: no 'mars'"),
        ("no.toml --out X", "no.toml: No such file"),
        ("slack --out X --policies best", "policy: no 'best'"),
        ("slack --out X --instances 0", "instances: 0; it must be at least 1"),
        ("slack --out X --seed -1", "seed: -1; it must be at least 0"),
        ("slack --out X --time-limit 0", "time_limit: 0.0; it must be above 0"),
        ("slack --out X --where 3", "where: 3 of 3 sites; give a number from 1 to 2"),
        ("slack --out X --where 0", "where: 0 of 3 sites; give a number"),
        ("slack --out X --where 1", "where: 1 sites hold 5 of 9 devices at most"),
        ("slack --out X --where 1 --vary capacity 3:4", "where, vary: give one of the two"),
        ("slack --out X --vary capacity 1,2", "vary: no value gives"),
        ("slack --out X --vary capacity", "--vary: "),
        ("slack --out X --vary colour 3:4", "vary: no field 'colour'"),
        ("slack --out X --vary capacity 4:3", "vary: capacity '4:3': from 4 to 3 there is"),
        ("slack --out X --time-limit inf", "time_limit: inf; it must be above 0 seconds, and"),
        ("slack --out X --vary slots 2,3 --vary slot_s 1", "network: its slots follow one"),
        ("queues --out X --vary num_servers 3:4", "network: its slots follow one another"),
        ("slack --out X --vary num_servers 10001,10002", "num_servers: 10001; a plan's bound"),
        ("slack --out X --target fast", "target: 'fast' is not a quantity"),
        ("slack --out X --target met>=9%", "target: met needs deadlines"),
        ("slack --out X --storage Y", "storage: it is for machines of --ray"),
        ("slack --out X --ray auto --processes 2", "processes, ray: give one of the two"),
        ("large --out X --policies dqn-rao", "policy dqn-rao: "),
        ("slack --out X --vary num_servers 3:4 --policies dqn-rao", "policy dqn-rao: "),
        ("online --out X --policies regret-mix", "policies: regret-mix looks at tasks"),
        ("slack --out /proc/x/y --policies roa", "out: /proc/x/y cannot be"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_line_before_work(
    words, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *words.split()], "mec-gym") == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {says}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_into_memory_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    def too_large(*given):
        raise MemoryError("Allocation failed (probably too large).")

    monkeypatch.setattr("mec_gym.planning.plan.shards.Comparison.here", too_large)
    out = tmp_path / "plan"
    assert main(["plan", "slack", "--policies", "roa", "--out", str(out), *SHORT]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[1].startswith("error: memory: Allocation failed")
    assert said.endswith("give fewer devices, servers or slots\n")
    assert not out.exists()


def test_without_matplotlib_it_says_so_before_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert main(["plan", "slack", "--out", str(tmp_path / "x")]) == 2
    said = capsys.readouterr().err
    assert 'pip install "mec-gym[render]", or give --no-pictures' in said
    assert not (tmp_path / "x").exists()
    planned(tmp_path / "x", "slack", "--policies", "roa", "--no-pictures")


@pytest.mark.slow
def test_on_a_terminal_of_80_columns_no_line_of_a_table_is_broken(tmp_path):
    flags = ["plan", "deadlines", "--out", str(tmp_path / "x"), "--no-pictures", *SHORT]
    status, said = on_a_terminal([sys.executable, "-m", "mec_gym", *flags], 80)
    assert status == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", said).splitlines()
    rows = [line for line in lines if line.startswith("local-search-prices ")]
    assert len(rows) >= 2
    assert all(len(line.rstrip()) <= 80 for line in rows)
