"""Curves: each tag has one value a step, and logging leaves the interpreter as it was."""

import sys
import threading

import pytest
from interrupted import CONFIGS, curves, stopped

from mec_gym.sb3.run.curves import CurveLogger
from mec_gym.sb3.run.training import train


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_no_curve_has_a_step_twice(name, whole):
    """rollout/exploration_rate once had two values a step in any run of several copies."""
    found = curves(whole[name])
    assert "rollout/exploration_rate" in found
    assert len(found) > 8
    for tag, points in found.items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), tag


@pytest.mark.slow
def test_no_curve_has_a_step_twice_where_a_run_was_stopped_just_after_it(tmp_path, monkeypatch):
    config = CONFIGS["paper"]
    run = stopped(config, tmp_path / "run", monkeypatch, 20 * 9, 1)  # at a dump; and at once again
    train(config, run, progress=False, resume=True)
    for tag, points in curves(run).items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), tag


def test_of_several_values_at_one_step_the_first_is_written(tmp_path):
    logger = CurveLogger(tmp_path)
    for step, value in ((1, 10.0), (1, 20.0), (2, 30.0)):
        logger.record("some/tag", value)
        logger.record(f"some/of_{value:g}", value)
        logger.dump(step)
    logger.close()
    found = curves(tmp_path)
    assert found["some/tag"] == [(1, 10.0), (2, 30.0)]
    assert found["some/of_20"] == [(1, 20.0)]


@pytest.mark.slow
def test_a_training_leaves_the_hooks_and_the_threads_as_they_were(tmp_path):
    before = (threading.excepthook, sys.excepthook, set(threading.enumerate()))
    train(CONFIGS["paper"], tmp_path / "run", progress=False)
    after = (threading.excepthook, sys.excepthook, set(threading.enumerate()))
    assert before[:2] == after[:2]
    assert after[2] <= before[2]
