"""`python -m evaluate.paper.figures` from end to end."""

import pytest

from evaluate.paper import figures, study
from evaluate.paper.measurements import Row, read_rows
from evaluate.paper.study import Study
from mec_gym import jobs
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.run.config import TrainConfig

TINY = {
    "quick": True,
    "seeds": 2,
    "loss_seeds": 2,
    "episodes": 15,
    "epsilon_episodes": 10,
    "loss_episodes": 50,
    "batch_sizes": (16, 32),
    "frequencies_ghz": (5,),
    "complexities": (500, 1000),
    "presets": ("paper",),
    "slots": 20,
}


@pytest.mark.slow
def test_a_quick_study_runs_from_end_to_end_and_a_second_time_trains_nothing(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(figures, "QUICK", TINY)
    monkeypatch.setattr(study, "PAPER", TrainConfig(heldout_slots=20))
    out, docs = tmp_path / "out", tmp_path / "docs"
    flags = ["--quick", "--out", str(out), "--processes", "2", "--publish", str(docs)]
    assert figures.main(flags) == 0
    names = {path.name for path in out.iterdir()}
    for name in ("fig3", "fig4", "fig5"):
        assert {f"{name}.png", f"{name}.svg", f"{name}.csv"} <= names
        assert (docs / f"{name}.png").stat().st_size < 150_000
    assert len(read_rows(out / "fig4.csv", Row)) == 6
    assert len(read_rows(out / "fig5.csv", Row)) == 12
    assert Study.from_toml(out / "study.toml") == Study(**TINY)
    printed = capsys.readouterr().out
    assert f"fig4: {out}/fig4.png, its numbers {out}/fig4.csv\n" in printed
    assert f"readings: {out}/readings.csv\n" in printed
    assert "\npython -m evaluate --benchmark --model $(cat " in printed
    boards = (out / "leaderboard.txt").read_text().split()
    assert [load_policy(board).scenario.label for board in boards[::2]] == [
        "paper",
        "paper-frequency",
        "paper-complexity",
    ]
    numbers = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    started = {path: path.stat().st_mtime_ns for path in (out / "cells").glob("*-seed*")}
    assert len(started) == 16
    assert figures.main(flags) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "cells").glob("*-seed*")} == started
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == numbers

    # The study's own file is there only while the numbers beside it are complete.
    lost = Study(**TINY).loss_runs(16)[0].name
    monkeypatch.setattr(jobs, "run", lambda *_, **__: {lost: "RuntimeError: bad luck"})
    capsys.readouterr()
    assert figures.main(flags) == 1
    said = capsys.readouterr().err
    assert f"fig3: left out; it needs {lost}" in said
    assert f"failed: {lost}: RuntimeError: bad luck" in said
    assert not (out / "study.toml").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--processes", "0"], ["processes: 0", "1 or more"]),
        (["--storage", "/tmp"], ["storage", "--ray"]),
        (["--seeds", "1"], ["seeds", "1", "greater than or equal to 2"]),
        (["--out", "/proc/none"], ["/proc/none"]),
    ],
)
def test_a_bad_command_line_gets_one_clear_line(flags, words, capsys):
    assert figures.main(flags) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1
    assert all(word in message for word in words)
