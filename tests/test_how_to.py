"""The examples of README, the start page and the how-to pages run as they stand."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import this_process

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "index.md",
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]


def blocks(language):
    """Every block in a language, with the page it is on and its place there as its name."""
    return [
        pytest.param(code, id=f"{page.stem}-{place}")
        for page in PAGES
        for place, code in enumerate(
            re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("python"))
def test_each_python_example_runs_as_it_stands(code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    this_process.program(code, monkeypatch)
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("code", blocks("bash"))
def test_each_shell_example_runs_as_it_stands(code, tmp_path, monkeypatch, capsys):
    elsewhere: dict[str, str] = {}
    for number, line in enumerate(code.replace("\\\n", "").splitlines()):
        words = shlex.split(line)
        if "--out" in words:
            elsewhere[words[words.index("--out") + 1]] = str(tmp_path / str(number))
        words = [elsewhere.get(word, word) for word in words]
        status = this_process.command(words, monkeypatch)
        said = capsys.readouterr()
        assert not status, said.err
        assert "local-search" in said.out


def test_each_make_verb_they_name_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    verbs = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"setup", "train", "figures", "tensorboard"} <= verbs
    assert all(re.search(rf"^{verb}:", makefile, re.MULTILINE) for verb in verbs)


def test_each_name_in_the_equation_table_exists():
    page = ROOT / "docs" / "how-to" / "paper.md"
    table = page.read_text(encoding="utf-8").split("| equation |")[1].split("\n\n")[0]
    names = re.findall(r"`(mec_gym\.[\w.]+)", table)
    assert len(names) > 12
    for name in names:
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:cut]))
            except ModuleNotFoundError:
                continue
            for part in parts[cut:]:
                found = getattr(found, part)
            break
        assert callable(found)


def test_what_pip_installs_is_said_alike_in_both_places():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Install\n")[1].split("\n\nThe commands")[0]
    assert "pip install" in table
    assert table in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
