"""`python -m train` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from train.__main__ import main

QUICK = ["--heldout-slots", "50", "--heldout-episodes", "10"]


def test_it_trains_prints_the_table_and_names_the_next_command(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["paper", "--episodes", "20", "--out", str(out), *QUICK]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("dqn-rao", "roa", "goa", "least-delay"))
    assert "50 held-out slots" in printed
    assert f"python -m evaluate --model {out}" in printed
    assert json.loads((out / "policy.json").read_text())["training"]["steps"] == 180


def test_a_runs_config_is_a_base_for_another_and_flags_go_before_it(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["paper", "--episodes", "8", "--gamma", "0.5", "--out", str(first), *QUICK]) == 0
    config = str(first / "config.toml")
    assert main([config, "--episodes", "9", "--out", str(second)]) == 0
    text = (second / "config.toml").read_text()
    assert "gamma = 0.5" in text
    assert "episodes = 9" in text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["papr"], ["preset: no 'papr'", "paper"]),
        (["no-such.toml"], ["no-such.toml"]),
        (["paper", "--gamma", "2"], ["gamma", "2", "less than or equal to 1"]),
        (["paper", "--epsodes", "2"], ["--epsodes", "--episodes"]),
        (["paper", "--scenario", "mars"], ["mars", "paper-varied"]),
        ([], ["usage: python -m train PRESET"]),
    ],
)
def test_a_bad_command_line_says_so_and_makes_nothing(flags, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        raise SystemExit(main(flags))
    assert exit_.value.code == 2
    printed = capsys.readouterr()
    message = " ".join((printed.err + printed.out).replace("│", " ").split())
    assert all(word in message for word in words)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_a_run_that_evaluates(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "train", "paper", "--out", str(out), *QUICK]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    while process.poll() is None and not (out / "policy.json").exists():
        time.sleep(0.1)
    time.sleep(1.5)  # so that it is well within the training
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cut short after" in printed
    from evaluate.__main__ import main as evaluate

    assert evaluate(["--model", str(out), "--instances", "20", "--policies", "roa"]) == 0
