"""The leaderboard over time stands between its own marks, and says what its figures are."""

import re

import numpy as np
import pytest

from mec_gym import Scenario
from mec_gym.__main__ import main
from mec_gym.benchmark import episode_leaderboard, over_time
from mec_gym.policies import get

PAGE = (
    "a\n<!-- leaderboard -->\nslots\n<!-- end of leaderboard -->\nb\n"
    "<!-- leaderboard of episodes -->\nold\n<!-- end of leaderboard of episodes -->\nc\n"
)


@pytest.fixture(scope="module")
def results():
    scenario = Scenario.preset("queues", slots=4, capacity=3)
    policies = {name: [get(name)] for name in ("least-delay", "goa")}
    policies["roa"] = [get("roa"), lambda slots, seed: get("roa")(slots, seed + 99)]
    yardsticks = over_time.Yardsticks(np.full(3, 0.3), np.array([0.31, 0.32, 0.33]))
    return over_time.play(policies, scenario.sample_episodes(3, 0), 0, yardsticks)


def test_a_cell_is_the_mean_above_the_best_known(results, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    board = {"queues": results, "walk": results[:1]}
    episode_leaderboard.write_markdown(board, page)
    text = page.read_text()
    assert text.startswith(PAGE.partition("old")[0])
    assert text.endswith("\n<!-- end of leaderboard of episodes -->\nc\n")
    rows = [line.strip("| ").split(" | ") for line in re.findall(r"^\| .*$", text, re.MULTILINE)]
    assert rows[0] == ["policy", "queues", "walk"]
    cells = {row[0]: row[1:] for row in rows[2:]}
    yardsticks = results[0].yardsticks
    for result in results:
        above = (result.cost / yardsticks.best_known - 1).mean()
        assert cells[result.name][0].startswith(f"{above:.2%}")
    assert cells["least-delay"][0] == cells["least-delay"][1]
    assert "feasible)" in cells["goa"][0]
    assert " ± " in cells["roa"][0]
    loose = (yardsticks.best_known / yardsticks.bound - 1).mean()
    assert f"3 of queues ({loose:.2%}), 3 of walk" in text


def test_the_command_replaces_it_alone_where_only_episodes_are_played(
    results, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(episode_leaderboard, "play", lambda name, models: results)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    command = ["evaluate", "--benchmark", "queues", "walk", "--markdown", str(page)]
    assert main(command) == 0
    text = page.read_text()
    assert "\nslots\n" in text
    assert "| policy | queues | walk |" in text
    page.write_text(PAGE.replace("of episodes", "of nothing"))
    assert main(command) == 2
    assert "no file with the lines <!-- leaderboard of episodes -->" in capsys.readouterr().err


def test_what_was_trained_with_its_seed_is_refused(monkeypatch):
    model = type("Model", (), {"seed": 20_260_000, "source": "mine"})()
    with pytest.raises(ValueError, match="mine was trained with a benchmark's seed"):
        episode_leaderboard.play("queues", [model])


def test_every_policy_that_plays_episodes_has_a_row(monkeypatch):
    from mec_gym.benchmark import frozen_episodes

    whole = frozen_episodes.load("queues")
    yardsticks = over_time.Yardsticks(*(np.asarray(each)[:1] for each in (
        whole.yardsticks.bound, whole.yardsticks.best_known)))  # fmt: skip
    short = frozen_episodes.Benchmark("queues", whole.episodes[:1], yardsticks)
    monkeypatch.setattr(frozen_episodes, "load", lambda name: short)
    names = {each.name for each in episode_leaderboard.play("queues", [])}
    assert {"optimal", "backlog-prices", "lyapunov", "local-search-prices", "roa"} <= names
    assert not any("online" in name for name in names)
