"""The README's examples run as they stand, and what it names exists."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from mec_gym.commands import shell

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_each_make_verb_it_names_exists():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert verbs >= {"train", "test", "lint"}
    assert all(re.search(rf"^{verb}:", makefile, re.MULTILINE) for verb in verbs)


def test_make_alone_lists_each_verb_within_80_columns():
    root = Path(__file__).parents[1]
    done = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True)
    (verbs,) = re.findall(r"^\.PHONY: help (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE)) == set(verbs.split())
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_commands_that_an_extra_is_said_to_bring_need_that_one(page):
    text = (Path(__file__).parents[1] / page).read_text(encoding="utf-8")
    table = dict(re.findall(r'^\| `"\.\[(\w+)\]"` \| (.*?) \|', text, re.MULTILINE))
    said = {name: extra for extra in table for name in re.findall(r"`([\w-]+)`", table[extra])}
    assert said == {name: command.extra for name, command in shell.COMMANDS.items()}


def test_each_file_it_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert all((Path(__file__).parents[1] / link).exists() for link in links)


def test_the_paper_is_the_one_that_the_citation_file_names():
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    (title,) = re.findall(r'^    title: "(.*)"$', citation, re.MULTILINE)
    given, family = (re.findall(rf"{kind}-names: (.*)", citation) for kind in ("given", "family"))
    authors = [" ".join(name) for name in zip(given, family, strict=True)]
    assert len(authors) == 2
    for text in (README, re.sub(r"[{}]", "", blocks("bibtex")[0])):
        said = " ".join(text.split())
        assert title in said
        assert " and ".join(authors) in said
    assert f"version: {importlib.import_module('mec_gym').__version__}\n" in citation


def test_each_extra_it_tells_to_install_exists():
    path = Path(__file__).parents[1] / "pyproject.toml"
    extras = tomllib.loads(path.read_text())["project"]["optional-dependencies"]
    told = set(re.findall(r'"\.\[(\w+)\]"', README))
    assert {"cli", "train"} <= told <= set(extras)
