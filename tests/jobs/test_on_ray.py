"""Pieces done on Ray: a lost node, a killed worker, a lost driver, a machine that does not fit."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import at_work
import pytest

import mec_gym
from mec_gym import jobs
from mec_gym.jobs import Processes, Results
from mec_gym.jobs.on_ray import OnRay, code_digest

TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("MEC_GYM_NODE_KILLS", 1))
"""`make soak` sets 50."""

pytestmark = pytest.mark.slow

DRIVER = """
import sys
from pathlib import Path
import at_work
from mec_gym import jobs
from mec_gym.jobs.on_ray import OnRay
numbers, seconds, out, starts, address = sys.argv[1:6]
pieces = at_work.squares(range(int(numbers)), seconds=float(seconds), starts=starts)
jobs.run(pieces, jobs.Results(Path(out)), OnRay(address))
"""


@pytest.fixture(scope="module")
def nodes(cluster):
    """Three nodes; a test that loses one adds another."""
    return [cluster.add() for _ in range(3)]


def pieces_of(tmp_path, count=9, seconds=0.3):
    return at_work.squares(range(count), seconds=seconds, starts=str(tmp_path / "starts"))


def starts_in(tmp_path):
    file = tmp_path / "starts"
    return Counter(map(int, file.read_text().split())) if file.exists() else Counter()


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.result")}


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_lost_node_costs_no_result_and_each_is_as_made_here(
    kill, cluster, nodes, tmp_path, capsys
):
    pieces, lost = pieces_of(tmp_path), threading.Event()

    def lose_one():
        while sum(starts_in(tmp_path).values()) < 4 + kill % 3:
            time.sleep(0.01)
        cluster.lose(nodes.pop(kill % 3))
        lost.set()

    thread = threading.Thread(target=lose_one)
    thread.start()
    assert jobs.run(pieces, Results(tmp_path / "ray"), OnRay(cluster.address)) == {}
    thread.join()
    nodes.append(cluster.add())
    assert lost.is_set()
    starts = starts_in(tmp_path)
    again = [
        line for line in capsys.readouterr().err.splitlines() if "as its worker was lost" in line
    ]
    # What a note of was written may have been done when the node was lost, and is then not lost.
    assert {f"square {n}" for n, count in starts.items() if count > 1} <= {
        line.split(":")[0] for line in again
    }
    print("\n".join(again))
    jobs.run(pieces, Results(tmp_path / "here"), Processes(2), show=False)
    assert files_in(tmp_path / "ray") == files_in(tmp_path / "here")
    assert len(files_in(tmp_path / "ray")) == 9


def test_a_killed_worker_has_its_piece_taken_up_from_the_storage(cluster, nodes, tmp_path, capsys):
    storage = tmp_path / "storage"
    storage.mkdir()
    first, bad = at_work.of(at_work.killed_at_first, "first"), at_work.of(at_work.fail, "bad")
    store = Results(tmp_path / "out")
    failed = jobs.run([first, bad], store, OnRay(cluster.address, storage))
    assert failed == {"bad": "RuntimeError: bad luck"}
    assert store.values(first) == {"found": "left by the first"}
    assert "first: started 2 times" in capsys.readouterr().err
    assert [path.name for path in storage.iterdir()] == [bad.key]


def test_a_killed_driver_is_started_again_and_does_the_rest(cluster, nodes, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    out, starts = tmp_path / "out", tmp_path / "starts"
    arguments = ["12", "0.4", str(out), str(starts), cluster.address]
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, str(tmp_path / "driver.py"), *arguments]
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len(files_in(out)) < 3:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    done = files_in(out)
    assert 3 <= len(done) < 12
    finished = {
        json.loads(content.split(b"\n", 1)[0])["settings"]["number"] for content in done.values()
    }
    subprocess.run(command, env=env, check=True, timeout=60, stderr=subprocess.DEVNULL)
    assert len(files_in(out)) == 12
    assert done.items() <= files_in(out).items()
    assert all(starts_in(tmp_path)[number] == 1 for number in finished)


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ("__version__ = '0.0.9'", "its mec_gym is 0.0.9, here it is"),
        ("raise ImportError('broken')", "it has no mec_gym"),
    ],
)
def test_a_node_without_the_packages_version_is_refused(
    init, words, cluster, nodes, tmp_path, monkeypatch
):
    package = tmp_path / "other" / "mec_gym"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(init)
    monkeypatch.chdir(tmp_path)  # Ray's workers look for modules where the driver stands as well
    other = cluster.add(str(package.parent))
    try:
        with pytest.raises(ValueError, match=f"ray: machine .*: {words}.*install there"):
            jobs.run(pieces_of(tmp_path), Results(tmp_path / "out"), OnRay(cluster.address))
    finally:
        cluster.lose(other)
    assert not starts_in(tmp_path)


def test_a_node_that_joins_later_without_the_version_gets_nothing_done(
    cluster, nodes, tmp_path, monkeypatch, capsys
):
    package = tmp_path / "other" / "mec_gym"
    package.mkdir(parents=True)
    asked = tmp_path / "asked"
    (package / "__init__.py").write_text(
        f"__version__ = '0.0.9'\nopen({str(asked)!r}, 'w').close()"
    )
    monkeypatch.chdir(tmp_path)
    pieces, added = [at_work.of(at_work.wait_for_file, f"{n}", file=asked) for n in range(9)], []

    class Joined(OnRay):
        def _refuse_others(self):
            super()._refuse_others()
            added.append(cluster.add(str(package.parent)))

    try:
        failed = jobs.run(pieces, Results(tmp_path / "out"), Joined(cluster.address))
    finally:
        cluster.lose(*added)
    assert failed == {}
    assert len(files_in(tmp_path / "out")) == 9
    said = capsys.readouterr().err
    assert "its mec_gym is 0.0.9" in said
    assert said.count("is done elsewhere") == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "no address; give auto, or host:port"),
        ("http://host:1", "no address"),
        ("127.0.0.1:99999", "nothing answers"),
    ],
)
def test_an_address_that_is_none_is_refused_before_any_work(address, words):
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match=f"ray: .*{words}"):
        OnRay(address)


def test_where_something_else_answers_it_is_said():
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ValueError, match=r"nothing answers at .*`ray start --head` printed"):
        OnRay(f"127.0.0.1:{port}")


def test_the_digest_of_the_code_is_of_every_source(monkeypatch, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "deep" / "a.py").write_text("a")
    monkeypatch.setattr(mec_gym, "__file__", str(tmp_path / "__init__.py"))
    digests = set()
    for text in ("a", "b", "a"):
        (tmp_path / "deep" / "a.py").write_text(text)
        code_digest.cache_clear()
        digests.add(code_digest())
    code_digest.cache_clear()
    assert len(digests) == 2
