"""Policies on the same episodes: what they come to, and what they are held against."""

import json

import numpy as np
import pytest

from mec_gym import Scenario, episodes
from mec_gym.benchmark import frozen_episodes, over_time
from mec_gym.benchmark.models import by_name, load_models
from mec_gym.policies import get

SCENARIO = Scenario.preset(
    "queues",
    slots=6,
    slot_s=0.4,
    handover_s=0.1,
    deadline_s=1.0,
    drop_penalty_s=1.5,
    local_hz=1e9,
    energy_weight=0.1,
)


def as_decided(drawn, assignment):
    """Return what chooses the actions of an assignment, (B, K, M), where episodes are played."""

    def choose(slots, number):
        present = drawn.present[:, number]
        rows = np.flatnonzero(present.sum(axis=-1) == slots.num_devices)
        return assignment[rows, number][present[rows]].reshape(len(rows), slots.num_devices)

    return choose


@pytest.fixture(scope="module")
def results():
    policies = {name: [get(name)] for name in ("least-delay", "local-search", "backlog-prices")}
    return over_time.play(policies, SCENARIO.sample_episodes(4, 3))


def test_costs_and_delays_are_those_of_the_episodes_played(results):
    drawn = SCENARIO.sample_episodes(4, 3)
    for result in results:
        played = episodes.play(drawn, as_decided(drawn, result.assignment[0]))
        tasks = drawn.present.sum(axis=(1, 2))
        assert result.cost[0] == pytest.approx(played.cost.sum(axis=(1, 2)) / tasks)
        assert result.delay[0] == pytest.approx(played.delay.sum(axis=(1, 2)) / tasks)
        every = played.delay[drawn.present]
        assert result.percentiles == pytest.approx(np.percentile(every, (50, 95, 99)))
        in_slot = [played.delay[:, k][drawn.present[:, k]].mean() for k in range(6)]
        assert result.slot_delay == pytest.approx(in_slot)
        np.testing.assert_array_equal(np.isnan(result.task_delay[0]), ~drawn.present)
        np.testing.assert_allclose(result.task_delay[0][drawn.present], every)
        assert result.energy_j[0] == pytest.approx(result.counted["energy_j"][0])


def test_what_gaps_are_relative_to_is_proven_where_it_is_reached(results):
    reference = results[0].reference
    found = results[0].yardsticks
    np.testing.assert_array_equal(reference.cost, found.bound)
    np.testing.assert_array_equal(reference.proven, found.best_known <= found.bound * (1 + 1e-9))


def test_what_is_counted_is_what_the_assignment_says(results):
    drawn = SCENARIO.sample_episodes(4, 3)
    for result in results:
        assignment = result.assignment[0]
        assert (result.counted["dropped"][0] == (assignment == 4).sum(axis=(1, 2))).all()
        assert (result.counted["overloads"] == 0).all()
        for row in range(4):
            moved, last = 0, {}
            for slot in assignment[row]:
                for device, server in enumerate(slot.tolist()):
                    if 0 <= server < 3:
                        moved += last.get(device, server) != server
                        last[device] = server
            assert result.counted["handovers"][0, row] == moved
        assert ((assignment >= 0) == drawn.present).all()


def test_nothing_is_below_the_bound_nor_below_the_best_known(results):
    for result in results:
        assert (result.cost >= result.yardsticks.best_known - 1e-12).all()
        assert (result.yardsticks.best_known >= result.yardsticks.bound - 1e-12).all()


def test_results_are_json(results):
    written = json.loads(json.dumps(over_time.as_json(results)))
    assert [each["name"] for each in written] == [each.name for each in results]
    assert written[0]["difference"]["mean"] == 0
    assert len(written[0]["slot_delay"]) == len(written[0]["backlog_s"]) == 6


def test_the_table_shows_each_policy(results, capsys):
    over_time.show(results, "here")
    said = capsys.readouterr().out
    assert all(result.name in said for result in results)


def test_what_cannot_be_compared_is_refused():
    drawn = SCENARIO.sample_episodes(2, 0)
    with pytest.raises(ValueError, match="at least 1"):
        over_time.play({}, drawn)
    with pytest.raises(ValueError, match="one leading dimension"):
        over_time.play({"least-delay": [get("least-delay")]}, drawn[0])
    with pytest.raises(ValueError, match="policy odd: assignment: shape"):
        over_time.play({"odd": [lambda slots, seed: np.zeros(3, int)]}, drawn)


def test_policies_for_slots_by_themselves_play_slots_that_follow():
    scenario = Scenario.preset("rush-hour", slots=3, arrivals=None)
    names = ["regret-mix", "regret-family", "regret-online", "least-delay", "optimal"]
    results = over_time.play(by_name(load_models(names), scenario), scenario.sample_episodes(2, 0))
    assert all(result.feasible_rate == 1 for result in results)
    assert max(result.cost.mean() for result in results) < 1.3 * results[-1].cost.mean()


@pytest.mark.parametrize("name", frozen_episodes.names())
def test_frozen_episodes_are_those_of_their_recipe(name):
    found, recipe = frozen_episodes.load(name), frozen_episodes.RECIPES[name]
    drawn = Scenario.preset(recipe.scenario).sample_episodes(recipe.episodes, recipe.seed)
    np.testing.assert_array_equal(found.episodes.present, drawn.present)
    for attribute, array in drawn.slots.arrays().items():
        np.testing.assert_array_equal(found.episodes.slots.arrays()[attribute], array)
    assert (found.yardsticks.bound <= found.yardsticks.best_known).all()


def test_a_damaged_benchmark_says_how_to_make_it_anew(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be used.*frozen_episodes queues"):
        frozen_episodes.load("queues", tmp_path)
