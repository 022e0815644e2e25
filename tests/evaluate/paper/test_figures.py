"""`python -m evaluate.paper.figures`: runs are trained once, numbers are right, figures appear."""

import functools
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from stable_baselines3.common.logger import Logger

import mec_gym
from evaluate.paper import figures, stated, study
from evaluate.paper.measurements import Margin, Row, measure, read_rows, write_rows
from evaluate.paper.plots import delay_figure, save
from evaluate.paper.runs import StudyRun, train_all, train_run
from evaluate.paper.smoothness import LossPoint, Roughness, by_run, detrended, read_loss, trend
from evaluate.paper.study import Point, Study
from mec_gym.policies.trained import load_policy
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train

ROOT = Path(__file__).parents[3]
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


def fake_train(log, config, directory, progress):
    with open(log, "a") as file:
        file.write(f"{config.seed}\n")
    if config.seed == 13:
        raise RuntimeError("bad luck")
    directory.mkdir(parents=True)
    (directory / "made-by").write_text(str(config.gamma))
    return SimpleNamespace(interrupted=config.seed == 14)


def run(seed, **changes):
    return StudyRun("some", TrainConfig(seed=seed, **changes))


def test_a_finished_run_is_never_trained_again_and_a_failed_one_stops_no_other(tmp_path, capsys):
    runs, log = tmp_path / "runs", tmp_path / "log"
    wanted = [run(13), run(1), run(2), run(1)]
    trainer = functools.partial(fake_train, log)
    failures = train_all(wanted, runs, 2, trainer)
    assert failures == {run(13).name: "RuntimeError: bad luck"}
    assert f"failed: {run(13).name}: RuntimeError: bad luck" in capsys.readouterr().err
    assert sorted(path.name for path in runs.iterdir()) == sorted([run(1).name, run(2).name])
    assert sorted(log.read_text().split()) == ["1", "13", "2"]
    log.unlink()
    assert train_all(wanted, runs, 1, trainer) == failures
    assert log.read_text().split() == ["13"]


def test_nothing_is_started_when_all_is_finished(tmp_path):
    (tmp_path / run(1).name).mkdir()
    assert train_all([run(1)], tmp_path, 1, trainer=None) == {}


def test_a_run_cut_short_or_failed_is_not_there_and_is_trained_by_the_next_command(tmp_path):
    runs, log = tmp_path / "runs", tmp_path / "log"
    runs.mkdir()
    for seed, error in ((14, InterruptedError), (13, RuntimeError)):
        with pytest.raises(error):
            train_run(run(seed), runs, tmp_path / "first", functools.partial(fake_train, log))
        assert not any(runs.iterdir())
        made = functools.partial(fake_train, log)

        def works(config, directory, progress, made=made):
            return made(config.replace(seed=1), directory, progress)

        train_run(run(seed), runs, tmp_path / "second", works)
        assert (runs / run(seed).name / "made-by").exists()
        (runs / run(seed).name / "made-by").unlink()
        (runs / run(seed).name).rmdir()


def test_a_run_of_other_settings_or_of_slots_drawn_otherwise_is_another_run(monkeypatch):
    names = {run(1).name, run(2).name, run(1, gamma=0.9).name, run(1, log_episodes=1).name}
    names.add(run(1, scenario="paper-varied").name)
    assert len(names) == 5
    assert run(1, gamma=0.95).name == run(1).name
    before = run(1).name
    slot = run(1).config.scenario.sample(1, 5)
    monkeypatch.setattr(mec_gym.Scenario, "sample", lambda self, n, seed: slot)
    assert run(1).name != before


def test_another_command_that_was_faster_does_no_harm(tmp_path):
    runs = tmp_path / "runs"
    (runs / run(1).name).mkdir(parents=True)
    (runs / run(1).name / "finished").write_text("")
    train_run(run(1), runs, tmp_path / "mine", functools.partial(fake_train, tmp_path / "log"))
    assert (runs / run(1).name / "finished").exists()


