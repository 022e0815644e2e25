"""The commands of the pages on learning run, for a few episodes, or say what tables measured.

What any of the documents names is there.
"""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
import this_process
import tyro

from benchmarks.learning import ablation, gap_figure, where_figure, where_it_pays
from mec_gym.commands.train import Arguments
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.guide import AT_A_GLANCE

ROOT = Path(__file__).parents[1]
TEXT = "".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("learning.md", "learning-measured.md")
)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS.remove(ROOT / "docs" / "CHANGELOG.md")  # which names what was
COMMANDS = [
    line
    for code in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for line in code.replace("\\\n", "").splitlines()
]
SHORT = ["--episodes", "60", "--epsilon-episodes", "30", "--heldout-slots", "10"]


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_each_training_command_runs(line, tmp_path, monkeypatch, capsys):
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", "train"]
    given = [*words, *SHORT, "--out", str(tmp_path / "run")]
    status = this_process.command(given, monkeypatch)
    said = capsys.readouterr()
    assert not status, said.err
    assert "regret" in said.out
    assert (tmp_path / "run" / "policy.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("program", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_each_program_runs(program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(program, {})


def test_the_link_to_the_central_picture_is_the_guides():
    assert f"](http://localhost:6006/{AT_A_GLANCE})" in TEXT


@pytest.mark.parametrize("name", ablation.ROWS)
def test_each_row_of_the_ablation_is_made_by_the_command_beside_it(name):
    command = ablation.command(name)
    assert f"| {name} | `{command}` |" in TEXT
    preset, changes = ablation.ROWS[name]
    _, _, _, source, *flags = shlex.split(command)
    given = tyro.cli(Arguments, default=Arguments(TrainConfig.preset(source)), args=flags).config
    assert given == TrainConfig.preset(preset, **changes | {"scenario": ablation.SCENARIO})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_file_that_a_document_names_exists(document):
    text = document.read_text(encoding="utf-8")
    files = re.findall(r"`((?:tests|mec_gym|evaluate|benchmarks|docs)/[\w/.]+\.\w+)`", text)
    assert [file for file in files if not (ROOT / file).exists()] == []
    modules = re.findall(r"python -m ((?:benchmarks|evaluate|train|mec_gym)[\w.]*)", text)
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_link_leads_to_a_file(document):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_each_name_of_the_package_that_a_document_gives_exists(document):
    for name in re.findall(r"`(mec_gym\.[\w.]+)", document.read_text(encoding="utf-8")):
        first, *rest = name.removesuffix(".").split(".")
        found, path = importlib.import_module(first), first
        for part in rest:
            path = f"{path}.{part}"
            if not hasattr(found, part):
                importlib.import_module(path)
            found = getattr(found, part)


def test_the_first_picture_is_made_of_the_numbers_beside_it(tmp_path):
    numbers = json.loads((ROOT / "docs" / "figures" / "gap-against-time.json").read_text())
    assert numbers["training"].keys() == gap_figure.CURVES.keys()
    assert all(len(seeds) == len(numbers["seeds"]) == 3 for seeds in numbers["training"].values())
    assert numbers["decisions"].keys() == gap_figure.POINTS.keys()
    gap_figure.draw(numbers, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_where_learning_pays_is_made_of_the_numbers_beside_it(tmp_path):
    numbers = json.loads((ROOT / where_it_pays.FILE).read_text())
    assert numbers.keys() == where_it_pays.PANELS.keys() == where_figure.TITLES.keys()
    for name, panel in where_it_pays.PANELS.items():
        assert set(numbers[name]["policies"]) == set(panel.policies) <= where_figure.POINTS.keys()
    where_figure.draw(numbers, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_no_two_examples_begin_a_run_in_the_same_directory():
    begun = [
        run
        for document in [*DOCUMENTS, *(ROOT / "docs" / "notebooks").glob("*.py")]
        for line in document.read_text(encoding="utf-8").splitlines()
        if "resume" not in line and "start_from" not in line
        for run in re.findall(r'train\(\w+, "(runs/[\w-]+)"|--out (runs/[\w-]+)', line)
    ]
    assert len(begun) > 3
    assert len(begun) == len(set(begun))
