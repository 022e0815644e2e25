"""The README's examples run as they stand, and what it names exists."""

import importlib
import re
import tomllib
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_each_make_verb_it_names_exists():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    verbs = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert verbs >= {"train", "test", "lint"}
    assert all(re.search(rf"^{verb}:", makefile, re.MULTILINE) for verb in verbs)


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
