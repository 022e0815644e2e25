"""docs/architecture.md names what there is."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PLACES = TEXT.split("| question |")[1].splitlines()[2:]
HOUSE = TEXT.split("```")[1]


def test_each_module_and_folder_of_the_package_is_in_the_house():
    package = ROOT / "mec_gym"
    names = {path.name for path in package.glob("*.py")} | {
        f"{path.parent.name}/" for path in package.glob("*/__init__.py")
    }
    assert len(names) > 15
    said = set(re.findall(r"[\w./]+", HOUSE))
    missing = {n for n in names - {"__init__.py", "__main__.py"} if n not in said}
    assert missing - {"sb3/"} == set()
    assert {"sb3/agent/", "sb3/run/"} <= said


@pytest.mark.parametrize("line", PLACES)
def test_each_thing_is_where_the_document_says(line):
    place = line.split("|")[2]
    file = re.findall(r"`([\w/]+\.py)`", place)[0]
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    names = re.findall(r"`(\w+)`", place)
    assert all(hasattr(module, name) for name in names)
