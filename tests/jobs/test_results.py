"""Results in a folder: whole, checked, and of one command at a time."""

import os

import at_work
import pytest

from mec_gym.jobs import Directories, Results
from mec_gym.jobs.pieces import Piece, do
from mec_gym.jobs.results import enter, entries, held

PIECE = at_work.of(at_work.square, "nine", number=3)


def test_a_result_is_there_once_it_is_written_and_of_other_settings_it_is_not(tmp_path):
    store = Results(tmp_path)
    assert not store.finished(PIECE)
    store.write(PIECE, b'{"square": 9}')
    assert store.finished(PIECE)
    assert store.values(PIECE) == {"square": 9}
    assert not store.finished(at_work.of(at_work.square, "nine", number=4))
    assert [path.suffix for path in tmp_path.iterdir()] == [".result"]


def test_every_changed_byte_of_a_result_is_said_and_it_is_not_there(tmp_path, capsys):
    store = Results(tmp_path)
    store.write(PIECE, b"result")
    content = store.path(PIECE).read_bytes()
    for at in range(len(content)):
        store.path(PIECE).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert not store.finished(PIECE)
    for cut in range(len(content)):
        store.path(PIECE).write_bytes(content[:cut])
        assert not store.finished(PIECE)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 * len(content)
    assert all(str(store.path(PIECE)) in line and "made anew" in line for line in said)
    with pytest.raises(ValueError, match="damaged"):
        store.read(PIECE)


def test_a_directory_is_there_as_a_whole_or_not(tmp_path):
    store, piece = Directories(tmp_path), at_work.of(at_work.files, "some", number=5)
    with pytest.raises(ValueError, match="result: "):
        store.write(piece, b"no archive")
    assert not store.finished(piece)
    assert list(tmp_path.iterdir()) == []
    store.write(piece, do(piece, None).result)
    assert store.finished(piece)
    assert (tmp_path / "some" / "deep" / "file").read_text() == "5"


def test_a_directory_made_with_other_settings_is_refused(tmp_path):
    store, piece = Directories(tmp_path), at_work.of(at_work.files, "some", number=5)
    with held(tmp_path):
        store.write(piece, do(piece, None).result)
        enter(tmp_path, piece, 1.0)
    assert store.finished(piece)
    with pytest.raises(ValueError, match=r"other settings.*another directory"):
        store.finished(at_work.of(at_work.files, "some", number=6))


def test_a_folder_is_one_commands_at_a_time(tmp_path):
    with held(tmp_path), pytest.raises(ValueError, match="another command works into"):
        held(tmp_path).__enter__()
    with held(tmp_path) as place:
        assert place.parent.is_dir()


@pytest.mark.parametrize("folder", ["/proc/none", "file/below"])
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"out: cannot write .*; give another directory"):
        held(tmp_path / folder).__enter__()


def test_what_was_noted_is_found_again_but_for_a_line_cut_short(tmp_path):
    with held(tmp_path):
        assert entries(tmp_path) == {}
        enter(tmp_path, PIECE, 1.5)
        enter(tmp_path, Piece("other", "m:f", {}, weight=2.0), 3.0)
    notes = tmp_path / ".jobs" / "finished.jsonl"
    os.truncate(notes, notes.stat().st_size - 4)
    assert entries(tmp_path) == {
        "nine": {"name": "nine", "digest": PIECE.digest, "seconds": 1.5, "weight": 1.0}
    }
