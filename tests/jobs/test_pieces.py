"""A piece of work: its digest says all that decides its result, and doing it raises nothing."""

import json

import at_work
import pytest

import mec_gym
from mec_gym.jobs.pieces import Piece, do


def test_the_digest_changes_with_all_that_decides_the_result_and_with_nothing_else(monkeypatch):
    base = Piece("a", "m:f", {"x": 1, "y": [2]}, {"file": b"content"})
    others = [
        Piece("a", "m:g", {"x": 1, "y": [2]}, {"file": b"content"}),
        Piece("a", "m:f", {"x": 2, "y": [2]}, {"file": b"content"}),
        Piece("a", "m:f", {"x": 1, "y": [2]}, {"file": b"other"}),
        Piece("a", "m:f", {"x": 1, "y": [2]}, {"other": b"content"}),
    ]
    assert len({piece.digest for piece in [base, *others]}) == 5
    same = Piece("b", "m:f", {"y": [2], "x": 1}, {"file": b"content"}, {"often": 1}, 3.0, ("m",))
    assert same.digest == base.digest
    monkeypatch.setattr(mec_gym, "__version__", "99")
    assert Piece("a", "m:f", {"x": 1, "y": [2]}, {"file": b"content"}).digest != base.digest


def test_a_key_is_a_name_of_a_file_whatever_the_piece_is_called():
    piece = Piece("a/../b c:é" * 50, "m:f", {})
    assert "/" not in piece.key
    assert len(piece.key.encode()) < 255


def test_settings_that_are_not_json_are_refused():
    with pytest.raises(ValueError, match="JSON"):
        _ = Piece("a", "m:f", {"x": float("nan")}).digest


def test_what_a_function_returns_is_the_result_as_json_or_as_it_is(tmp_path):
    done = do(at_work.of(at_work.square, "nine", number=3), tmp_path)
    assert json.loads(done.result)["square"] == 9
    assert done.seconds > 0
    inputs = {"a": b"123", "b": b""}
    assert do(at_work.of(at_work.count_bytes, "n", inputs), None).result == b"\x03\x00"


@pytest.mark.parametrize(
    ("piece", "words"),
    [
        (at_work.of(at_work.fail, "x"), "RuntimeError: bad luck"),
        (Piece("x", "at_work:no_such", {}), "ValueError: function: no 'at_work:no_such'"),
        (Piece("x", "no_such_module:f", {}), "No module named"),
        (Piece("x", "at_work:square", {"number": 1}, imports=("no_such",)), "No module named"),
    ],
)
def test_what_fails_is_a_failure_in_one_line(piece, words):
    done = do(piece, None)
    assert done.result is None
    assert words in done.failure
    assert "\n" not in done.failure
