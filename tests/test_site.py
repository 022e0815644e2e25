"""What of the site is made from the code says all of it."""

import importlib
import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from mec_gym.commands.shell import COMMANDS
from mec_gym.presets import PRESETS
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.presets import TRAIN_PRESETS
from mec_gym.scenario import Scenario

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
CONFIG = (ROOT / ".ci" / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("pages", ROOT / ".ci" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_is_in_the_menu(page):
    assert f": {page.relative_to(DOCS).as_posix()}\n" in CONFIG


def test_each_page_and_notebook_in_the_menu_is_there():
    named = re.findall(r": ([\w/-]+\.md)\n", CONFIG)
    assert len(named) > 12
    for name in named:
        page = DOCS / name
        assert page.exists() or page.with_suffix(".py").exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_line_that_is_to_be_replaced_is(page, pages, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = page.read_text(encoding="utf-8")
    made = pages.expand(text)
    assert not re.search(r"^<!-- (api|fields|presets|help)", made, re.MULTILINE)
    assert len(re.findall("^::: ", made, re.MULTILINE)) == text.count("<!-- api ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_page_has_what_the_code_says_now(page, pages, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = page.read_text(encoding="utf-8")
    assert pages.written(text) == text, "make reference writes it"
    assert len(re.findall(r"^<!-- (api|fields|presets|help)", text, re.MULTILINE)) == text.count(
        "<!-- end -->"
    )


def test_an_entry_says_what_a_module_or_class_is_has_and_where_it_stands(pages):
    module = pages.api_in_short("mec_gym.rewards")
    assert "In [mec_gym/rewards.py](../../mec_gym/rewards.py)." in module
    assert "| `paper` | Return minus the delay of the task on equal CPU shares" in module
    assert "equal_share_delay" not in module  # it is of another module
    channel = pages.api_in_short("mec_gym.channels.PathLossChannel")
    assert "| `steady_range` |" in channel
    assert "| `gain_range` |" not in channel  # it is of the class above
    assert "`_" not in channel


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_name_whose_docstring_is_shown_exists(page):
    for name in re.findall(r"^<!-- api (.+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute), name


@pytest.mark.parametrize("model", [Scenario, TrainConfig])
def test_a_table_of_fields_has_each_field_with_what_it_means(model, pages):
    table = pages.fields(f"{model.__module__}:{model.__name__}")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()[2:]]
    assert [row[0].strip(" `") for row in rows] == list(model.model_fields)
    assert all(len(row) == 3 and row[1].strip() and row[2].strip() for row in rows)


def test_presets_and_defaults_are_written_as_files_have_them(pages):
    scenarios = pages.presets("mec_gym.presets:PRESETS")
    assert all(f"| `{name}` |" in scenarios for name in PRESETS)
    assert "| `slack` | `capacity = 5`, `servers = per-slot` |" in scenarios
    assert "`channel = uniform {correlation = 0}`" in scenarios
    trainings = pages.presets("mec_gym.sb3.run.presets:TRAIN_PRESETS")
    assert all(f"| `{name}` |" in trainings for name in TRAIN_PRESETS)
    assert "{num_devices = 27, capacity = 9, servers = per-slot}" in trainings
    fields = pages.fields("mec_gym.scenario:Scenario")
    assert "| `noise_psd` | `1e-9` |" in fields
    assert "| `task_cycles` | `[5e8, 2e9]` |" in fields


def test_help_is_what_each_command_prints(pages, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert all(name in pages.help_of("") for name in COMMANDS)
    assert all("usage:" in pages.help_of(name) for name in COMMANDS)


def test_a_notebook_becomes_a_page_with_what_its_cells_showed(pages):
    cells = [
        SimpleNamespace(cell_type="markdown", source="# Title"),
        SimpleNamespace(
            cell_type="code",
            source="print(1)",
            outputs=[{"text": "1\n"}, {"data": {"image/png": "AAAA", "text/plain": "<Figure>"}}],
        ),
    ]
    page, pictures = pages.page_of(cells, "name")
    assert page.startswith("# Title\n")
    assert "```python\nprint(1)\n```\n\n```text\n1\n```\n\n![](name-0.png)" in page
    assert pictures == {"name-0.png": b"\0\0\0"}


def test_a_link_to_a_notebook_leads_to_its_page(pages):
    text = "[a](notebooks/a.py), [b](../notebooks/b.py), [c](c.py)"
    made = pages.on_page_markdown(text)
    assert made == "[a](notebooks/a.md), [b](../notebooks/b.md), [c](c.py)"
