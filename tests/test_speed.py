"""docs/speed.md: its picture and table are made of the numbers beside them, and all is measured."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.rivals import figure, rates
from benchmarks.rivals.figure import Bar, Worker

ROOT = Path(__file__).parents[1]
BARS = {name: bar for group in figure.GROUPS.values() for name, bar in group.items()}


@pytest.fixture
def numbers():
    return json.loads((ROOT / figure.FILE).read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_each_bar_is_measured_and_says_what_a_step_is():
    assert BARS.keys() == rates.MAKERS.keys()
    assert all(bar.step for bar in BARS.values())


def test_the_numbers_have_all_bars_in_every_round(numbers):
    assert numbers["rates"].keys() == BARS.keys()
    assert len({len(found) for found in numbers["rates"].values()}) == 1
    assert all(rate > 0 for found in numbers["rates"].values() for rate in found)


def test_the_table_of_the_page_is_made_of_the_numbers(numbers):
    page = figure.PAGE.read_text(encoding="utf-8")
    assert figure.in_page(page, figure.markdown(numbers)) == page
    assert all(f"| {bar.name} | {bar.step} |" in page for bar in BARS.values())


@pytest.mark.slow
def test_the_picture_is_drawn_of_whatever_was_measured(numbers, tmp_path):
    figure.draw(numbers, tmp_path / "all.png")
    some = {name: found for name, found in numbers["rates"].items() if not BARS[name].rival}
    figure.draw(numbers | {"rates": some}, tmp_path / "some.png")
    for name in ("all.png", "some.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0.68, "0.68"),
        (9.94, "9.9"),
        (306.4, "306"),
        (1810, "1.8 k"),
        (995, "1.0 k"),
        (26e6, "26 M"),
    ],
)
def test_a_rate_has_two_digits_that_count(rate, text):
    assert figure.as_text(rate) == text


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match=r"speed\.md: it has no lines"):
        figure.in_page("# How fast", "table")


@pytest.mark.slow
def test_a_worker_measures_whenever_it_is_asked(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    worker = Worker("mec_gym, batch", BARS["mec_gym, batch"])
    assert worker.ready()
    assert worker.rate() > 0
    assert worker.rate() > 0
    worker.end()


def test_what_cannot_be_measured_is_left_out_with_the_reason(capsys):
    assert not Worker("no such", Bar("x", "y", rival=False)).ready()
    assert "left out: no such: KeyError: 'no such'" in capsys.readouterr().out
