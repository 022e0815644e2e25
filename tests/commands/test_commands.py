"""`mec-gym` as a user types it: what it lists, what it refuses, and a user's own modules."""

import json
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import mec_gym
from mec_gym.__main__ import main
from mec_gym.commands import shell

ROOT = Path(__file__).parents[2]
OWN = """
import time
from pathlib import Path
from mec_gym import policies
policies.POLICIES["by-import"] = "own:in_turn"
def in_turn(instance, seed=0):
    return policies.get("least-delay")(instance, seed)
def slow(instance, seed=0):
    Path("begun").write_text("")
    time.sleep(60)
"""


@pytest.fixture
def own(tmp_path):
    """A directory with a module of a user's own, `own`."""
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path


def script(directory):
    """The start of a command line that runs what pip installs as `mec-gym`."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, function = scripts["mec-gym"].split(":")
    path = directory / "bin" / "mec-gym"
    path.parent.mkdir()
    path.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    return [sys.executable, str(path)]


WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name in {absent!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Without())
from mec_gym.__main__ import main
sys.exit(main({arguments!r}))
"""


def run_without(absent, arguments, directory):
    """Run a command where some libraries are not installed."""
    code = WITHOUT.format(absent=absent, arguments=arguments)
    return run([sys.executable, "-c", code], directory)


def run(command, directory, **options):
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False, **options
    )


def test_without_arguments_it_lists_the_commands_with_a_line_each():
    done = run([sys.executable, "-m", "mec_gym"], ROOT)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    for name, command in shell.COMMANDS.items():
        assert [line.split(maxsplit=1) for line in lines].count([name, command.summary]) == 1


def test_every_command_is_a_module_of_its_own():
    modules = {path.stem for path in (ROOT / "mec_gym" / "commands").glob("*.py")}
    assert modules - {"__init__", "shell"} == set(shell.COMMANDS)


@pytest.mark.parametrize("name", shell.COMMANDS)
def test_a_command_says_what_it_takes_by_the_name_it_was_started_by(name, capsys):
    source = ["paper"] if name == "train" else []
    with pytest.raises(SystemExit) as exit_:
        main([name, *source, "--help"], "mec-gym")
    assert exit_.value.code == 0
    assert f"usage: mec-gym {name}" in capsys.readouterr().out


def test_an_unknown_command_is_refused_in_one_line(capsys):
    assert main(["trian"]) == 2
    message = capsys.readouterr().err
    assert message == "error: command: no 'trian'; there are: train, evaluate, export, verify\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "library", "extra"),
    [
        (["train", "paper"], "torch", "train"),
        (["train", "paper"], "tyro", "train"),
        (["evaluate"], "tyro", "cli"),
        (["evaluate", "--instances", "2"], "rich", "cli"),
        (["export", "dqn-rao", "x.zip"], "stable_baselines3", "train"),
        (["export", "dqn-rao", "x.onnx"], "tyro", "onnx"),
        (["verify", "x"], "filelock", "train"),
    ],
)
def test_what_is_not_installed_is_named_with_the_remedy(arguments, library, extra, tmp_path):
    done = run_without((library,), arguments, tmp_path)
    name = arguments[0]
    needs = f'error: mec-gym {name} needs {library}; pip install "mec-gym[{extra}]"\n'
    assert (done.returncode, done.stderr) == (2, needs)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    brought = extras[extra] + (extras["cli"] if "mec-gym[cli]" in extras[extra] else [])
    assert any(each.replace("-", "_").startswith(library) for each in brought)


