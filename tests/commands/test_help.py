"""What `--help` says can be read by someone who knows nothing of the code."""

import contextlib
import io
import re
import sys

import pytest
import tyro

from benchmarks import common, soak, table_i
from benchmarks.learning import __main__ as learning
from benchmarks.learning import ablation, against_sb3, gap_against_time, unseen, where_it_pays
from benchmarks.rivals import figure
from evaluate.paper import figures, reproduction
from evaluate.paper.study import Study
from mec_gym import __main__, channels
from mec_gym.commands import shell
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.presets import TRAIN_PRESETS
from mec_gym.scenario import Scenario

OURS = [[name] for name in shell.COMMANDS if name != "train"]
OURS += [["train", preset] for preset in TRAIN_PRESETS]
SENTENCE = r"[A-Z].*\."
HINT = r" \((default: [^ ].*|required|repeatable)\)"


def printed(call, arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["command"])  # as a help may begin
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # tyro draws boxes in that alone
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        assert not call([*arguments, "--help"])
    out.flush()
    return out.buffer.getvalue().decode()


def texts(help_):
    """The text of each argument, by what stands before it."""
    found, name = {}, None
    for line in help_.splitlines():
        row = line.strip("│").rstrip()
        if line[:1] != "│" or "──" in row:
            name = None
        elif row[1] != " ":
            name, _, text = row.strip().partition("  ")
            found[name] = text.strip()
        else:
            found[name] = f"{found[name]} {row.strip()}".strip()
    return {name: text for name, text in found.items() if name != "-h, --help" and text}


def check(help_):
    found = texts(help_)
    assert found
    for name, text in found.items():
        assert re.fullmatch(SENTENCE + HINT, text), f"{name}: {text}"
    assert all(len(line) <= 80 for line in help_.splitlines())


@pytest.mark.parametrize("arguments", OURS, ids=" ".join)
def test_each_text_of_a_commands_help_is_a_sentence(arguments, monkeypatch):
    check(printed(__main__.main, arguments, monkeypatch))


@pytest.mark.parametrize("module", [figures, reproduction])
def test_each_text_of_the_studys_help_is_a_sentence(module, monkeypatch):
    check(printed(module.main, [], monkeypatch))


@pytest.mark.parametrize(
    "module",
    [
        *(common, soak, table_i, learning, ablation, against_sb3, gap_against_time, figure),
        *(unseen, where_it_pays),
    ],
)
def test_each_text_of_a_benchmarks_help_is_a_sentence(module, monkeypatch):
    check(printed(lambda line: tyro.cli(module.Arguments, args=line), [], monkeypatch))


def test_what_must_be_given_stands_so_in_the_usage(monkeypatch, capsys):
    said = printed(__main__.main, ["verify"], monkeypatch)
    assert said.startswith("usage: mec-gym verify [-h] RUN [RUN ...] [--imports STR]\n")
    assert "(required)" in said


@pytest.mark.parametrize("model", [TrainConfig, Scenario, Study, *channels.CHANNELS.values()])
def test_each_field_is_described_in_a_sentence(model):
    for name, field in model.model_fields.items():
        if name != "kind" or field.description:
            assert re.fullmatch(SENTENCE, field.description or ""), name
