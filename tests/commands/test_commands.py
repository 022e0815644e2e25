"""`mec-gym` as a user types it: what it lists, what it refuses, and a user's own modules."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from terminal import on_a_terminal

import mec_gym
from mec_gym.__main__ import main
from mec_gym.benchmark import frozen
from mec_gym.commands import arguments, shell
from mec_gym.observations import OBSERVATIONS
from mec_gym.policies import POLICIES, SHIPPED
from mec_gym.presets import PRESETS
from mec_gym.rewards import REWARDS
from mec_gym.sb3.agent.losses import LOSSES
from mec_gym.sb3.run.presets import TRAIN_PRESETS

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
    assert modules - {
        "__init__",
        "arguments",
        "foresight",
        "over_time",
        "seeds",
        "shell",
        "workers",
    } == set(shell.COMMANDS)


@pytest.mark.parametrize("name", shell.COMMANDS)
def test_a_command_says_what_it_takes_by_the_name_it_was_started_by(name, capsys):
    source = ["paper"] if name == "train" else []
    with pytest.raises(SystemExit) as exit_:
        main([name, *source, "--help"], "mec-gym")
    assert exit_.value.code == 0
    assert f"usage: mec-gym {name}" in capsys.readouterr().out


def test_it_says_its_version_and_helps_also_without_dashes(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mec_gym {mec_gym.__version__}\n"
    assert main(["help"]) == 0
    assert capsys.readouterr().out.startswith("usage: mec-gym COMMAND")


def test_a_python_without_what_it_needs_is_told_how_to_get_it(tmp_path):
    done = run_without(("gymnasium",), [], tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: mec_gym needs gymnasium")
    assert "`make setup`" in last


def test_an_unknown_command_is_refused_in_one_line(capsys):
    assert main(["trian"]) == 2
    message = capsys.readouterr().err
    assert message == (
        "error: command: no 'trian' (did you mean 'train'?); there are: completion, evaluate,"
        " export, plan, train, verify\n"
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("train papr", "preset: no 'papr' (did you mean 'paper'?); there are: "),
        ("train --epsodes 3", "--epsodes: a preset or a TOML file comes first, or --resume DIR; "),
        ("train paper --epsodes 3", "--epsodes: no such argument (did you mean --episodes?); "),
        ("train paper slack", "slack: no such argument; `mec-gym train paper --help`"),
        ("train paper --network mpl", "--network: no 'mpl' (did you mean 'mlp'?); there are: "),
        ("train paper --episodes x", "--episodes: must be a whole number (got 'x'); "),
        ("train paper --gamma x", "--gamma: must be a number (got 'x'); "),
        ("train paper --gamma 2", "gamma: must be less than or equal to 1 (got 2.0)"),
        ("train paper --hidden", "hidden: must have 1 or more values (got ())"),
        ("train paper --out", "--out: it needs a value; `mec-gym train paper --help`"),
        ("train paper --reward regrt", "reward: no 'regrt' (did you mean 'regret'?); there are: "),
        ("train paper --scenario onlin", "scenario: no 'onlin' (did you mean 'online'?); "),
        ("train no-such.toml", "no-such.toml: No such file or directory"),
        ("evaluate --policis roa", "--policis: no such argument (did you mean --policies?); "),
        ("evaluate --policy roa", "--policy: no such argument (did you mean --policies?); "),
        ("train paper --epsiode 3", "--epsiode: no such argument (did you mean --episodes?); "),
        ("evaluate --policies rao", "policy: no 'rao' (did you mean 'roa'?); there are: "),
        ("evaluate --policies", "policies: none is named; give at least 1 of roa, "),
        ("evaluate --model", "model: none is named; give run directories, or of dqn-rao, "),
        ("evaluate --benchmark papr", "benchmark: no 'papr' (did you mean 'paper'?); "),
        ("evaluate --scenario papr", "scenario: no 'papr' (did you mean 'paper'?); there are: "),
        ("export", "MODEL, FILE: must be given; "),
        ("export regret-mix", "FILE: must be given; "),
        ("export regretmix x.onnx", "regretmix: not a run directory, nor a policy that comes with"),
        ("export regret-mix x.onx", "file: no '.onx' (did you mean '.onnx'?); there are: "),
        ("completion fsh", "shell: no 'fsh' (did you mean 'zsh'?); there are: bash, zsh; "),
    ],
)
def test_a_wrong_word_gets_one_line_with_what_was_probably_meant(line, says, capsys):
    assert main(line.split(), "mec-gym") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"error: {says}")
    assert printed.err.count("\n") == 1


def test_a_value_in_no_form_that_tyro_is_known_to_refuse_is_refused_as_it_says_it():
    said = "╭─ Something new ─╮\n│ It will │\n│ not do. │\n│ ─────── │\n│ More. │\n╰───╯\n"
    assert arguments.refusal(SystemExit(2), said, "x") == (
        "It will not do.; `x --help` lists what there is"
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_is_one_line_whether_or_not_the_terminal_can_draw_lines(encoding):
    environment = dict(os.environ, PYTHONIOENCODING=encoding)
    command = [sys.executable, "-m", "evaluate", "--policis", "roa"]
    done = run(command, ROOT, env=environment)
    assert done.stderr == (
        "error: --policis: no such argument (did you mean --policies?); `python -m evaluate --help`"
        " lists what there is\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("evaluate --policis roa", "--policis: no such argument (did you mean --policies?); "),
        ("evaluate --instances x", "--instances: must be a whole number (got 'x'); "),
        ("evaluate --seed x", "--seed: must be a whole number (got 'x'); "),
        ("evaluate --instances", "--instances: it needs a value; "),
        ("completion fsh", "shell: no 'fsh' (did you mean 'zsh'?); there are: bash, zsh; "),
        ("export", "MODEL, FILE: must be given; `mec-gym export --help` lists"),
    ],
)
def test_on_a_terminal_with_colours_it_is_the_same_line(line, says):
    code = f"import sys; from mec_gym.__main__ import main; sys.exit(main({line.split()!r}))"
    status, said = on_a_terminal([sys.executable, "-c", code], 40)
    assert status == 2
    assert said.startswith(f"error: {says}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "lists"),
    [
        ("train paper --help", [*TRAIN_PRESETS, *PRESETS, *OBSERVATIONS, *REWARDS, *LOSSES]),
        ("evaluate --help", [*PRESETS, *POLICIES, *SHIPPED, *frozen.names()]),
        ("export --help", SHIPPED),
        ("train --help", TRAIN_PRESETS),
        ("completion --help", ["bash", "zsh"]),
    ],
)
def test_help_lists_the_names_there_are_within_80_columns(line, lists, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as exit_:
        raise SystemExit(main(line.split()))
    assert exit_.value.code == 0
    said = capsys.readouterr().out
    assert all(name in re.split(r"[\s,;:{}]+", said) for name in lists)
    assert max(map(len, said.splitlines())) <= 82


@pytest.mark.parametrize("line", ["train paper", "evaluate", "export", "verify"])
def test_help_breaks_no_line_before_it_is_full(line, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main([*line.split(), "--help"])
    lines = [each.strip("│").rstrip() for each in capsys.readouterr().out.splitlines()]
    begun = {each: len(each) - len(each.lstrip()) for each in lines}
    broken = [
        (one, next_)
        for one, next_ in pairwise(lines)
        if begun[one] == begun[next_] > 10 and len(one) + 1 + len(next_.split()[0]) < 76
    ]
    assert broken == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "train",
        "train --help",
        "train papr",
        "train paper --help",
        "evaluate --help",
        "verify --help",
        "completion bash",
    ],
)
def test_what_needs_no_training_loads_no_torch(line):
    code = (
        f"import sys\nfrom mec_gym.__main__ import main\n"
        f"try: main({line.split()!r})\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'stable_baselines3') if name in sys.modules])"
    )
    done = run([sys.executable, "-c", code], ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_train_without_a_preset_answers_in_less_than_half_of_what_torch_takes_to_load():
    def seconds(*words):
        before = os.times()
        run([sys.executable, *words], ROOT)
        after = os.times()  # of the processor, so that other work counts less
        return after.children_user + after.children_system - sum(before[2:4])

    asked, torch = ("-m", "train"), ("-c", "import torch")
    assert run([sys.executable, *asked], ROOT).returncode == 2
    taken = [(seconds(*asked), seconds(*torch)) for _ in range(3)]
    assert min(one for one, _ in taken) < 0.45 * min(other for _, other in taken)


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m mec_gym evaluate --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = run(["bash", "-c", command], ROOT)
    assert done.returncode in (0, 141)  # it may all have been written before
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes_commands_presets_flags_and_names(tmp_path):
    done = run([sys.executable, "-m", "mec_gym", "completion", "bash"], ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "mec-gym").write_text(done.stdout)
    script = """
