"""Tables: what spreadsheets write is read, and anything else is refused in one clear line."""

import csv
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mec_gym.networks import tables
from mec_gym.networks.columns import Column
from mec_gym.networks.tasks import COLUMNS, Tasks

GOOD = "bits,cycles\n2e5,5e8\n3e5,1e9\n"


def read(text, tmp_path):
    path = tmp_path / "tasks.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return tables.read_csv(path, COLUMNS)


def refusal(text, tmp_path):
    """Return what is said of a bad file after its name."""
    with pytest.raises(ValueError, match=r"tasks\.csv: ") as caught:
        read(text, tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    return said.partition("tasks.csv: ")[2]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace(",", "|"),
        "\n \n" + GOOD + "\n\n,\n , \n",
        "CYCLES, Bits \n5e8,2e5\n 1e9 ,3e5\n",
        '"bits","cycles"\n"2e5","5e8"\n"3e5","1e9"\n',
        "Task Bits,task-cycles\n200000,500000000\n300000.0,+1000000000\n",
        "bits,cycles,\n2e5,5e8,\n3e5,1e9,\n",
        "id;bits;cycles;comment\na;2e5;5e8;=fine\nb;3e5;1e9;\n",
    ],
)
def test_what_spreadsheets_write_is_read(text, tmp_path):
    table = read(text, tmp_path)
    assert table.keys() == {"bits", "cycles"}
    assert table["bits"].tolist() == [2e5, 3e5]
    assert table["cycles"].tolist() == [5e8, 1e9]
    assert {array.dtype for array in table.values()} == {np.dtype(np.float64)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["it is empty", "bits, cycles"]),
        (" \n\n", ["it is empty"]),
        ("\ufeff", ["it is empty"]),
        ("bits,cycles\n", ["no row", "at least one"]),
        ("bits,cycles\n,\n\n", ["no row"]),
        ("bits,cycels\n1,2\n", ["column 'cycles' is missing", "'cycels' meant", "bits, cycels"]),
        ("1,2\n3,4\n", ["column 'bits' is missing", "'1, 2'"]),
        ("bits,cycles,deadlin\n1,2,3\n", ["'deadlin'", "did you mean 'deadline'?", "there are:"]),
        ("bits,cycles,colour\n1,2,3\n", ["'colour'", "take it out", "comment, id, name may stay"]),
        ("bits,cycles,Bits\n1,2,3\n", ["'bits' is there twice"]),
        ("bits,task_bits,cycles\n1,2,3\n", ["'bits' is there twice"]),
        ("bits,cycles,x\n1,2,3\n", ["'x' needs 'y' beside it"]),
        ("bits,cycles,lat\n1,2,3\n", ["'lat' needs 'lon' beside it"]),
        ("bits,cycles,x,y,lat,lon\n1,2,3,4,5,6\n", ["'x' and 'lat' say the same"]),
        ("bits,cycles\n1,2\n3\n", ["line 3: it has 1 cells, the header 2"]),
        ("bits,cycles\n1,2,7\n", ["line 2: it has 3 cells, the header 2"]),
        ('bits,cycles\n1,2\n3,"4\n5,6\n', ["line 4", "a quote may be open"]),
        ("bits,cycles\n1," + "2" * 200_000, ["line 2", "field limit"]),
        ("bits,cycles,service\n1,2,café\n".encode("latin-1"), ["line 2 is not UTF-8 (byte 0xe9)"]),
        (GOOD.encode("utf-16"), ["it is UTF-16", "CSV UTF-8"]),
        (b"PK\x03\x04\x14\x00", ["it is an Excel workbook", "CSV UTF-8"]),
    ],
)
def test_what_is_no_table_is_refused_with_the_remedy(text, words, tmp_path):
    said = refusal(text, tmp_path)
    assert all(word in said for word in words), said


BAD_CELLS = {
    "": "it is empty",
    "  ": "it is empty",
    "0": "must be above 0 bits",
    "-5": "must be above 0 bits",
    "nan": "not finite",
    "NaN": "not finite",
    "inf": "not finite",
    "-Infinity": "not finite",
    "1e999": "not finite",
    "1e19": "check its unit",
    "=B2*8": "formula",
    "@SUM(A1)": "formula",
    "#DIV/0!": "formula or its error",
    "#N/A": "formula or its error",
    "N/A": "not finite",
    "2_000": "not a number",
    "٣": "not a number",
    "0x10": "not a number",
    "5 kb": "not a number",
    "True": "not a number",
    '"3,5"': "a point for the decimal comma",
    '"428,000"': "leave out commas between thousands",
    '"1,000,000"': "leave out commas between thousands",
    '"1\n2"': "not a number",
}


@pytest.mark.parametrize("cell", BAD_CELLS)
def test_a_wrong_cell_is_told_by_line_column_value_and_remedy(cell, tmp_path):
    said = refusal(f"cycles,bits\n5e8,2e5\n1e9,{cell}\n5e8,3e5\n", tmp_path)
    line = 4 if "\n" in cell else 3
    assert said.startswith(f"line {line}: bits: ")
    assert BAD_CELLS[cell] in said
    assert cell.strip().strip('"').split("\n")[0] in said
    assert said.count("line") == 1