def test_comparing_needs_no_training_library(tmp_path):
    absent = ("torch", "stable_baselines3", "tensorboard", "filelock", "matplotlib")
    flags = ["--model", "dqn-rao", "--instances", "5"]
    done = run_without(absent, ["evaluate", *flags], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "least-delay" in done.stdout


def test_a_missing_library_of_a_users_own_is_not_taken_for_one_of_ours(monkeypatch):
    def fails(arguments, launcher):
        raise ModuleNotFoundError("No module named 'theirs'", name="theirs")

    monkeypatch.setattr("mec_gym.commands.evaluate.main", fails)
    with pytest.raises(ModuleNotFoundError, match="theirs"):
        main(["evaluate"])


def test_the_installed_script_finds_a_users_own_module_where_they_stand(own):
    flags = ["--policies", "own:in_turn", "least-delay", "--instances", "5", "--json", "x.json"]
    done = run([*script(own), "evaluate", *flags], own)
    assert done.returncode == 0, done.stderr
    first, second = json.loads((own / "x.json").read_text())["policies"]
    assert (first["name"], second["name"]) == ("own:in_turn", "least-delay")
    assert first["average_delay"] == second["average_delay"]


def test_imports_come_first_and_may_be_repeated(own):
    flags = ["--imports", "json", "--imports=own", "--policies", "by-import", "--instances", "5"]
    done = run([sys.executable, "-m", "mec_gym", "evaluate", *flags], own)
    assert done.returncode == 0, done.stderr
    assert "by-import" in done.stdout


@pytest.mark.parametrize("command", [["evaluate"], ["train", "paper"]])
def test_what_cannot_be_imported_is_refused_in_one_line(command, capsys):
    assert main([*command, "--imports", "no_such_module"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: imports: no module 'no_such_module'")
    assert message.count("\n") == 1


def test_a_termination_ends_a_command_as_ctrl_c_does(own):
    flags = ["--policies", "own:slow", "--instances", "5"]
    command = [sys.executable, "-m", "mec_gym", "evaluate", *flags]
    with subprocess.Popen(command, cwd=own, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (own / "begun").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "interrupted; nothing was written\n"


@pytest.mark.parametrize("flag", ["--policies", "--model"])
def test_either_flag_takes_policies_trained_ones_and_a_users_own(
    flag, own, tmp_path, capsys, monkeypatch
):
    monkeypatch.syspath_prepend(own)
    monkeypatch.setattr("mec_gym.policies.POLICIES", dict(mec_gym.policies.POLICIES))
    path = tmp_path / "result.json"
    names = ["least-delay", "dqn-rao", "own:in_turn"]
    others = ["--policies", "least-delay"] if flag == "--model" else []
    arguments = [flag, *names, *others, "--scenario", "paper", "--instances", "20"]
    assert main(["evaluate", *arguments, "--json", str(path)]) == 0
    rows = json.loads(path.read_text())["policies"]
    trained = mec_gym.load_policy("dqn-rao").training["config"]["name"]
    assert [row["name"] for row in rows] == ["least-delay", trained, "own:in_turn"]
    assert main(["evaluate", flag, "no-such"]) == 2
    message = capsys.readouterr().err
    assert all(name in message for name in ("least-delay", "dqn-rao", "module:name", "directory"))


def test_a_policy_of_a_users_own_joins_the_leaderboard(own, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(own)
    monkeypatch.setattr("mec_gym.policies.POLICIES", dict(mec_gym.policies.POLICIES))
    path = tmp_path / "result.json"
    flags = ["--benchmark", "slack", "--model", "own:in_turn", "--json", str(path)]
    assert main(["evaluate", *flags]) == 0
    gaps = {row["name"]: row["gap"] for row in json.loads(path.read_text())["slack"]}
    assert gaps["own:in_turn"] == gaps["least-delay"]
    assert "optimal" not in gaps


def test_verify_goes_through_all_runs_and_names_those_that_are_damaged(tmp_path, capsys):
    whole = tmp_path / "run"
    flags = ["--episodes", "8", "--heldout-slots", "5", "--out", str(whole)]
    assert main(["train", "paper", *flags]) == 0
    said = capsys.readouterr().out
    assert f"mec-gym evaluate --model {whole}" in said
    assert "make" not in said
    assert main(["verify", str(whole)]) == 0
    assert main(["verify", str(tmp_path / "none"), str(whole)]) == 2
    printed = capsys.readouterr()
    assert "each as it was written" in printed.out.splitlines()[-1]
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert main(["verify"]) == 2
    assert "run: give one run directory or more" in capsys.readouterr().err
