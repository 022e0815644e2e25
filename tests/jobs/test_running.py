"""Pieces done by processes here: each once, whatever fails, is killed or is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import at_work
import pytest

from mec_gym import jobs
from mec_gym.jobs import Processes, Results
from mec_gym.jobs.pieces import Outcome
from mec_gym.jobs.running import Estimate

TESTS = Path(__file__).parents[1]

DRIVER = """
import sys
from pathlib import Path
import at_work
from mec_gym import jobs
if __name__ == "__main__":
    numbers, seconds, out, starts = range(int(sys.argv[1])), float(sys.argv[2]), *sys.argv[3:5]
    pieces = at_work.squares(numbers, seconds=seconds, starts=starts)
    jobs.run(pieces, jobs.Results(Path(out)), jobs.Processes(2))
"""


class Here:
    """Workers in this process, which note what they are given."""

    count, where = 2, "this test"

    def __init__(self):
        self.given = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def unfinished(self, local):
        return None

    def outcomes(self, pieces, unfinished):
        for piece in pieces:
            self.given.append(piece.name)
            yield jobs.pieces.do(piece, None)._replace(seconds=36.0 * piece.weight)


def test_what_is_finished_is_not_done_again_and_what_fails_stops_no_other(tmp_path, capsys):
    pieces = [at_work.of(at_work.fail, "bad"), *at_work.squares([1, 2]), *at_work.squares([1])]
    store, here = Results(tmp_path), Here()
    assert jobs.run(pieces, store, here) == {"bad": "RuntimeError: bad luck"}
    assert here.given == ["bad", "square 1", "square 2"]
    said = capsys.readouterr().err
    assert "failed: bad: RuntimeError: bad luck" in said
    assert "piece 3 of 3" in said
    here.given.clear()
    assert jobs.run(pieces, store, here).keys() == {"bad"}
    assert here.given == ["bad"]
    store.path(pieces[1]).write_bytes(b"damaged")
    jobs.run(pieces[1:], store, here)
    assert here.given == ["bad", "square 1"]
    assert store.values(pieces[1])["square"] == 1


def test_nothing_is_started_where_all_is_finished(tmp_path):
    store, pieces = Results(tmp_path), at_work.squares([1])
    jobs.run(pieces, store, Here())
    assert jobs.run(pieces, store, None) == {}


def test_a_piece_started_again_is_said(tmp_path, capsys):
    class Lost(Here):
        def outcomes(self, pieces, unfinished):
            for piece in pieces:
                yield Outcome(piece, b"1", starts=2)

    jobs.run(at_work.squares([1]), Results(tmp_path), Lost())
    assert "square 1: started 2 times, as its worker was lost" in capsys.readouterr().err


def test_an_estimate_does_the_first_pieces_and_takes_their_time_for_the_others(tmp_path):
    pieces, store, here = at_work.squares(range(12)), Results(tmp_path), Here()
    found = jobs.estimate(pieces, store, here, unit="piece")
    assert here.given == ["square 0", "square 1"]
    assert found == Estimate(12, 2, pytest.approx(10 * 36 / 2 / 3600), "this test")
    assert "12 pieces, 2 of them finished; about 3 minutes" in str(found)
    assert "about 1 minute for" in str(Estimate(12, 2, 1 / 60, "this test"))
    jobs.run(pieces, store, here)
    assert len(here.given) == 12
    assert "nothing is left" in str(jobs.estimate(pieces, store, here, unit="piece"))
    with pytest.raises(ValueError, match="bad: RuntimeError: bad luck"):
        jobs.estimate([at_work.of(at_work.fail, "bad")], store, here, unit="piece")


def test_processes_below_1_are_refused():
    with pytest.raises(ValueError, match="processes: 0; give 1 or more"):
        Processes(0)


@pytest.mark.slow
def test_processes_give_what_one_gives_with_one_thread_each_and_leave_no_variable(tmp_path):
    pieces, store = at_work.squares(range(5)), Results(tmp_path)
    before = dict(os.environ)
    assert jobs.run(pieces, store, Processes(2), show=False) == {}
    assert [store.values(piece) for piece in pieces] == [
        {"square": n**2, "threads": "1"} for n in range(5)
    ]
    assert dict(os.environ) == before


@pytest.mark.slow
def test_a_killed_process_has_its_piece_taken_up_where_it_was(tmp_path, capsys):
    first = at_work.of(at_work.killed_at_first, "first")
    pieces, store = [first, *at_work.squares(range(3), seconds=0.1)], Results(tmp_path)
    assert jobs.run(pieces, store, Processes(2)) == {}
    assert store.values(first) == {"found": "left by the first"}
    assert "first: started 2 times, as its worker was lost" in capsys.readouterr().err
    assert not list((tmp_path / ".jobs" / "unfinished").iterdir())


@pytest.mark.slow
def test_a_piece_that_has_its_process_killed_each_time_fails_and_no_other_does(tmp_path):
    bad, others = at_work.of(at_work.killed, "bad"), at_work.squares(range(4), seconds=0.2)
    store = Results(tmp_path)
    failed = jobs.run([others[0], bad, *others[1:]], store, Processes(2), show=False)
    assert failed == {"bad": "its process was killed 4 times"}
    assert all(store.values(piece)["square"] == n**2 for n, piece in enumerate(others))


def driver(tmp_path, numbers, seconds):
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    out, starts = tmp_path / "out", tmp_path / "starts"
    command = [sys.executable, str(script), str(numbers), str(seconds), str(out), str(starts)]
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env), out, starts


def wait_for(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_driver_that_is_killed_or_interrupted_keeps_what_is_done_and_goes_on(number, tmp_path):
    process, out, starts = driver(tmp_path, 8, 0.4)
    with process:
        wait_for(lambda: len(list(out.glob("*.result"))) >= 3, process)
        process.send_signal(number)
        process.communicate(timeout=30)  # workers that lived on would keep stderr open
    assert process.returncode != 0
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.result")}
    assert 3 <= len(done) < 8
    again, out, starts = driver(tmp_path, 8, 0.4)
    with again:
        again.communicate(timeout=60)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done
    results = [
        json.loads(p.read_bytes().split(b"\n", 1)[1])["square"] for p in out.glob("*.result")
    ]
    assert sorted(results) == [n**2 for n in range(8)]
    assert not list(out.rglob("*.new"))
    started = Counter(starts.read_text().split())
    assert sum(started.values()) <= 8 + 2


@pytest.mark.slow
def test_a_second_driver_on_the_same_folder_is_refused_in_one_line(tmp_path):
    process, out, _ = driver(tmp_path, 3, 1)
    with process:
        wait_for((out / ".jobs" / "lock").exists, process)
        with pytest.raises(ValueError, match="another command works into"):
            jobs.run(at_work.squares([1]), Results(out), Here())
        assert process.wait(timeout=60) == 0
