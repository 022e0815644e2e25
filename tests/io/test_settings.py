"""What every settings block promises: frozen, checked, one-line errors, TOML in and out."""

import math

import pytest
from pydantic import Field

from mec_gym.io.names import lookup
from mec_gym.io.settings import NumberOrEach, Positive, RangeField, Settings
from mec_gym.ranges import low_high


class Inner(Settings):
    depth_m: Positive = 2.0


class Block(Settings):
    length_m: Positive = 3.0
    span: RangeField = (1.0, 2.0)
    each: NumberOrEach = 1.0
    count: int = Field(4, ge=1)
    remark: str | None = None
    inner: Inner = Inner()


def refusal(call, *args, **kwargs):
    """Return the one line that a bad input gets."""
    with pytest.raises(ValueError, match=r".") as caught:
        call(*args, **kwargs)
    line = str(caught.value)
    assert "\n" not in line
    assert "pydantic" not in line
    return line


@pytest.mark.parametrize("bad", [0, -1.5, math.nan, math.inf, -math.inf, "three", None, True, [1]])
def test_a_quantity_that_is_not_finite_and_positive_is_refused_with_name_and_value(bad):
    line = refusal(Block, length_m=bad)
    assert line.startswith("length_m: ")
    assert repr(bad) in line


def test_a_whole_number_too_large_for_a_float_is_refused_like_infinity():
    assert refusal(Block, length_m=10**400).startswith("length_m: ")


@pytest.mark.parametrize(
    "bad",
    [(2.0, 1.0), (1.0, 1.0), (), (1.0,), (1.0, 2.0, 3.0), (0, 1), (1, math.inf), (1, math.nan)],
)
def test_an_empty_or_reversed_or_unbounded_range_is_refused_by_name(bad):
    assert refusal(Block, span=bad).startswith("span: ")


def test_a_range_may_be_one_number():
    assert Block(span=5).span == 5.0
    assert low_high(Block(span=5).span) == (5.0, 5.0)
    assert low_high(Block(span=[5, 6]).span) == (5.0, 6.0)


@pytest.mark.parametrize("bad", [(1.0, 0.0), (1.0, math.nan), "x"])
def test_one_bad_number_of_several_is_refused_by_name(bad):
    assert refusal(Block, each=bad).startswith("each: ")


def test_an_unknown_field_is_refused_by_name():
    line = refusal(Block, lenght_m=1.0)
    assert line.startswith("lenght_m: ")
    assert "no such field; did you mean length_m?" in line
    assert refusal(Block, zzz=1) == (
        "zzz: no such field; there are: count, each, inner, length_m, remark, span"
    )


def test_a_toml_file_may_begin_with_a_mark_and_must_be_utf8(tmp_path):
    path = tmp_path / "block.toml"
    path.write_text("\ufefflength_m = 5\n", encoding="utf-8")
    assert Block.from_toml(path).length_m == 5
    path.write_bytes(b'length_m = 5\nremark = "caf\xe9"\n')
    assert refusal(Block.from_toml, path) == (
        f"{path}: line 2 is not UTF-8 (byte 0xe9); save it as UTF-8"
    )


def test_every_wrong_field_is_named_in_the_one_line():
    line = refusal(Block, length_m=-1, count=0)
    assert "length_m" in line
    assert "count" in line
    assert "-1" in line
    assert "0" in line


def test_a_wrong_field_of_an_inner_block_is_named_with_its_place():
    line = refusal(Block, inner={"depth_m": -7})
    assert "inner" in line
    assert "depth_m" in line
    assert "-7" in line


def test_a_block_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        Block().length_m = 4.0


def test_replace_changes_some_fields_and_checks_them():
    block = Block(length_m=5, remark="kept").replace(count=7)
    assert (block.length_m, block.count, block.remark) == (5.0, 7, "kept")
    assert refusal(block.replace, length_m=0).startswith("length_m: ")
    assert "nothing" in refusal(block.replace, nothing=1)


def test_toml_writes_every_field_and_reads_back_equal(tmp_path):
    for block in (Block(), Block(length_m=1e-9 / 3, span=7, each=(1, 2.5), inner=Inner(depth_m=9))):
        path = tmp_path / "block.toml"
        path.write_text(block.to_toml(), encoding="utf-8")
        assert Block.from_toml(path) == block
        assert Block.from_toml(str(path)) == block
    assert "length_m = 3.0" in Block().to_toml()


def test_toml_may_give_only_what_differs(tmp_path):
    path = tmp_path / "block.toml"
    path.write_text("count = 9\n")
    assert Block.from_toml(path) == Block(count=9)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"count = ", "line 1|end of document"),
        (b"count = 1\ncount = 2\n", "count|overwrite"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"cuont = 1\n", "cuont"),
        (b"count = 0\n", "count.*0"),
        (b"self = 1\n", "self"),
        (b"[inner]\ndepth_m = -1\n", "inner.*depth_m.*-1"),
    ],
)
def test_a_bad_toml_file_gets_one_line_with_its_path_and_the_fault(tmp_path, content, says):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        Block.from_toml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_toml_file_or_a_folder_is_refused_with_its_path(tmp_path):
    assert "absent.toml" in refusal(Block.from_toml, tmp_path / "absent.toml")
    assert str(tmp_path) in refusal(Block.from_toml, tmp_path)


def test_pick_returns_the_entry_or_lists_the_names_there_are():
    table = {"b": 2, "a": 1}
    assert lookup(table, "a", "letter") == 1
    assert refusal(lookup, table, "c", "letter") == "letter: no 'c'; there are: a, b"
    assert refusal(lookup, table, ["a"], "letter").startswith("letter: no ['a']")