@pytest.mark.parametrize(
    ("column", "cell", "words"),
    [
        ("lat", "90.5", "too high; check its unit, it may be at most 90 degrees"),
        ("lat", "-90.5", "-90 or more degrees"),
        ("lon", "181", "too high"),
        ("x", "1e8", "too high"),
        ("slot", "1.5", "not whole"),
        ("slot", "-1", "0 or more"),
        ("slot", "two", "give a whole number"),
        ("deadline", "0", "above 0 s"),
        ("weight", "0", "above 0"),
        ("service", "=cmd|x", "formula"),
        ("service", "x" * 65, "64 printable characters"),
        ("service", "a\x07b", "printable"),
    ],
)
def test_each_column_has_its_own_limits(column, cell, words, tmp_path):
    beside = {"lat": "lon", "lon": "lat", "x": "y"}.get(column)
    names = ["bits", "cycles", column, *([beside] if beside else [])]
    cells = ["1", "1", cell, *(["1"] if beside else [])]
    said = refusal(",".join(names) + "\n" + ",".join(cells) + "\n", tmp_path)
    assert said.startswith(f"line 2: {column}: ")
    assert words in said


def test_of_many_wrong_rows_the_first_are_told_and_all_are_counted(tmp_path):
    rows = ["1,1"] * 10_000 + [f"{number},-1" for number in range(1, 40)] + ["1,1"] * 10_000
    said = refusal("bits,cycles\n" + "\n".join(rows), tmp_path)
    assert [f"line {number}" in said for number in (10_001, 10_002, 10_003, 10_004, 10_005)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert said.endswith("rows that are wrong beside these: 36")


def test_the_counting_of_wrong_rows_ends(tmp_path):
    said = refusal("bits,cycles\n" + "0,0\n" * 100_000, tmp_path)
    assert said.endswith("rows that are wrong beside these: at least 997")


def test_a_row_with_several_wrong_cells_is_told_once(tmp_path):
    said = refusal("bits,cycles\n-1,-1\n", tmp_path)
    assert said.count("line 2") == 1
    assert "beside these" not in said


def test_what_is_no_file_or_too_long_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "tasks.csv"
    for bad, words in ((path, "No such file"), (tmp_path, "irectory"), ("/dev/zero", "not a file")):
        with pytest.raises(ValueError, match=words):
            tables.read_csv(bad, COLUMNS)
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ValueError, match=r"tasks\.csv: it is longer than 268,435,456 bytes"):
        tables.read_csv(path, COLUMNS)


@pytest.mark.slow
def test_many_rows_take_little_more_memory_than_their_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 10**5)
    path = tmp_path / "tasks.csv"
    numbers = np.random.default_rng(0).uniform(1e5, 1e6, (10**5, 2)).round(3)
    np.savetxt(path, numbers, "%.3f", ",", header="bits,cycles", comments="")
    tracemalloc.start()
    table = tables.read_csv(path, COLUMNS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (table["cycles"] == numbers[:, 1]).all()
    assert most < 5 * numbers.nbytes
    with open(path, "a") as file:
        file.write("1,1\n")
    with pytest.raises(ValueError, match="more than 100,000 rows"):
        tables.read_csv(path, COLUMNS)


amounts = st.floats(1e-6, 1e18)
names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "bits": amounts,
                "cycles": amounts,
                "deadline": amounts,
                "service": names.filter(lambda name: name[0] not in "=@#"),
                "slot": st.integers(0, 2**53),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(",;\t|"),
    st.permutations(["bits", "cycles", "deadline", "service", "slot"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_the_csv_writer_writes_is_read_to_the_last_bit(
    tmp_path_factory, rows, separator, order, quoting
):
    path = tmp_path_factory.mktemp("tables") / "tasks.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, order, delimiter=separator, quoting=quoting)
        writer.writeheader()
        writer.writerows(rows)
    table = tables.read_csv(path, COLUMNS)
    for name in order:
        assert table[name].tolist() == [row[name] for row in rows]
    assert Tasks.of(path) == Tasks.of(rows) == Tasks.of({n: table[n] for n in order})


def attempt(path):
    """Return what reading says, and the tasks where it says nothing."""
    try:
        return "", Tasks.of(path)
    except ValueError as error:
        return str(error), None


@pytest.mark.slow
def test_no_damage_to_a_file_gives_more_than_one_line(tmp_path):
    rng = random.Random(0)
    good = b"bits;cycles;deadline;service;x;y;slot\r\n" + b"".join(
        b"%d;%d;0.%d;cam;%d.5;%d;%d\r\n" % (n + 1, n + 2, n + 1, n, n, n // 3) for n in range(20)
    )
    path, read_well = tmp_path / "tasks.csv", 0
    for _ in range(1500):
        text = bytearray(good)
        for _ in range(rng.choice([1, 1, 2, 8])):
            place = rng.randrange(len(text) or 1)
            change = rng.randrange(4)
            if change == 0 and text:
                text[place] = rng.randrange(256)
            elif change == 1:
                del text[place : place + rng.randrange(1, 40)]
            elif change == 2:
                text[place:place] = bytes(rng.choices(b'",;\n\r\x00=-+e9.', k=rng.randrange(1, 9)))
            else:
                text = text[: place + 1]
        path.write_bytes(text)
        said, tasks = attempt(path)
        assert "\n" not in said
        if tasks is None:
            assert said.startswith(f"{path}: ")
        else:
            read_well += 1
            assert np.isfinite(tasks.bits).all()
            assert (tasks.bits > 0).all()
            assert len(tasks) <= 60
    assert 0 < read_well < 1500


def test_columns_of_another_table_need_no_code_of_their_own(tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("Name;X;Y;Places\nroof;1;2;4\n")
    places = Column("places", "tasks", kind="whole", needed=True)
    table = tables.read_csv(path, [Column("x", "m"), Column("y", "m"), places])
    assert {name: array.tolist() for name, array in table.items()} == {
        "x": [1.0],
        "y": [2.0],
        "places": [4],
    }
