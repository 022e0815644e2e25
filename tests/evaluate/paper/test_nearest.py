"""The table of the readings nearest to the stated values."""

from evaluate.paper import nearest


def test_the_table_of_readings_shows_the_default_each_single_change_and_the_nearest(readings):
    table = nearest.explain(readings)
    starts = ("our default", "σ² as power, W |", "B/M each |", "servers drawn each slot |",
              "shares equal |", "GOA within capacity |")  # fmt: skip
    for start in starts:
        assert f"| {start}" in table
    best = readings[0]
    (line,) = (line for line in table.splitlines() if "nearest to all" in line)
    assert f"{best.distance:.0%}" in line
    assert (f"shares {best.shares}" in line) == (best.shares == "equal")
    assert "**nearest at 5 GHz" in table
    assert "nearest in Fig. 5" in table
