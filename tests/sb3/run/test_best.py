"""The best policy on held-out slots, beside the last."""

import pytest
from interrupted import CONFIGS, curves, stopped

from mec_gym import load_policy
from mec_gym.benchmark.comparison import play
from mec_gym.benchmark.models import by_name, load_models
from mec_gym.io import digests
from mec_gym.sb3.run import training
from mec_gym.sb3.run.curves import Best
from mec_gym.sb3.run.directory import verify
from mec_gym.sb3.run.training import train

LONGER = CONFIGS["regret"].replace(episodes=200, learning_rate=0.03, heldout_episodes=10)
"""Its learning rate is too high, so that it gets worse at times."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("best") / "run"
    return directory, train(LONGER, directory, progress=False)


def test_of_two_evaluations_that_with_more_feasible_slots_is_better_then_that_with_less_delay():
    best = Best(feasible_share=0.9, average_cost=0.5, steps=10)
    assert best.is_better_than(None)
    assert Best(0.91, 0.6, 20).is_better_than(best)
    assert Best(0.9, 0.49, 20).is_better_than(best)
    assert not Best(0.9, 0.5, 20).is_better_than(best)  # the earlier one is kept
    assert not Best(0.89, 0.1, 20).is_better_than(best)


@pytest.mark.slow
def test_the_best_is_that_of_the_least_point_of_the_held_out_curve(run):
    directory, result = run
    points = curves(directory)["heldout/average_delay_s"]
    step, delay = min(points, key=lambda point: point[1])
    best = load_policy(directory / "best")
    assert best.training["steps"] == step < result.policy.training["steps"]
    assert not result.last_is_best
    played = play({"best": [best], "last": [result.policy]}, result.heldout, 0, result.reference)
    assert played[0].average_delay.mean == pytest.approx(delay, rel=1e-6)
    assert played[0].average_delay.mean < played[1].average_delay.mean
    assert (result.best(result.heldout) == best(result.heldout)).all()


@pytest.mark.slow
def test_the_last_stays_the_runs_policy_and_both_are_rows_of_a_table(run):
    directory, result = run
    assert load_policy(directory).training["steps"] == result.policy.training["steps"]
    models = load_models([str(directory), str(directory / "best")])
    assert list(by_name(models, LONGER.scenario)) == ["regret", "regret-best"]


def test_its_files_are_in_the_manifest_and_verified(run):
    directory, _ = run
    files = digests.read_manifest(directory)["files"]
    assert {"best/policy.json", "best/policy.safetensors"} <= set(files)
    path = directory / "best" / "policy.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="best/policy"):
        verify(directory)
    path.write_bytes(content)
    verify(directory)


@pytest.mark.slow
def test_stopped_after_its_best_it_is_brought_back_to_what_the_checkpoint_knew(
    run, tmp_path, monkeypatch
):
    directory = stopped(LONGER, tmp_path / "run", monkeypatch, 30)
    (checkpoint,) = (directory / "checkpoint").iterdir()
    known = (checkpoint / "best.policy.json").read_bytes()
    # As if it had gone on to a better one and been killed before the next checkpoint.
    for file in ("policy.json", "policy.safetensors"):
        (directory / "best" / file).write_bytes((run[0] / file).read_bytes())
    digests.write_manifest(directory, ["config.toml"], finished=False)
    seen, restored = [], training.resume_run

    def resume_run(*arguments):
        found = restored(*arguments)
        seen.append((directory / "best" / "policy.json").read_bytes())
        return found

    monkeypatch.setattr(training, "resume_run", resume_run)
    train(LONGER, directory, progress=False, resume=True)
    assert seen == [known]
    for file in ("policy.json", "policy.safetensors"):
        ours, whole = (place / "best" / file for place in (directory, run[0]))
        assert ours.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_the_end_of_a_run_that_is_stopped_may_be_its_best_until_it_is_gone_on_with(
    run, tmp_path, monkeypatch
):
    directory = stopped(LONGER, tmp_path / "run", monkeypatch, 5)
    last = load_policy(directory).training["steps"]
    assert load_policy(directory / "best").training["steps"] in (0, last)
    shown = curves(directory)
    assert [step for step, _ in shown["heldout/first_slot"]] == [0, last]
    verify(directory)
    train(LONGER, directory, progress=False, resume=True)
    assert curves(directory) == curves(run[0])
    for file in ("policy.json", "policy.safetensors"):
        ours, whole = (place / "best" / file for place in (directory, run[0]))
        assert ours.read_bytes() == whole.read_bytes()
