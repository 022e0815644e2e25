"""`python -m train PRESET --seeds` as a user types it, and where pieces of work are done."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mec_gym import load_policy
from mec_gym.commands import seeds
from mec_gym.commands.seeds import seeds_of
from mec_gym.jobs import Processes
from mec_gym.jobs.pieces import do
from mec_gym.sb3.run.config import TrainConfig
from train.__main__ import main

QUICK = ["--episodes", "20", "--heldout-slots", "20", "--heldout-episodes", "10"]


@pytest.fixture
def in_this_process(monkeypatch):
    """Have pieces done in this process, as starting others takes seconds."""

    def outcomes(self, pieces, unfinished):
        for piece in pieces:
            yield do(piece, unfinished)

    monkeypatch.setattr(Processes, "outcomes", outcomes)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("0:5", [0, 1, 2, 3, 4]), ("3:4", [3]), ("7", [7]), ("0,3,7", [0, 3, 7])],
)
def test_seeds_are_a_range_or_a_list(text, meant):
    assert seeds_of(text) == meant


@pytest.mark.parametrize(
    "text",
    ["5:0", "x", "", "0:", ":5", "1:1", "-1:2", "1,1", "1,,2", "0:99999999999", "²"],
)
def test_what_are_no_seeds_is_refused(text):
    with pytest.raises(ValueError, match=r"seeds: .*names none; give FIRST:END"):
        seeds_of(text)


@pytest.mark.slow
def test_it_trains_each_seed_once_and_shows_one_table(in_this_process, tmp_path, capsys):
    out = tmp_path / "runs"
    command = ["paper", "--out", str(out), *QUICK]
    assert main([*command, "--seeds", "0:2"]) == 0
    printed = capsys.readouterr().out
    assert "2 seeds, 20 held-out slots" in printed
    assert "of 2" in printed  # the worst seed
    assert f"python -m evaluate --model {out} --instances" in printed
    plain = tmp_path / "plain"
    assert main(["paper", "--out", str(plain), *QUICK, "--seed", "1"]) == 0
    for name in ("policy.json", "policy.safetensors", "config.toml"):
        assert (plain / name).read_bytes() == (out / "seed-1" / name).read_bytes()
    done = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.suffix == ".json"}
    assert main([*command, "--seeds", "0:3"]) == 0
    assert all(path.stat().st_mtime_ns == before for path, before in done.items())
    assert load_policy(out / "seed-2").training["config"]["seed"] == 2


def test_without_out_the_same_settings_have_the_same_place():
    config = TrainConfig(episodes=20)
    place = seeds.directory_of("paper", config, None)
    assert seeds.directory_of("paper", config.replace(seed=9), None) == place
    assert seeds.directory_of("paper", config.replace(gamma=0.5), None) != place
    assert place.parent.name == "runs"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_what_fails_is_named_and_the_others_are_shown(
    in_this_process, tmp_path, capsys, monkeypatch
):
    made = seeds.pieces_of

    def one_bad(config, *rest):
        return made(config, *rest)[:1] + made(config.replace(learning_rate=1e30), *rest)[1:]

    monkeypatch.setattr(seeds, "pieces_of", one_bad)
    assert main(["paper", "--out", str(tmp_path / "o"), *QUICK, "--seeds", "0:2"]) == 1
    said = capsys.readouterr()
    last = said.err.splitlines()[-1]
    assert "1 of 2 runs failed: seed-1: FloatingPointError" in last
    assert "does these again" in last
    assert "20 held-out slots" in said.out


@pytest.mark.slow
def test_a_dry_run_says_what_it_will_cost_and_keeps_what_it_did(in_this_process, tmp_path, capsys):
    command = ["paper", "--out", str(tmp_path), *QUICK, "--seeds", "0:4", "--dry-run"]
    assert main([*command, "--processes", "2"]) == 0
    assert "4 pieces, 2 of them finished; about" in capsys.readouterr().out
    assert len(list(tmp_path.glob("seed-*"))) == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--seeds", "5:0"], ["seeds: '5:0'", "0:5"]),
        (["--seeds", "0:2", "--seed", "3"], ["seeds", "--seed"]),
        (["--seeds", "0:2", "--processes", "0"], ["processes: 0", "1 or more"]),
        (["--seeds", "0:2", "--storage", "/tmp"], ["storage", "--ray"]),
        (["--seeds", "0:2", "--ray", "nowhere"], ["ray: 'nowhere'", "host:port"]),
        (["--seeds", "0:2", "--ray", "auto", "--processes", "2"], ["processes, ray", "one"]),
        (["--seeds", "0:2", "--out", "/proc/none"], ["out: cannot write /proc/none"]),
        (["--seeds", "1000000:1000001"], ["heldout_seed"]),
        (["--processes", "2"], ["seeds", "--processes"]),
        (["--dry-run"], ["seeds", "--dry-run"]),
    ],
)
def test_a_bad_command_line_gets_one_clear_line(flags, words, capsys, tmp_path, monkeypatch):
    if "--ray" in flags:
        pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    assert main(["paper", *QUICK, *flags]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert all(word in message for word in words)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_runs_of_other_settings_are_not_overwritten(in_this_process, tmp_path, capsys):
    command = ["paper", "--out", str(tmp_path), *QUICK, "--seeds", "0"]
    assert main(command) == 0
    assert main([*command, "--gamma", "0.5"]) == 2
    assert "was made with other settings" in capsys.readouterr().err
    assert main(["paper", "--out", str(tmp_path / "seed-0"), *QUICK, "--seeds", "0"]) == 2
    assert "is a run itself" in capsys.readouterr().err


@pytest.mark.slow
def test_evaluate_in_shards_writes_the_json_of_one_process(in_this_process, tmp_path, capsys):
    from evaluate.__main__ import main as evaluate

    flags = ["--model", "regret-mix", "--instances", "50", "--time-limit", "30", "--json"]
    plain, shards = tmp_path / "plain.json", tmp_path / "shards.json"
    assert evaluate([*flags, str(plain)]) == 0
    kept = ["--keep", str(tmp_path / "keep"), "--processes", "2"]
    assert evaluate([*flags, str(shards), *kept, "--dry-run"]) == 0
    assert "pieces" in capsys.readouterr().out
    assert not shards.exists()
    assert evaluate([*flags, str(shards), *kept]) == 0

    def told(path):
        result = json.loads(path.read_text())
        for row in result["policies"]:
            assert row.pop("decision_seconds") > 0
            assert row.pop("slot_seconds") > 0
        return result

    assert told(plain) == told(shards)
    capsys.readouterr()
    assert evaluate(["--keep", str(tmp_path), "--instances", "5"]) == 2
    assert "keep, storage: they go with --processes" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_ends_it_in_one_line_and_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "-m", "train", "paper", "--seeds", "0:2", "--out", str(tmp_path)]
    command += ["--processes", "2", "--checkpoint-seconds", "0.2", "--episodes", "400"]
    command += ["--heldout-slots", "20", "--heldout-episodes", "200"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ)
    ) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".jobs/unfinished/*/run/checkpoint/*")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines() == ["interrupted; a run keeps what it has"]
    left = list(tmp_path.glob(".jobs/unfinished/*/run/checkpoint/*"))
    assert left
    again = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert "2 seeds" in again.stdout
