"""Tables keep every name and number at any width; the most important columns come first."""

import re
import subprocess
import sys

import pytest
from terminal import on_a_terminal

from mec_gym.benchmark import report, tables
from mec_gym.benchmark.comparison import compare
from mec_gym.benchmark.tables import Column
from mec_gym.policies import get
from mec_gym.scenario import Scenario

rich_console = pytest.importorskip("rich.console")

WIDTHS = [40, 60, 80, 120]
NAMES = ["regret-mix, polished in hindsight", "least-delay", "dqn-rao (runs/paper-20260101-120000)"]


@pytest.fixture
def terminal(monkeypatch):
    """What makes the console a terminal of some width, which keeps what it is given."""

    def make(width):
        console = rich_console.Console(width=width, force_terminal=True, color_system=None)
        monkeypatch.setattr(tables, "console", lambda: console)
        return console

    return make


def shown(console, show):
    with console.capture() as captured:
        show()
    return captured.get().splitlines()


def results():
    policies = {
        name: [get(policy)]
        for name, policy in zip(NAMES, ["roa", "goa", "least-delay"], strict=True)
    }
    return compare(policies, Scenario.preset("slack").sample(20, seed=1))


def without_spaces(text):
    return re.sub(r"[\s─]", "", text)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_comparison_loses_no_number_and_stays_within_the_terminal(width, terminal):
    compared = results()
    lines = shown(terminal(width), lambda: report.show(compared, "slack: 20 slots, seed 1"))
    assert max(map(len, lines)) <= width
    assert not any("…" in line or "..." in line for line in lines)
    text = "\n".join(lines)
    for column in report.columns(compared):
        assert all(cell in text for cell in column.cells)
        assert all(word in text for word in re.findall(r"\w+", column.heading))


@pytest.mark.parametrize("width", WIDTHS)
def test_each_block_names_every_row(width, terminal):
    names = Column("policy", NAMES)
    columns = [Column(f"gap\n{number}", [f"{number}.25%"] * 3) for number in range(12)]
    lines = shown(terminal(width), lambda: tables.show("title", names, columns, "caption"))
    blocks = "\n".join(lines).split("policy")[1:]
    assert len(blocks) == len(tables.deal(min(36, width // 3), columns, width))
    for block in blocks:
        first = [line[: max(width // 3, 8)] for line in block.split("─\n")[1].splitlines()]
        assert all(without_spaces(name) in without_spaces("".join(first)) for name in NAMES)
    assert len(blocks) > 1 or width == 120


def test_a_long_name_is_broken_after_a_mark_and_not_within_a_word(terminal):
    assert tables.broken("more than\nmine:fastest_first, ms", 16) == (
        "more than\nmine:fastest_\nfirst, ms"
    )
    assert tables.broken("runs/paper-20260101", 11) == "runs/paper-\n20260101"
    assert tables.broken("short, and no-more", 16) == "short, and no-more"
    assert tables.broken("alongwordwithoutany", 5) == "alongwordwithoutany"  # folded by rich
    names = Column("policy", ["mine:fastest_first"])
    columns = [Column("more than\nmine:fastest_first, ms", ["-5.00 ± 1.00"])]
    lines = shown(terminal(40), lambda: tables.show("title", names, columns, "caption"))
    words = {word for line in lines for word in line.split()}
    assert {"mine:fastest_", "first,", "ms", "first"} <= words


def test_columns_are_dealt_in_the_order_of_their_importance():
    columns = [
        Column(name, ["1" * size]) for name, size in zip("abcd", (10, 10, 30, 5), strict=True)
    ]
    dealt = tables.deal(10, columns, 40)
    assert [[column.heading for column in block] for block in dealt] == [["a", "b"], ["c"], ["d"]]
    assert tables.deal(10, columns, 200) == [columns]
    assert len(tables.deal(10, columns, 5)) == 4  # too narrow for any


def test_cells_may_have_markup_of_richs_and_lines_of_their_own(terminal):
    names = Column("policy", ["[bold]mine[/bold]"])
    columns = [Column("gap", ["21.89%\n(10% feasible)"])]
    lines = shown(terminal(40), lambda: tables.show("[red]title", names, columns, "[caption]"))
    text = "\n".join(lines)
    assert all(word in text for word in ("[bold]mine", "[red]title", "[caption]", "(10% feasible)"))


COMMAND = [sys.executable, "-m", "evaluate", "--instances", "5", "--policies", "roa", "goa"]


@pytest.mark.slow
def test_in_a_pipe_the_table_is_one_block_without_colours():
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=True)
    assert done.stdout.count("policy") == 1
    assert "\x1b" not in done.stdout
    assert "CPU shares, s" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 80])
def test_in_a_terminal_the_command_keeps_to_its_width(width):
    status, said = on_a_terminal(COMMAND, width, subprocess.DEVNULL)
    assert status == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", said).replace("\r", "")
    assert max(map(len, text.splitlines())) <= width
    assert text.count("policy") > 1
    assert "gap" in text.split("policy")[0] + text.split("policy")[1]


def test_without_rich_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    remedy = re.escape('a table needs rich; pip install "mec-gym[cli]"')
    with pytest.raises(ModuleNotFoundError, match=remedy):
        report.show(results(), "title")
