"""The study: which runs and slots its figures take."""

from evaluate.paper.study import Study
from mec_gym.sb3.run.config import TrainConfig


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
