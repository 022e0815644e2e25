"""What a training is measured on: of slots that follow one another whole episodes."""

import numpy as np
import pytest
from interrupted import CONFIGS, curves
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mec_gym import policies
from mec_gym.benchmark import over_time
from mec_gym.sb3.run import heldout
from mec_gym.sb3.run.config import TrainConfig
from mec_gym.sb3.run.guide import GUIDE, guide
from mec_gym.sb3.run.training import train

CONFIG = CONFIGS["over time"].replace(episodes=12, heldout_episodes=8, epsilon_episodes=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("over") / "run"
    return directory, train(CONFIG, directory, progress=False)


def test_curves_of_whole_episodes_end_with_the_numbers_of_the_closing_table(run):
    directory, result = run
    shown = {tag: points[-1][1] for tag, points in curves(directory).items()}
    assert result.heldout.num_slots == 3
    players = {"": [result.policy], "roa: ": [policies.get("roa")]}
    for each in over_time.play(players, result.heldout, CONFIG.heldout_seed, result.reference):
        expected = {
            "heldout/average_delay_s": each.delay.mean(),
            "heldout/gap": each.above_best_known.mean,
            "heldout/feasible_share": each.feasible_rate,
            "heldout/backlog_s": each.backlog_s.mean(),
            "heldout/handovers": (each.counted["handovers"] / each.tasks).mean(),
            "heldout/overloads": each.counted["overloads"].mean() / 3,
            "heldout_delay/p95_s": each.percentiles[1],
        }
        for tag, value in expected.items():
            assert shown[f"{each.name}{tag}"] == pytest.approx(value, rel=1e-6), tag
    known = result.reference.best_known.mean()
    assert shown["optimum: heldout/average_delay_s"] == pytest.approx(known)


def test_the_end_of_the_first_episode_is_its_picture_and_loads_are_of_every_slot(run):
    directory, result = run
    events = EventAccumulator(str(directory), size_guidance={"images": 0})
    events.Reload()
    assert "heldout/first_episode" in events.Tags()["images"]
    assert "heldout/first_slot" not in events.Tags()["images"]
    held = heldout.HeldOutEpisodes(result.heldout, result.reference)
    (outcome,) = held.play({"some": [result.policy]})
    loads = held.loads(outcome.assignment)
    assert loads.shape == (len(result.heldout) * 3, CONFIG.scenario.num_servers)
    assert loads.sum() == result.heldout.present.sum()


def test_episodes_have_about_as_many_slots_as_are_asked_for():
    queues = TrainConfig.preset("regret", scenario="queues")
    assert len(heldout.episodes_of(queues)) == 10
    assert len(heldout.episodes_of(queues.replace(heldout_slots=150))) == 3
    assert len(heldout.episodes_of(queues.replace(heldout_slots=10))) == 2
    assert len(heldout.episodes_of(queues.replace(scenario="walk", reward="regret"))) == 4


def test_the_guide_speaks_of_episodes_where_there_are_some():
    assert guide(over_time=False) == GUIDE
    said = guide(over_time=True)
    assert "played whole" in said
    assert "`heldout/backlog_s`" in said
    assert "one slot" not in said
    assert said.count("\n") == GUIDE.count("\n") + 2


def test_a_user_reads_costs_where_they_count():
    config = CONFIG.replace(scenario=CONFIG.scenario.replace(delay_weight=(1.0, 2.0)))
    held = heldout.of_config(config)
    (outcome,) = held.play({"roa": [policies.get("roa")]}, 1)
    assert held.measure == "average_cost_s"
    assert outcome.curves["heldout/average_cost_s"] == outcome.cost
    assert outcome.curves["heldout/average_delay_s"] != outcome.cost
    assert np.isfinite(list(outcome.curves.values())).all()
