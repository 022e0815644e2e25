"""`python -m train` as a user types it."""

import json
import os
import signal
import subprocess
import sys
import time

import gymnasium as gym
import pytest
from stable_baselines3 import DQN

from mec_gym import load_policy
from mec_gym.sb3.run import training
from train.__main__ import main

QUICK = ["--heldout-slots", "50", "--heldout-episodes", "10"]


@pytest.mark.slow
def test_it_trains_prints_the_table_and_names_the_next_command(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["paper", "--episodes", "20", "--out", str(out), *QUICK]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("dqn-rao", "roa", "goa", "least-delay"))
    assert "50 held-out slots" in printed
    assert f"python -m evaluate --model {out}" in printed
    assert ("dqn-rao-best" in printed) != ("no held-out evaluation before was better" in printed)
    assert json.loads((out / "policy.json").read_text())["training"]["steps"] == 180


@pytest.mark.slow
def test_in_a_log_a_training_has_a_line_for_each_held_out_evaluation(tmp_path, capsys):
    assert main(["paper", "--episodes", "30", "--out", str(tmp_path / "run"), *QUICK]) == 0
    log = capsys.readouterr().err
    assert "\r" not in log
    assert [line.split(",")[0] for line in log.splitlines()] == [
        f"episode {done} of 30" for done in (0, 10, 20, 30)
    ]
    assert log.count("held-out delay") == log.count("gap") == 4


@pytest.mark.slow
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
        (["papr"], ["preset: no 'papr'", "did you mean 'paper'"]),
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


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_or_a_termination_leaves_a_run_that_evaluates(number, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "train", "paper", "--out", str(out), *QUICK]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ)
    )
    while process.poll() is None and not (out / "policy.json").exists():
        time.sleep(0.1)
    time.sleep(1.5)  # so that it is well within the training
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "cut short after" in printed
    from evaluate.__main__ import main as evaluate

    assert evaluate(["--model", str(out), "--instances", "20", "--policies", "roa"]) == 0


def test_a_full_disk_ends_the_run_in_one_line_and_the_policy_saved_before_loads(
    tmp_path, capsys, monkeypatch
):
    save, calls = training.save_policy, []

    def full_at_the_third(policy, directory):
        if directory == out:
            calls.append(policy)
        if len(calls) == 3:
            raise OSError(28, "No space left on device", str(directory))
        save(policy, directory)

    out = tmp_path / "run"
    monkeypatch.setattr(training, "save_policy", full_at_the_third)
    assert main(["paper", "--episodes", "40", "--out", str(out), *QUICK]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device" in message
    assert f"{out} keeps what was saved before" in message
    assert load_policy(out).training["steps"] == calls[1].training["steps"] == 90


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_loss_that_is_not_finite_ends_the_run_in_one_line_with_the_remedy(tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["paper", "--episodes", "40", "--learning-rate", "1e30", "--out", str(out)]
    assert main([*arguments, *QUICK]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "lower learning_rate or set max_grad_norm" in message
    load_policy(out)


@pytest.mark.slow
def test_a_run_is_also_exported_for_stable_baselines3_and_never_read_from_there(tmp_path, capsys):
    out, file = tmp_path / "run", tmp_path / "model.zip"
    arguments = ["paper", "--episodes", "20", "--out", str(out), *QUICK]
    assert main([*arguments, "--export-sb3", str(tmp_path / "no" / "x.zip")]) == 2
    assert "export_sb3: there is no directory" in capsys.readouterr().err
    assert not out.exists()
    assert main([*arguments, "--export-sb3", str(file)]) == 0
    policy, model = load_policy(out), DQN.load(file)
    slots = policy.scenario.sample(3, 1)
    env = gym.make("MEC-Offload-v0")
    for row, slot in enumerate(slots):
        observation, _ = env.reset(options={"instance": slot})
        done = False
        while not done:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, done, _, info = env.step(action)
        assert (info["assignment"] == policy(slots)[row]).all()
    with pytest.raises(ValueError, match="not a run directory"):
        load_policy(file)
