"""How jagged a loss curve is."""

import itertools

import numpy as np
import pytest
from stable_baselines3.common.logger import Logger

from evaluate.paper.runs import StudyRun
from evaluate.paper.smoothness import LossPoint, Roughness, by_run, detrended, read_loss, trend
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.training import train


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
