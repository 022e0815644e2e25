"""Tasks of a table: however they are given, what they are to a scenario, and by slot."""

import copy
import dataclasses
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from mec_gym.networks import tables
from mec_gym.networks.tasks import COLUMNS, Tasks

ROWS = [
    {"bits": 2e5, "cycles": 9e8, "deadline": 0.5, "service": "cam", "slot": 4},
    {"bits": 3e5, "cycles": 4e8, "deadline": 1.5, "service": 7, "slot": 2},
    {"bits": 4e5, "cycles": 16e8, "deadline": 2.5, "service": "cam", "slot": 4},
]
BY_NAME = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def test_rows_columns_arrays_and_themselves_are_the_same_tasks():
    tasks = Tasks.of(ROWS)
    for given in (BY_NAME, tasks, tasks.columns(), tasks.arrays(), tuple(ROWS)):
        assert Tasks.of(given) == tasks
        assert hash(Tasks.of(given)) == hash(tasks)
    assert Tasks(**tasks.arrays()) == tasks
    assert tasks.service.tolist() == ["cam", "7", "cam"]
    assert tasks.slot.dtype == np.int64
    assert Tasks(np.array([1, 2]), np.array([3, 4])).bits.dtype == np.float64


@pytest.mark.parametrize("column", ["bits", "cycles", "deadline", "service", "slot"])
def test_one_other_value_makes_other_tasks(column):
    other = copy.deepcopy(BY_NAME)
    other[column][1] = 5
    assert Tasks.of(other) != Tasks.of(BY_NAME)
    assert Tasks.of({n: v for n, v in BY_NAME.items() if n in ("bits", "cycles")}) != Tasks.of(ROWS)


def test_texts_that_join_alike_are_different_tasks():
    def called(names):
        return Tasks.of({"bits": [1, 1], "cycles": [1, 1], "service": names})

    assert called(["a", "bc"]) != called(["ab", "c"])


def test_copies_are_equal_and_no_array_can_be_written_to():
    tasks = Tasks.of(ROWS)
    for each in (tasks, copy.deepcopy(tasks), pickle.loads(pickle.dumps(tasks)), tasks[:2]):
        with pytest.raises(ValueError, match="read-only"):
            each.bits[0] = 1.0
    assert copy.deepcopy(tasks) == pickle.loads(pickle.dumps(tasks)) == tasks


def test_what_was_given_stays_the_callers():
    bits = np.array([1.0, 2.0])
    Tasks(bits, bits)
    Tasks.of({"bits": bits, "cycles": bits})
    bits[0] = 5.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (5, "neither a CSV file's path nor"),
        ([], "no row"),
        ([3], "row 1: 3 is not a table"),
        ([{"bits": 1, "cycles": 1}, {"bits": 1}], "row 2: .* is not called as the first row's"),
        ({}, "'bits' is missing"),
        ({"bits": [], "cycles": []}, "no row"),
        ({"bits": [1], "cycles": 5}, "'cycles': 5 is not a list"),
        ({"bits": [1], "cycles": [1, 2]}, "lengths differ.*'bits': 1, 'cycles': 2"),
        ({"bits": [1], "cycles": [True]}, "row 1: cycles: True is not a number"),
        ({"bits": [1, np.nan], "cycles": [1, 1]}, "row 2: bits: nan is not finite"),
        ({"bits": [10**400], "cycles": [1]}, "row 1: bits: .* is not finite"),
        ({"bits": [None], "cycles": [1]}, "row 1: bits: it is empty"),
        ({3: [1], "bits": [1], "cycles": [1]}, "column 3 is not called by a text"),
        ({"bits": [1], "cycles": [1], "service": [2.5]}, "service: 2.5 is not a name"),
    ],
)
def test_what_are_no_tasks_is_refused_by_row(given, words):
    with pytest.raises(ValueError, match=words):
        Tasks.of(given)


@pytest.mark.parametrize("bad", [np.array([-1.0]), np.array([np.nan]), np.ones(2), np.ones((1, 1))])
def test_arrays_are_checked_however_tasks_are_made(bad):
    with pytest.raises(ValueError, match=r"cycles|lengths"):
        Tasks(np.array([1.0]), bad)


def test_rows_are_drawn_equally_often_and_together():
    tasks = Tasks.of(ROWS)
    rows = tasks.rows(np.random.default_rng(0).random(30_000))
    counts = np.bincount(rows, minlength=3)
    assert counts.sum() == 30_000
    assert (abs(counts - 10_000) < 5 * np.sqrt(30_000 * 2 / 9)).all()  # 5 standard deviations
    assert tasks.rows(np.array([0.0, 1 / 3, np.nextafter(1, 0), 1.0])).tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("count", [1, 2, 3, 9, 1000, 2**16, 10**6])
def test_the_greatest_uniform_number_draws_the_last_row(count):
    tasks = Tasks(np.ones(count), np.ones(count))
    assert tasks.rows(np.array([1 - 2.0**-53])) == count - 1


def test_ranges_mean_and_quantiles_are_those_of_the_rows():
    tasks = Tasks.of(ROWS)
    assert (tasks.bits_range, tasks.cycles_range) == ((2e5, 4e5), (4e8, 16e8))
    assert tasks.mean_sqrt_cycles == pytest.approx((3e4 + 2e4 + 4e4) / 3)
    assert tasks.cycles_quantiles(3).tolist() == [4e8, 9e8, 16e8]
    assert tasks.cycles_quantiles(6).tolist() == [4e8, 4e8, 9e8, 9e8, 16e8, 16e8]


def test_slots_are_in_order_and_rows_keep_theirs():
    slots = Tasks.of(ROWS).by_slot()
    assert list(slots) == [2, 4]
    assert slots[2] == Tasks.of(ROWS[1:2])
    assert slots[4] == Tasks.of([ROWS[0], ROWS[2]])
    without = Tasks.of({name: BY_NAME[name] for name in ("bits", "cycles")})
    assert without.by_slot() == {0: without}


def test_the_how_to_page_has_each_column():
    page = Path(__file__).parents[2] / "docs" / "how-to" / "planning.md"
    section = page.read_text(encoding="utf-8").split("## Tasks of your own")[1]
    table = section.split("| column |")[1].split("\n\n")[0]
    said = re.findall(r"`(\w+)`", " ".join(line.split("|")[1] for line in table.splitlines()[2:]))
    assert set(said) == {column.name for column in COLUMNS} | set(tables.LABELS)


def test_each_column_is_an_attribute():
    assert [column.name for column in COLUMNS] == [
        field.name for field in dataclasses.fields(Tasks)
    ]
