"""Load of a table: what share of each CPU is taken in each slot."""

import json

import numpy as np
import pytest

from mec_gym import Scenario

SHARES = np.round(np.random.default_rng(0).random((5, 3)) * 0.9, 3)
ROWS = [
    {"slot": 7 + slot, "server": server, "share": SHARES[slot, server].item()}
    for slot in range(5)
    for server in (2, 0, 1)
]


def made(table=ROWS, slots=12, **fields):
    return Scenario(slots=slots, slot_s=1.0, server_hz=1e9, background={"table": table} | fields)


def left(scenario, n=1, seed=0):
    return scenario.sample_episodes(n, seed).slots.server_hz / 1e9


@pytest.mark.parametrize(("begin", "first"), [(None, 0), (9, 2)])
def test_each_server_keeps_what_is_not_taken_and_the_table_is_repeated(begin, first):
    found = left(made(begin=begin))[0]
    expected = [1 - SHARES[(first + slot) % 5] for slot in range(12)]
    assert found == pytest.approx(np.array(expected))


def test_drawn_episodes_begin_in_each_of_its_slots():
    found = left(made(begin="drawn", slots=3), 200, 1)
    windows = [[1 - SHARES[(first + slot) % 5] for slot in range(3)] for first in range(5)]
    times = [np.isclose(found, window).all(axis=(1, 2)).sum() for window in windows]
    assert sum(times) == 200
    assert min(times) > 20


def test_without_a_column_server_all_have_the_same():
    table = {"Slot": [3, 4], "load": [0.25, 0.0]}
    assert left(made(table, slots=3))[0] == pytest.approx(
        np.array([[0.75] * 3, [1] * 3, [0.75] * 3])
    )


def test_the_least_that_may_be_left_is_known():
    scenario = made()
    assert scenario.background.most == SHARES.max()


def test_a_file_names_the_table_and_what_is_written_holds_it(tmp_path):
    lines = ["slot,server,share", *(",".join(map(str, row.values())) for row in ROWS)]
    (tmp_path / "load.csv").write_text("\n".join(lines))
    path = tmp_path / "site.toml"
    path.write_text(
        'slots = 12\nslot_s = 1.0\nserver_hz = 1e9\n[background]\ntable = "load.csv"\nbegin = 8\n'
    )
    scenario = Scenario.from_toml(path)
    (tmp_path / "load.csv").unlink()
    path.write_text(scenario.to_toml())
    read = Scenario.from_toml(path)
    assert read == Scenario.of(json.loads(json.dumps(read.source))) == made(begin=8)
    assert hash(read) == hash(made(begin=8))
    other = [*ROWS[:-1], ROWS[-1] | {"share": 0.123}]
    assert read != made(other, begin=8)


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ({"slot": [0, 1], "share": [0.5, 1]}, {}, "row 2: share: 1 leaves nothing of the CPU; giv"),
        ({"slot": [0, 1], "share": [0.5, 50]}, {}, r"row 2: share: 50 is too high.*not percent"),
        ({"slot": [0, 1], "share": [0.5, -0.1]}, {}, "row 2: share: -0.1 is too low"),
        ({"slot": [0, 0], "share": [0.5, 0.1]}, {}, "row 2: slot: row 1 says what share is taken"),
        ([*ROWS, ROWS[1]], {}, "row 16: slot: row 2 says what share of server 0 is taken"),
        (ROWS[:-1], {}, "background.table: server 1 has no row in slot 11; give a row for each"),
        ({"slot": [0, 2, 3], "share": [0.5] * 3}, {}, "background.table: slot 1 has no row; give"),
        ([ROWS[0] | {"server": 3}, *ROWS], {}, "table: row 1: server: 3; the servers are 0 to 2"),
        (ROWS, {"begin": 12}, "background.begin: 12; the table has slots 7 to 11"),
        (ROWS, {"begin": 7.5}, "background.begin: 7.5; the table has slots 7 to 11"),
        (ROWS, {"levels": [0.0, 0.5]}, "background: levels, shares, table: give one of the three"),
        (None, {"begin": 3, "levels": [0.0, 0.5]}, "background: begin: 3.0 is of a table; leave"),
        (5, {}, "background: table: 5 is neither a CSV file's path"),
    ],
)
def test_what_does_not_fit_is_refused_with_row_and_remedy(table, fields, said):
    with pytest.raises(ValueError, match=said):
        made(table, **fields)


def test_a_file_is_named_with_the_line_that_is_wrong(tmp_path):
    path = tmp_path / "load.csv"
    path.write_text("slot,server,share\n0,0,0.5\n0,1,x\n")
    with pytest.raises(ValueError, match=r"table: .*load.csv: line 3: share: 'x' is not a number"):
        made(path)