def test_a_kill_ends_the_workers_and_leaves_nothing_unfinished(tmp_path):
    command = [sys.executable, "-m", "evaluate.paper.figures", "--quick", "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("cells/unfinished-*/*/config.toml")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)  # workers that lived on would keep it open
    assert process.returncode == 130
    assert "goes on where this one was" in said
    assert "Traceback" not in said
    assert "leaked" not in said
    assert list((tmp_path / "cells").iterdir()) == []


def test_the_numbers_are_those_of_average_delay_on_the_same_slots(tmp_path):
    scenario = mec_gym.Scenario.preset("paper")
    policies = {name: mec_gym.policies.get(name) for name in ("roa", "goa", "optimal")}
    seeds = [policies["roa"], policies["goa"]]
    rows, margins = measure([Point("paper", 7, scenario)], {"paper": {"dqn-rao": seeds}}, 30, 9)
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv", Row) == rows
    assert [row.policy for row in rows] == [
        "dqn-rao", "roa", "goa", "goa-capacity", "least-delay", "optimal",
    ]  # fmt: skip
    slots = scenario.sample(30, 9)
    delay = {n: mec_gym.average_delay(slots, p(slots, 9)) for n, p in policies.items()}
    by_name = {row.policy: row for row in rows}
    assert by_name["roa"].delay_s == pytest.approx(delay["roa"].mean())
    assert by_name["roa"].gap == pytest.approx((delay["roa"] / delay["optimal"] - 1).mean())
    assert by_name["optimal"].gap == 0
    # Student's t with 29 degrees of freedom over slots, and with 1 over seeds.
    half = 2.04523 * delay["roa"].std(ddof=1) / np.sqrt(30)
    assert by_name["roa"].delay_ci95_slots_s == pytest.approx(half, rel=1e-5)
    assert by_name["roa"].delay_ci95_seeds_s is None
    trained = by_name["dqn-rao"]
    means = np.array([delay["roa"].mean(), delay["goa"].mean()])
    assert (trained.seeds, trained.x) == (2, 7)
    assert trained.delay_s == pytest.approx(means.mean())
    half = 12.7062 * means.std(ddof=1) / np.sqrt(2)
    assert trained.delay_ci95_seeds_s == pytest.approx(half, rel=1e-5)
    feasible = mec_gym.is_feasible(slots, policies["goa"](slots, 9)).mean()
    assert by_name["goa"].feasible_rate == pytest.approx(feasible)
    assert trained.feasible_rate == pytest.approx((1 + feasible) / 2)
    margin = next(m for m in margins if (m.policy, m.other) == ("dqn-rao", "goa"))
    assert margin.margin == pytest.approx(1 - means.mean() / delay["goa"].mean())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scenario,policy\npaper,roa\n", ["line 2", "seeds", "delay_s"]),
        ("scenario,x,policy,other,margin,ci95\n", ["no rows"]),
        ("scenario,x,policy,other,margin,ci95\n5GHz,5,roa,goa,much,0\n", ["line 2", "margin"]),
    ],
)
def test_a_damaged_table_is_refused_with_file_line_and_remedy(tmp_path, text, words):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"rows\.csv: .*; make it anew with `make figures`") as got:
        read_rows(path, Row if "delay_s" in words else Margin)
    assert all(word in str(got.value) for word in words)


def test_detrending_is_as_worked_by_hand():
    # The middle of the parabola through five values is (-3, 12, 17, 12, -3) / 35 of them.
    values = [1, 2, 6, 4, 2, 0]
    assert trend(values, 5).tolist() == pytest.approx([33 / 7, 158 / 35])
    assert detrended(values, 5).tolist() == pytest.approx([9 / 7, -18 / 35])
    jagged = Roughness.of(values, 5)
    assert jagged.variance == pytest.approx(((9 / 7) ** 2 + (18 / 35) ** 2) / 2)
    assert jagged.relative == pytest.approx(((9 / 33) ** 2 + (18 / 158) ** 2) / 2)
    smooth = (np.arange(50) - 60) ** 2
    assert Roughness.of(smooth).variance == pytest.approx(0, abs=1e-15)
    with pytest.raises(ValueError, match="width: 4"):
        trend(values, 4)


def test_curves_are_compared_over_the_episodes_that_all_have():
    points = [
        LossPoint(batch_size=size, seed=0, episode=episode, loss=1)
        for size, first in ((32, 4), (64, 8))
        for episode in range(first, 12)
    ]
    curves = by_run(points)
    assert {size: [p.episode for p in seeds[0]] for size, seeds in curves.items()} == {
        32: [8, 9, 10, 11],
        64: [8, 9, 10, 11],
    }


@pytest.mark.usefixtures("one_torch_thread")
def test_the_loss_curve_has_a_point_an_episode_the_mean_of_its_updates(tmp_path, monkeypatch):
    losses = []
    record_mean = Logger.record_mean

    def keep(logger, key, value, *rest):
        if key == "train/loss":
            losses.append(value)
        record_mean(logger, key, value, *rest)

    monkeypatch.setattr(Logger, "record_mean", keep)
    config = TrainConfig(episodes=12, batch_size=32, log_episodes=1, heldout_slots=5, seed=3)
    only = StudyRun("loss", config)
    train(config, tmp_path / only.name, progress=False)
    points = read_loss(only, tmp_path)
    # Updates begin at step 32, in episode 4; a point is written before the last step's update.
    assert [point.episode for point in points] == list(range(4, 13))
    bounds = [0, *(9 * episode - 32 for episode in range(4, 13))]
    expected = [np.mean(losses[a:b]) for a, b in itertools.pairwise(bounds)]
    assert [point.loss for point in points] == pytest.approx(expected, rel=1e-6)


def test_the_same_rows_give_the_same_svg_and_the_title_says_quick(tmp_path):
    point = Point("5GHz", 5, mec_gym.Scenario.preset("paper-frequency"))
    seeds = [mec_gym.policies.get("roa")] * 2
    rows, _ = measure([point], {"5GHz": {"dqn-rao": seeds}}, 10, 0)
    for name in ("a", "b"):
        save(delay_figure(rows, {}, "Fig. 4", "GHz", quick=True), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    figure = delay_figure(rows, {}, "Fig. 4", "GHz", quick=True)
    assert "quick preview" in figure.axes[0].get_title(loc="left")
    figure = delay_figure(rows, {}, "Fig. 4", "GHz", quick=False)
    assert "quick" not in figure.axes[0].get_title(loc="left")


@pytest.mark.parametrize("quick", [False, True])
def test_the_longest_title_is_not_cut_off(quick):
    point = Point("5GHz", 5, mec_gym.Scenario.preset("paper-frequency"))
    seeds = [mec_gym.policies.get("roa")] * 2
    rows, _ = measure([point], {"5GHz": {"dqn-rao": seeds}}, 10, 0)
    title = "Fig. 5: average delay against task complexity, unequal servers"
    assert title in Path(figures.__file__).read_text(encoding="utf-8")
    figure = delay_figure(rows, {}, title, "GHz", quick=quick)
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    shown = next(t for t in figure.axes[0].findobj(Text) if t.get_text().startswith(title))
    extent = shown.get_window_extent(drawn.get_renderer())
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1
    assert extent.y1 <= figure.bbox.y1


def test_the_full_study_is_what_the_issue_asks_for():
    full = Study()
    assert [point.scenario.server_hz for point in full.figure_4] == [5e9, 6e9, 7e9, 8e9, 9e9, 1e10]
    assert [point.x for point in full.figure_5] == [500, 600, 700, 800, 900, 1000]
    sizes = [c.config.batch_size for size in full.batch_sizes for c in full.loss_runs(size)]
    assert sorted(set(sizes)) == [32, 64, 128, 256]
    configs = [one.config for point in full.figure_4 for one in full.runs(point)]
    assert {config.episodes for config in configs} == {4000}
    paper = TrainConfig.preset("paper")
    assert {c.replace(seed=0, scenario=paper.scenario) for c in configs} == {paper}
    assert full.seeds >= 3
    assert full.slots >= 500
    trained_on = {one.config.seed for one in full.all_runs()}
    assert full.slots_seed not in trained_on | {paper.heldout_seed}
    boards = {one.config.scenario.label for one in full.leaderboard_runs()}
    assert boards == {"paper", "paper-varied", "paper-frequency", "paper-complexity", "slack"}


def test_a_quick_study_runs_from_end_to_end_and_a_second_time_trains_nothing(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(figures, "QUICK", TINY)
    monkeypatch.setattr(study, "PAPER", TrainConfig(heldout_slots=20))
    out, docs = tmp_path / "out", tmp_path / "docs"
    flags = ["--quick", "--out", str(out), "--jobs", "2", "--publish", str(docs)]
    assert figures.main(flags) == 0
    names = {path.name for path in out.iterdir()}
    for name in ("fig3", "fig4", "fig5"):
        assert {f"{name}.png", f"{name}.svg", f"{name}.csv"} <= names
        assert (docs / f"{name}.png").stat().st_size < 150_000
    assert len(read_rows(out / "fig4.csv", Row)) == 6
    assert len(read_rows(out / "fig5.csv", Row)) == 12
    assert Study.from_toml(out / "study.toml") == Study(**TINY)
    assert "python -m evaluate --benchmark --model $(cat " in capsys.readouterr().out
    boards = (out / "leaderboard.txt").read_text().split()
    assert [load_policy(board).scenario.label for board in boards[::2]] == [
        "paper",
        "paper-frequency",
        "paper-complexity",
    ]
    numbers = {path.name: path.read_bytes() for path in out.glob("*.csv")}
    started = {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()}
    assert len(started) == 16
    assert figures.main(flags) == 0
    assert {path: path.stat().st_mtime_ns for path in (out / "cells").iterdir()} == started
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == numbers

    # The study's own file is there only while the numbers beside it are complete.
    lost = Study(**TINY).loss_runs(16)[0].name
    monkeypatch.setattr(figures, "train_all", lambda *_: {lost: "RuntimeError: bad luck"})
    capsys.readouterr()
    assert figures.main(flags) == 1
    said = capsys.readouterr().err
    assert f"fig3: left out; it needs {lost}" in said
    assert f"failed: {lost}: RuntimeError: bad luck" in said
    assert not (out / "study.toml").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--jobs", "0"], ["jobs: 0", "1 or more"]),
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


def loaded_by(module, *libraries):
    """Which of the libraries a new interpreter has loaded after importing a module."""
    code = f"import sys, {module}; print(*({set(libraries)!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["stated", "study", "results", "claims", "reproduction"])
def test_what_only_reads_and_words_the_study_loads_neither_torch_nor_matplotlib(module):
    assert not loaded_by(f"evaluate.paper.{module}", "torch", "matplotlib")


def test_the_interpreter_does_report_what_is_loaded():
    assert loaded_by("evaluate.paper.figures", "torch", "matplotlib") == {"matplotlib"}


def test_the_trained_policys_name_is_that_of_the_preset():
    assert TrainConfig.preset("paper").name == stated.DQN_RAO


def test_the_package_lists_its_commands():
    listed = subprocess.run(
        [sys.executable, "-m", "evaluate.paper"], capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert all(
        f"python -m evaluate.paper.{name} " in listed for name in ("figures", "reproduction")
    )
