"""Training as a library: callbacks of the user's own, and pruning by Optuna."""

import pytest
from interrupted import CONFIGS, WEIGHTS
from stable_baselines3.common.callbacks import BaseCallback

from mec_gym import load_policy
from mec_gym.sb3.run.training import train


class HeldOut(BaseCallback):
    """Keeps the held-out gaps, and stops after so many of them."""

    def __init__(self, most=None):
        super().__init__()
        self.gaps, self.most, self.ended = {}, most, 0

    def _on_step(self):
        step, gap = self.logger.latest["heldout/gap"]
        self.gaps[step] = gap
        return self.most is None or len(self.gaps) < self.most

    def _on_training_end(self):
        self.ended += 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper", "over time"])
def test_callbacks_see_the_curves_and_change_no_byte(name, whole, tmp_path):
    first, second = HeldOut(), HeldOut()
    train(CONFIGS[name], tmp_path / "run", progress=False, callbacks=[first, second])
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (whole[name] / WEIGHTS).read_bytes()
    assert len(first.gaps) >= 2
    assert first.gaps == second.gaps
    assert first.ended == second.ended == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["paper", "over time"])
def test_one_that_returns_false_ends_the_training_and_it_can_be_gone_on_with(name, whole, tmp_path):
    stops = HeldOut(most=2)
    result = train(CONFIGS[name], tmp_path / "run", progress=False, callbacks=[stops])
    assert result.interrupted
    assert stops.ended == 1
    assert len(stops.gaps) == 2
    assert result.episodes < 60
    again = HeldOut()
    train(CONFIGS[name], tmp_path / "run", progress=False, resume=True, callbacks=[again])
    assert list(stops.gaps.items())[-1] == next(iter(again.gaps.items()))
    assert (tmp_path / "run" / WEIGHTS).read_bytes() == (whole[name] / WEIGHTS).read_bytes()


@pytest.mark.slow
def test_an_error_of_a_callback_is_the_users_and_the_policy_saved_before_stays(tmp_path):
    class Raises(BaseCallback):
        def _on_step(self):
            if self.num_timesteps == 200:
                raise RuntimeError("mine")
            return True

    with pytest.raises(RuntimeError, match="mine"):
        train(CONFIGS["paper"], tmp_path / "run", progress=False, callbacks=[Raises()])
    assert load_policy(tmp_path / "run").training["steps"] == 180


def test_optuna_prunes_a_hopeless_trial(tmp_path):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    class Prune(BaseCallback):
        """Reports each held-out gap once, and stops where the trial is not worth going on with."""

        def __init__(self, trial):
            super().__init__()
            self.trial, self.gaps = trial, {}

        def _on_step(self):
            step, gap = self.logger.latest["heldout/gap"]
            if step in self.gaps:
                return True
            self.gaps[step] = gap
            self.trial.report(gap, step)
            return not self.trial.should_prune()

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-8, 1e-2, log=True)
        config = CONFIGS["regret"].replace(learning_rate=rate, learning_rate_end=None)
        prune = Prune(trial)
        run = tmp_path / f"trial-{trial.number}"
        if train(config, run, progress=False, callbacks=[prune]).interrupted:
            raise optuna.TrialPruned
        return min(prune.gaps.values())

    pruner = optuna.pruners.PercentilePruner(1, n_startup_trials=1, n_warmup_steps=100)
    study = optuna.create_study(pruner=pruner)
    for rate in (3e-3, 1e-8):
        study.enqueue_trial({"learning_rate": rate})
    study.optimize(objective, n_trials=2)
    states = [trial.state for trial in study.trials]
    assert states == [optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED]
