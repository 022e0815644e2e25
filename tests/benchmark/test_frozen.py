"""The frozen benchmarks: made by their recipes, and refused where they are not what they were."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mec_gym import Scenario, policies
from mec_gym.benchmark import frozen, frozen_episodes
from mec_gym.bounds import lower_bound
from mec_gym.io import digests
from mec_gym.solvers.exact import solve
from mec_gym.system import average_cost

SAMPLE = 8


def test_every_preset_of_the_paper_and_of_other_sizes_is_there():
    follow = {recipe.scenario for recipe in frozen_episodes.RECIPES.values()}
    assert {*frozen.names(), *follow} == set(Scenario.presets())
    assert frozen.RECIPES["paper-frequency"].scenario.server_hz == 5e9
    assert frozen.RECIPES["paper-complexity"].scenario.cycles_per_bit == 750


@pytest.mark.parametrize("name", frozen.names())
def test_its_first_slots_are_made_anew_bit_for_bit_by_the_recipe(name):
    count = min(SAMPLE, frozen.RECIPES[name].slots)
    kept = frozen.load(name)
    anew = frozen.RECIPES[name].scenario.sample(count, frozen.RECIPES[name].seed)
    assert len(kept.slots) == frozen.RECIPES[name].slots
    for attribute, array in anew.arrays().items():
        np.testing.assert_array_equal(kept.slots.arrays()[attribute][:count], array)


FIFTY = ("energy-large", "tiers-large", "deadlines-large")
BOUNDED = ("city", "downtown", "metro", *FIFTY)  # some of their slots


@pytest.mark.parametrize("name", [name for name in frozen.names() if name not in BOUNDED])
def test_its_first_optima_are_found_anew_and_proven(name):
    kept = frozen.load(name)
    solution = solve(kept.slots[:SAMPLE], time_limit=60)
    assert solution.proven.all()
    np.testing.assert_allclose(kept.reference.cost[:SAMPLE], solution.lower_bound, rtol=1e-8)
    assert kept.reference.proven.all()


@pytest.mark.parametrize("name", frozen.names())
def test_no_policy_that_keeps_to_capacity_undercuts_its_reference(name):
    kept = frozen.load(name)
    for policy in ("least-delay", "local-search", "roa"):
        cost = average_cost(kept.slots, policies.get(policy)(kept.slots, 0))
        assert (cost >= kept.reference.cost * (1 - 1e-12)).all()


@pytest.mark.parametrize("name", FIFTY)
def test_of_fifty_devices_nearly_all_optima_are_proven_and_all_are_above_the_relaxation(name):
    kept = frozen.load(name)
    assert kept.reference.proven.mean() >= 0.95
    relaxed = lower_bound(kept.slots)
    assert (relaxed <= kept.reference.cost * (1 + 1e-9)).all()
    assert (kept.reference.cost <= relaxed * 1.02).all()


@pytest.mark.parametrize("name", ["city", "downtown", "metro"])
def test_where_no_optimum_is_proven_it_holds_a_bound_and_says_so(name):
    kept = frozen.load(name)
    bounded = ~kept.reference.proven
    assert bounded.any()
    assert "lower bound" in kept.reference.label
    first = int(np.flatnonzero(bounded)[0])
    assert kept.reference.cost[first] >= lower_bound(kept.slots[first]) * (1 - 1e-9)


def test_its_seed_trains_nothing_and_its_manifest_tells_the_recipe():
    manifest = json.loads((frozen.DATA / digests.MANIFEST_FILE).read_text())
    assert manifest["recipes"].keys() == frozen.RECIPES.keys()
    for name, recipe in frozen.RECIPES.items():
        told = manifest["recipes"][name]
        assert Scenario(**told["scenario"]) == recipe.scenario
        assert (told["slots"], told["seed"]) == (recipe.slots, recipe.seed)


@pytest.fixture
def data(tmp_path):
    for file in ("paper.npz", digests.MANIFEST_FILE):
        shutil.copy(frozen.DATA / file, tmp_path)
    return tmp_path


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing", "no manifest", "another"])
def test_a_file_that_is_not_the_one_it_was_is_refused_with_what_would_do(data, damage):
    path = data / "paper.npz"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "truncated":
        path.write_bytes(content[:1000])
    elif damage == "missing":
        path.unlink()
    elif damage == "another":
        shutil.copy(frozen.DATA / "slack.npz", path)
    else:
        (data / digests.MANIFEST_FILE).unlink()
    with pytest.raises(ValueError, match=r"paper.npz: cannot be used: .* make it anew") as caught:
        frozen.load("paper", data)
    assert "\n" not in str(caught.value)


def test_an_unknown_benchmark_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="benchmark: no 'mars'; there are: city, deadlines, "):
        frozen.load("mars")


def test_making_one_writes_what_loading_it_reads(tmp_path, monkeypatch):
    recipe = frozen.Recipe(Scenario.preset("slack"), slots=4, seed=5)
    monkeypatch.setitem(frozen.RECIPES, "mine", recipe)
    made = frozen.make("mine", tmp_path)
    loaded = frozen.load("mine", tmp_path)
    np.testing.assert_array_equal(made.reference.cost, loaded.reference.cost)
    np.testing.assert_array_equal(made.slots.gain, loaded.slots.gain)


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["papr"]])
def test_the_shipped_files_are_made_anew_only_where_one_is_named(words):
    before = {path: path.stat().st_mtime_ns for path in frozen.DATA.iterdir()}
    command = [sys.executable, "-m", "mec_gym.benchmark.frozen", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("python -m mec_gym.benchmark.frozen: error: ")
    assert {path: path.stat().st_mtime_ns for path in frozen.DATA.iterdir()} == before
