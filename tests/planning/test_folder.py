"""The directory of a plan: for one plan alone, its files whole."""

import json
from pathlib import Path

import pytest

from mec_gym.io.digests import with_digest
from mec_gym.jobs.results import held
from mec_gym.planning import folder

SETTINGS = {"network": "slack", "vary": [["num_servers", 2, 3]], "seed": 1}


def test_it_is_made_and_gone_on_with_by_the_same_plan(tmp_path):
    out = tmp_path / "a" / "plan"
    folder.check(out, SETTINGS)
    assert not out.exists()
    folder.begin(out, SETTINGS)
    folder.check(out, SETTINGS)
    folder.check(out, json.loads(json.dumps(SETTINGS)))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"seed": 2}, r"other seed\)"), ({"network": "paper", "vary": []}, "other network, vary")],
)
def test_another_plan_is_refused_by_what_differs(tmp_path, change, words):
    folder.begin(tmp_path, SETTINGS)
    with pytest.raises(ValueError, match=f"^out: .*another plan.*{words}"):
        folder.check(tmp_path, SETTINGS | change)


def test_a_long_setting_is_kept_as_its_digest_and_told_from_others(tmp_path):
    long = SETTINGS | {"network": {"server_hz": list(range(1000))}}
    folder.begin(tmp_path, long)
    assert len((tmp_path / folder.SETTINGS_FILE).read_text()) < 1000
    folder.check(tmp_path, long)
    with pytest.raises(ValueError, match="other network"):
        folder.check(tmp_path, SETTINGS | {"network": {"server_hz": list(range(1001))}})


def test_what_is_no_plan_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"^out: .* holds files that are no plan"):
        folder.check(tmp_path, SETTINGS)
    for inside in ("mine.txt", "mine.txt/a/b"):
        with pytest.raises(ValueError, match=r"^out: .*mine.txt is a file; give a directory"):
            folder.check(tmp_path / inside, SETTINGS)


def test_a_directory_that_cannot_be_written_is_refused_by_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(ValueError, match=rf"^out: {tmp_path} cannot be written; give another"):
        folder.check(tmp_path / "a" / "b", SETTINGS)
    with pytest.raises(ValueError, match=r"^out: /proc/x/y cannot be written: .*; give another"):
        folder.begin(Path("/proc/x/y"), SETTINGS)


def failing(out, *results):
    """Begin a plan that makes some results and is then interrupted."""
    with folder.undone(out):
        folder.begin(out, SETTINGS)
        with held(out / folder.PIECES):
            for name in results:
                (out / folder.PIECES / name).write_text("x")
        raise KeyboardInterrupt


def fail(out, *results):
    with pytest.raises(KeyboardInterrupt):
        failing(out, *results)


def test_a_plan_that_fails_leaves_nothing_but_results(tmp_path):
    out = tmp_path / "a" / "b"
    fail(out)
    assert not list(tmp_path.iterdir())
    fail(out, "one.result")
    assert {path.name for path in out.iterdir()} == {folder.SETTINGS_FILE, folder.PIECES}
    fail(out)  # begun before, so it stays
    assert (out / folder.SETTINGS_FILE).exists()
    folder.check(out, SETTINGS)


def test_a_plan_that_fails_takes_nothing_from_another_that_works_there(tmp_path):
    with (
        held(tmp_path / folder.PIECES),
        pytest.raises(ValueError, match="another command works"),
    ):
        failing(tmp_path)
    assert (tmp_path / folder.SETTINGS_FILE).exists()


@pytest.mark.parametrize("content", [b"", b"{", with_digest({"format": 99})])
def test_a_damaged_note_is_refused(tmp_path, content):
    (tmp_path / folder.SETTINGS_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=r"^out: .*settings.json: "):
        folder.check(tmp_path, SETTINGS)


def test_a_version_of_its_own_makes_another_plan(tmp_path, monkeypatch):
    folder.begin(tmp_path, SETTINGS)
    monkeypatch.setattr("mec_gym.__version__", "9.9")
    with pytest.raises(ValueError, match="other mec_gym"):
        folder.check(tmp_path, SETTINGS)


def test_tables_have_a_row_a_line_and_none_is_an_empty_cell(tmp_path):
    folder.write_csv(tmp_path / "t.csv", ("a", "b"), [[1, None], ["x, y", 0.1]])
    assert (tmp_path / "t.csv").read_text() == 'a,b\n1,\n"x, y",0.1\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        folder.write_json(tmp_path / "t.json", {"a": float("inf")})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"]
