"""The policies that come with the package: small, whole, near the optimum, within capacity."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mec_gym
from mec_gym.benchmark import frozen
from mec_gym.policies import SHIPPED, trained
from mec_gym.problem import Problem

# Percent above the optimum, with a margin over what was measured.
GAPS = [
    ("regret-mix", "paper-varied", 0.15),
    ("regret-mix", "slack", 0.25),
    ("regret-mix", "large", 0.1),  # trained on nothing larger than 27 x 3
    ("regret-mix", "city", 0.1),
    ("regret-family", "paper-varied", 0.07),
    ("regret-family", "slack", 0.27),
    ("regret-family", "tiers", 0.5),
    ("regret-family", "energy", 0.45),
    ("regret-family", "deadlines", 0.4),
    ("regret-family", "large", 0.03),
    ("regret-family", "city", 0.1),
    ("regret-family", "suburb", 0.15),
    ("regret-family", "downtown", 0.25),
    ("regret-online", "online", 0.4),
    ("regret-online", "online-slack", 0.5),
    ("regret-online", "large", 0.15),  # likewise
    ("regret-online", "city", 0.15),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "benchmark", "percent"), GAPS)
def test_it_is_near_the_optimum_on_slots_it_has_never_seen(name, benchmark, percent):
    frozen_slots = frozen.load(benchmark)
    policy = mec_gym.load_policy(name)
    assert policy.trained_for(frozen.RECIPES[benchmark].scenario)
    assignment = policy(frozen_slots.slots)
    assert mec_gym.is_feasible(frozen_slots.slots, assignment).all()
    cost = Problem.of(frozen_slots.slots).cost(assignment) / frozen_slots.slots.num_devices
    gap = 100 * (cost / frozen_slots.reference.cost - 1).mean()
    assert 0 < gap < percent


@pytest.mark.parametrize("name", SHIPPED)
def test_its_files_are_small_and_say_how_it_was_trained(name):
    directory = Path(trained.__file__).with_name("data") / name
    assert sum(file.stat().st_size for file in directory.iterdir()) < 300_000
    assert {file.name for file in directory.iterdir()} == {"policy.json", "policy.safetensors"}
    config = mec_gym.load_policy(name).training["config"]
    seeds = {recipe.seed for recipe in frozen.RECIPES.values()}
    assert config["seed"] not in seeds
    assert config["heldout_seed"] not in seeds


@pytest.mark.parametrize(
    ("name", "preset"), [(name, name) for name in ("regret-mix", "regret-family", "regret-online")]
)
def test_its_preset_is_what_it_was_trained_with(name, preset):
    config = pytest.importorskip("mec_gym.sb3.run.config")
    kept = dict(mec_gym.load_policy(name).training["config"])
    fresh = config.TrainConfig.preset(preset).model_dump(mode="json", exclude_none=True)
    for curves_only in ("heldout_slots", "heldout_episodes"):
        del kept[curves_only], fresh[curves_only]
    fields = config.TrainConfig.model_fields
    came_since = fresh.keys() - kept.keys()  # and change nothing by default
    assert all(fresh.pop(name) == fields[name].default for name in came_since)
    assert kept == fresh


@pytest.mark.slow
def test_it_plays_without_the_training_libraries():
    code = (
        "import sys, mec_gym\n"
        "slots = mec_gym.Scenario.preset('slack').sample(3, 0)\n"
        "print(mec_gym.load_policy('regret-mix')(slots, 0).shape)\n"
        "assert not {'torch', 'stable_baselines3', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "(3, 9)", done.stderr


def test_a_directory_of_that_name_is_reached_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained.save_policy(mec_gym.load_policy("regret-online"), _made(tmp_path / "regret-mix"))
    assert mec_gym.load_policy("./regret-mix").scenario.lookahead == 0
    assert mec_gym.load_policy("regret-mix").scenario.lookahead is None
    assert np.isfinite(mec_gym.load_policy("./regret-mix").weights[0][0]).all()


def test_the_online_one_does_better_where_it_is_told_the_law_of_the_tasks():
    scenario = mec_gym.Scenario.preset("paper-complexity")
    policy, slots = mec_gym.load_policy("regret-online"), scenario.sample(200, 7)
    told = policy.for_scenario(scenario)
    assert told.scenario.mean_sqrt_cycles == scenario.mean_sqrt_cycles
    assert told.scenario.lookahead == policy.scenario.lookahead == 0
    delays = [mec_gym.average_delay(slots, each(slots)) for each in (policy, told)]
    optimum = mec_gym.average_delay(slots, mec_gym.policies.get("local-search")(slots, 0))
    untold_gap, told_gap = [(delay / optimum - 1).mean() for delay in delays]
    assert told_gap < 0.01 < untold_gap


def test_told_of_its_own_tasks_or_with_all_in_sight_it_decides_as_before():
    slots = mec_gym.Scenario.preset("slack").sample(50, 7)
    online, every = mec_gym.load_policy("regret-online"), mec_gym.load_policy("regret-mix")
    own = online.for_scenario(mec_gym.Scenario.preset("online"))
    assert (own(slots) == online(slots)).all()
    other = every.for_scenario(mec_gym.Scenario.preset("paper-complexity"))
    assert other.scenario.lookahead is None
    assert (other(slots) == every(slots)).all()


def _made(directory):
    directory.mkdir()
    return directory