source ./mec-gym
words() {
  COMP_WORDS=(mec-gym "$@"); COMP_CWORD=$#; COMPREPLY=()
  $(complete -p mec-gym | sed 's/.*-F \\([^ ]*\\).*/\\1/') mec-gym "${@: -1}" mec-gym
  echo "${COMPREPLY[@]}"
}
words ev
words train regret-
words train paper --epi
words evaluate --pol
words evaluate --scenario pap
words evaluate --policies roa regret-
words evaluate --model dq
words pl
words plan --wh
words plan slack --policies roa local-search-
"""
    done = run(["bash", "--norc", "-c", script], tmp_path)
    assert [sorted(line.split()) for line in done.stdout.splitlines()] == [
        ["evaluate"],
        ["regret-family", "regret-mix", "regret-online", "regret-prices", "regret-small"],
        ["--episodes"],
        ["--policies", "--polish"],
        ["paper", "paper-complexity", "paper-frequency", "paper-varied"],
        ["regret-family", "regret-mix", "regret-online"],
        ["dqn-rao"],
        ["plan"],
        ["--where"],
        ["local-search-online", "local-search-prices"],
    ], done.stderr


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "library"),
    [
        ("mec_gym.sb3.run.training", "torch"),
        ("mec_gym.sb3.run.config", "tyro"),
        ("mec_gym.sb3.agent.vec_env", "stable_baselines3"),
        ("mec_gym.sb3.agent.export", "torch"),
    ],
)
def test_what_a_program_imports_names_what_is_missing_with_the_remedy(module, library, tmp_path):
    hidden = WITHOUT.format(absent=(library,), arguments=[]).partition("from mec_gym")[0]
    done = run([sys.executable, "-c", f"{hidden}import {module}"], tmp_path)
    assert done.returncode == 1
    extra = "cli" if library == "tyro" else "train"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert last.endswith(f' needs {library}; pip install "mec-gym[{extra}]"')


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_installed_script_finds_a_users_own_module_where_they_stand(own):
    flags = ["--policies", "own:in_turn", "least-delay", "--instances", "5", "--json", "x.json"]
    done = run([*script(own), "evaluate", *flags], own)
    assert done.returncode == 0, done.stderr
    first, second = json.loads((own / "x.json").read_text())["policies"]
    assert (first["name"], second["name"]) == ("own:in_turn", "least-delay")
    assert first["average_delay"] == second["average_delay"]


@pytest.mark.slow
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


@pytest.mark.slow
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
    monkeypatch.setitem(mec_gym.policies.POLICIES, "by-import", "own:in_turn")  # as OWN does
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
    monkeypatch.setitem(mec_gym.policies.POLICIES, "by-import", "own:in_turn")  # as OWN does
    path = tmp_path / "result.json"
    flags = ["--benchmark", "slack", "--model", "own:in_turn", "--json", str(path)]
    assert main(["evaluate", *flags]) == 0
    gaps = {row["name"]: row["gap"] for row in json.loads(path.read_text())["slack"]}
    assert gaps["own:in_turn"] == gaps["least-delay"]
    assert "optimal" not in gaps


@pytest.mark.slow
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
    assert "is not a run" in printed.err
    assert "that `mec-gym train` made" in printed.err
    assert main(["verify"]) == 2
    assert "run: give one run directory or more" in capsys.readouterr().err
